"""Replies that are made here, without state. Reference core, 6.3, 8.3 and 8.4; RFC 3261 8.2.6 and 18.2.2."""

from __future__ import annotations

import pytest
from engine import Names, Server, header, vias, where
from script import request

from runtime.modules import core
from runtime.routing import errors
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.decisions import Target
from runtime.routing.program import Program, Route
from runtime.routing.replying import q_text, send_reply
from runtime.routing.sockets import SocketName
from runtime.routing.verdict import verdict
from runtime.routing.world import SERVER


def ok(ctx: Context) -> int:
    return verdict(send_reply(ctx, 200, b"OK", b"tag"))


def forced(ctx: Context) -> int:
    core.force_rport(ctx)
    return ok(ctx)


def server(route: Route = ok, config: Config = Config(), names: Names | None = None) -> Server:
    program = Program(config=config, request=route)
    return Server(program, ("udp:127.0.0.1:5070", "udp:[::1]:5070"), names=names)


# --- where to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent_by", "target"),
    [
        ("127.0.0.1:5080;branch=1", "udp:127.0.0.9:5080"),
        ("127.0.0.1;branch=1", "udp:127.0.0.9:5060"),
        ("client.example.com:5080", "udp:127.0.0.9:5080"),
        ("127.0.0.1:5080;rport", "udp:127.0.0.9:15888"),
        ("127.0.0.1:5080;rport=7", "udp:127.0.0.9:15888"),
        ("127.0.0.1:5080;received=9.9.9.9", "udp:127.0.0.9:5080"),
        ("127.0.0.1:65536", "udp:127.0.0.9:5060"),
        ("127.0.0.1:0", "udp:127.0.0.9:5060"),
    ],
)
def test_a_reply_goes_to_the_source_and_the_port_of_the_via(sent_by: str, target: str) -> None:
    data = request(Via=f"SIP/2.0/UDP {sent_by}")
    assert where(server().only(data, "127.0.0.9", 15888)) == target
    assert where(server(forced).only(data, "127.0.0.9", 15888)) == "udp:127.0.0.9:15888"


@pytest.mark.parametrize(
    ("sent_by", "target"),
    [
        ("192.0.2.7:5080", "udp:192.0.2.7:5080"),
        ("192.0.2.7", "udp:192.0.2.7:5060"),
        ("192.0.2.7:5080;rport", "udp:192.0.2.7:15888"),
        ("192.0.2.7:5080;received=9.9.9.9", "udp:192.0.2.7:5080"),
        ("known.example.com:5080", "udp:192.0.2.8:5080"),
        ("srv.example.com", "udp:192.0.2.9:5099"),
        ("unknown.example.com", None),
    ],
)
def test_with_reply_to_via_it_goes_to_the_host_of_the_via(sent_by: str, target: str | None) -> None:
    names = Names({"known.example.com": "192.0.2.8"}, {"srv.example.com": ("192.0.2.9", 5099)})
    site = server(config=Config(reply_to_via=True), names=names)
    sends = site.say(request(Via=f"SIP/2.0/UDP {sent_by}"), "127.0.0.9", 15888)
    assert [where(s) for s in sends] == ([] if target is None else [target])
    assert site.counters.local_replies == len(sends)


def test_it_leaves_by_the_socket_that_the_request_came_by_unless_one_is_forced() -> None:
    site = server()
    assert site.only(request(), "::1", to=1).socket is site.sockets[1]
    name = SocketName("udp", "127.0.0.2", 5070)

    def route(ctx: Context) -> int:
        core.force_send_socket(ctx, name)
        return ok(ctx)

    listen = ("udp:127.0.0.1:5070", "udp:127.0.0.2:5070")
    two = Server(Program(config=Config(), request=route, socket_names=(name,)), listen)
    assert two.only(request()).socket is two.sockets[1]


# --- what is in it ---------------------------------------------------------------------------------------------------


def test_the_whole_reply() -> None:
    data = request("OPTIONS", "sip:bob@example.com", Via="SIP/2.0/UDP 10.0.0.1:5080;rport;branch=1,SIP/2.0/UDP b")
    assert server().only(data, port=15888).data.decode() == (
        "SIP/2.0 200 OK\r\n"
        "Via: SIP/2.0/UDP 10.0.0.1:5080;rport=15888;branch=1;received=127.0.0.1,SIP/2.0/UDP b\r\n"
        "From: <sip:alice@example.com>;tag=ft1\r\n"
        "To: <sip:bob@example.com>;tag=tag\r\n"
        "Call-ID: cid1@h\r\n"
        "CSeq: 1 OPTIONS\r\n"
        f"Server: {SERVER.decode()}\r\n"
        "Content-Length: 0\r\n"
        'Warning: 392 127.0.0.1:5070 "Noisy feedback tells:  pid=4711 req_src_ip=127.0.0.1 req_src_port=15888 '
        'in_uri=sip:bob@example.com out_uri=sip:bob@example.com via_cnt==1"\r\n'
        "\r\n"
    )


def test_server_and_warning_can_be_left_out() -> None:
    data = server(config=Config(server_signature=False, sip_warning=False)).only(request()).data
    assert header(data, "Server") is None and header(data, "Warning") is None
    assert header(data, "Content-Length") == "0"


def test_the_warning_shows_both_uris_and_counts_the_via_lines() -> None:
    def route(ctx: Context) -> int:
        ctx.set_uri(b"sip:carol@example.com")
        return ok(ctx)

    warning = header(
        server(route).only(request(Via="SIP/2.0/UDP a,SIP/2.0/UDP b\r\nVia: SIP/2.0/UDP c")).data, "Warning"
    )
    assert warning is not None
    assert warning.endswith('in_uri=sip:bob@example.com out_uri=sip:carol@example.com via_cnt==2"')


@pytest.mark.parametrize("uri", ["sip:b@" + "h" * 100 + ".example.com", 'sip:"b"@h', "sip:b\\@h"])
def test_a_warning_that_would_be_too_long_or_broken_is_left_out(uri: str) -> None:
    assert header(server().only(request(uri=uri)).data, "Warning") is None


def test_a_body_is_counted() -> None:
    data = server(lambda ctx: verdict(send_reply(ctx, 200, b"OK", b"", b"hello"))).only(request()).data
    assert header(data, "Content-Length") == "5" and data.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize(
    "vias_of", ["SIP/2.0/UDP 10.0.0.1;received=9.9.9.9", "SIP/2.0/UDP 127.0.0.1;received=127.0.0.1"]
)
def test_received_is_replaced_and_not_doubled(vias_of: str) -> None:
    assert vias(server().only(request(Via=vias_of)).data)[0].count("received=127.0.0.1") == 1
    assert "9.9.9.9" not in vias(server().only(request(Via=vias_of)).data)[0]


# --- redirections ----------------------------------------------------------------------------------------------------


def contact(uri: bytes | None, *branches: Target, code: int = 302, q: int = -1) -> str | None:
    """The Contact of a redirection for a request whose URI has become `uri`."""

    def route(ctx: Context) -> int:
        if uri is not None:
            ctx.set_uri(uri)
        ctx.q = q
        ctx.branches.extend(branches)
        return verdict(send_reply(ctx, code, b"Moved", b""))

    return header(server(route).only(request()).data, "Contact")


def test_a_redirection_lists_the_rewritten_uri_and_the_branches() -> None:
    assert contact(b"sip:a@h1", Target(b"sip:b@h2", b"", -1)) == "sip:a@h1, sip:b@h2"
    assert contact(b"sip:a@h1", Target(b"sip:b@h2", b"", 500), q=900) == "<sip:a@h1>;q=0.9, <sip:b@h2>;q=0.5"
    assert contact(None, Target(b"sip:b@h2", b"", 0)) == "<sip:b@h2>;q=0"
    assert contact(None) is None


@pytest.mark.parametrize(("code", "there"), [(299, False), (300, True), (399, True), (400, False)])
def test_only_redirections_have_a_contact(code: int, there: bool) -> None:
    assert (contact(b"sip:a@h1", code=code) is not None) is there


def test_a_uri_that_would_be_misread_without_brackets_gets_them() -> None:
    assert (
        contact(b"sip:a@h1;transport=tcp", Target(b"sip:b@h2?x=y", b"", -1))
        == "<sip:a@h1;transport=tcp>, <sip:b@h2?x=y>"
    )


def test_a_contact_over_512_bytes_is_left_out() -> None:
    assert contact(b"sip:" + b"a" * 490 + b"@h") is not None
    assert contact(b"sip:" + b"a" * 500 + b"@h") is None


@pytest.mark.parametrize(
    ("q", "text"), [(0, b"0"), (1, b"0.001"), (10, b"0.01"), (500, b"0.5"), (999, b"0.999"), (1000, b"1"), (1001, b"1")]
)
def test_a_q_is_written_without_trailing_zeros(q: int, text: bytes) -> None:
    assert q_text(q) == text


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "phrase"),
    [
        (errors.SEND, 477, b"Unfortunately error on sending to next hop occurred (477/SL)"),
        (errors.BAD_ADDRESS, 478, b"Unresolvable destination (478/SL)"),
        (errors.BAD_URI, 479, b"Regretfully, we were not able to process the URI (479/SL)"),
        (errors.BAD_REQUEST, 400, b"Bad Request (400/SL)"),
        (errors.BAD_TUPLE, 400, b"Transaction tuple incomplete (9/SL)"),
        (errors.BAD_TO, 400, b"Bad To (13/SL)"),
        (errors.Q_CHARACTER, 400, b"Invalid character in q parameter (15/SL)"),
        (errors.Q_EMPTY, 400, b"Empty q parameter (16/SL)"),
        (errors.Q_TOO_BIG, 400, b"q parameter too big (17/SL)"),
        (errors.Q_NO_DECIMALS, 400, b"Decimal part missing in q (18/SL)"),
        (errors.EXEC, 500, b"Error in external logic (11/SL)"),
        (errors.TOO_MANY_BRANCHES, 500, b"Forking capacity exceeded (12/SL)"),
        (errors.NO_SOCKET, 500, b"I'm terribly sorry, server error occurred (7/SL)"),
        (errors.UNSPECIFIED, 500, b"I'm terribly sorry, server error occurred (1/SL)"),
    ],
)
def test_an_error_becomes_sers_reply(error: int, code: int, phrase: bytes) -> None:
    assert errors.reply_for(error, b"SL") == (code, phrase)
