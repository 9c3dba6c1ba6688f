"""Requests on their way to the next hop, without state. Reference core, 6.2, 6.4 and 6.5; RFC 3261 16.6."""

from __future__ import annotations

import pytest
from engine import Names, Server, header, relay, vias, where
from script import request

from runtime.modules import core
from runtime.modules.rr import Rr
from runtime.routing import errors
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.destination import Destination
from runtime.routing.engine import ProgramError
from runtime.routing.program import Program, Route
from runtime.routing.sockets import SocketName
from runtime.routing.verdict import verdict

V4 = "udp:127.0.0.1:5070"
V6 = "udp:[::1]:5070"
TO_5090 = "sip:bob@127.0.0.1:5090"
PLAIN = Config()


def server(
    route: Route = relay, config: Config = PLAIN, listen: tuple[str, ...] = (V4,), names: Names | None = None
) -> Server:
    return Server(Program(config=config, request=route), listen, names=names)


def top_via(site: Server, data: bytes, to: int = 0) -> str:
    """The Via that the server puts on top, up to its branch."""
    return vias(site.only(data, to=to).data)[0].partition(";branch=")[0]


# --- the message -----------------------------------------------------------------------------------------------------


def test_our_via_is_put_on_top_and_nothing_else_changes() -> None:
    data = request("INVITE", TO_5090, body="v=0\r\n", Subject="one\r\n two")
    sent = server().only(data)
    own = sent.data.partition(b"\r\n")[2].partition(b"\r\n")[0]
    assert own.startswith(b"Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK")
    assert sent.data.replace(own + b"\r\n", b"", 1) == data
    assert where(sent) == "udp:127.0.0.1:5090"


def test_our_via_stands_right_above_the_first_via() -> None:
    data = request("OPTIONS", TO_5090, Via="").replace(
        b"CSeq:", b"Via: SIP/2.0/UDP 127.0.0.1:5080,SIP/2.0/UDP b\r\nCSeq:"
    )
    names = [line.partition(b":")[0] for line in server().only(data).data.split(b"\r\n")[1:]]
    assert names[names.index(b"Via") - 1] == b"Call-ID" and names.count(b"Via") == 2


def test_the_uri_is_the_rewritten_one() -> None:
    def route(ctx: Context) -> int:
        core.set_user(ctx, b"carol")
        return relay(ctx)

    assert (
        server(route).only(request("OPTIONS", TO_5090)).data.startswith(b"OPTIONS sip:carol@127.0.0.1:5090 SIP/2.0\r\n")
    )


def test_leading_line_ends_go_out_again() -> None:
    sent = server().only(b"\r\n\r\n" + request("OPTIONS", TO_5090))
    assert sent.data.startswith(b"\r\n\r\nOPTIONS sip:bob@127.0.0.1:5090 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;")


def test_a_message_with_lf_alone_goes_out_with_our_line_added() -> None:
    data = request("OPTIONS", TO_5090).replace(b"\r\n", b"\n")
    sent = server().only(data).data
    own = sent.split(b"\n")[1]
    assert sent.replace(own + b"\n", b"", 1) == data


@pytest.mark.parametrize("data", [request("OPTIONS", TO_5090)[:-2], request("OPTIONS", TO_5090)[:-20]])
def test_a_message_that_was_cut_off_goes_on_as_it_is(data: bytes) -> None:
    assert server().only(data).data.endswith(data.partition(b"\r\n")[2])


def test_the_largest_datagram_goes_on() -> None:
    data = request("MESSAGE", TO_5090, body="x" * 65_000)
    data += b"y" * (65_535 - len(data))
    assert len(server().only(data).data) > 65_535


@pytest.mark.parametrize(
    "via", ["SIP/2.0/UDP 127.0.0.1:5080;rport=\r\nX-After: 1", "SIP/2.0/UDP 127.0.0.1:5080;rport=;x\r\nX-After: 1"]
)
def test_an_rport_with_nothing_behind_its_equals_sign_is_filled(via: str) -> None:
    sent = server().only(request("OPTIONS", TO_5090, Via=via), port=15888).data
    assert vias(sent)[1].startswith("SIP/2.0/UDP 127.0.0.1:5080;rport=15888")
    assert header(sent, "X-After") == "1"


# --- received, rport -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent_by", "forced", "noted"),
    [
        ("127.0.0.1:5080;branch=x", False, "127.0.0.1:5080;branch=x"),
        ("127.0.0.1;branch=x", False, "127.0.0.1;branch=x"),
        ("10.1.1.1:15888;rport;branch=x", False, "10.1.1.1:15888;received=127.0.0.1;rport=15888;branch=x"),
        ("10.0.0.1;branch=a", True, "10.0.0.1;rport=15888;received=127.0.0.1;branch=a"),
        ("127.0.0.1;branch=a", True, "127.0.0.1;rport=15888;branch=a"),
        ("127.0.0.1:5080;received=9.9.9.9;branch=x", False, "127.0.0.1:5080;received=127.0.0.1;branch=x"),
        ("client.example.com;branch=x", False, "client.example.com;received=127.0.0.1;branch=x"),
        ("127.0.0;branch=x", False, "127.0.0;received=127.0.0.1;branch=x"),
    ],
)
def test_the_topmost_via_notes_where_the_request_came_from(sent_by: str, forced: bool, noted: str) -> None:
    def route(ctx: Context) -> int:
        if forced:
            core.force_rport(ctx)
        return relay(ctx)

    data = request("OPTIONS", TO_5090, Via=f"SIP/2.0/UDP {sent_by}, SIP/2.0/UDP below")
    assert vias(server(route).only(data, port=15888).data)[1] == f"SIP/2.0/UDP {noted}, SIP/2.0/UDP below"


@pytest.mark.parametrize(
    ("config", "names", "received"),
    [
        (Config(), {"client.example.com": "127.0.0.1"}, True),
        (Config(dns=True), {"client.example.com": "127.0.0.1"}, False),
        (Config(dns=True), {"client.example.com": "127.0.0.2"}, True),
        (Config(rev_dns=True), {"client.example.com": "127.0.0.1"}, False),
        (Config(rev_dns=True), {"other.example.com": "127.0.0.1"}, True),
        (Config(dns=True, rev_dns=True), {}, True),
    ],
)
def test_names_in_the_via_are_looked_up_only_if_the_config_says_so(
    config: Config, names: dict[str, str], received: bool
) -> None:
    site = server(config=config, names=Names(names))
    data = request("OPTIONS", TO_5090, Via="SIP/2.0/UDP Client.example.com:5080;branch=x")
    assert ("received" in vias(site.only(data).data)[1]) is received


# --- our own Via -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "listen", "sent_by"),
    [
        (PLAIN, V4, "127.0.0.1:5070"),
        (PLAIN, "udp:127.0.0.1:5060", "127.0.0.1"),
        (PLAIN, "udp:[::1]:5060", "[::1]"),
        (PLAIN, V6, "[::1]:5070"),
        (Config(advertised_address="sip.example.com"), V4, "sip.example.com:5070"),
        (Config(advertised_address="sip.example.com"), "udp:127.0.0.1:5060", "sip.example.com"),
        (Config(advertised_port=5099), V4, "127.0.0.1:5099"),
        (Config(advertised_port=5060), V4, "127.0.0.1:5060"),
        (Config(advertised_address="sip.example.com", advertised_port=5099), V6, "sip.example.com:5099"),
    ],
)
def test_our_via_names_the_socket_or_what_is_advertised(config: Config, listen: str, sent_by: str) -> None:
    target = "sip:bob@[::1]:5090" if "[" in listen else TO_5090
    assert top_via(server(config=config, listen=(listen,)), request("OPTIONS", target)) == f"SIP/2.0/UDP {sent_by}"


def test_a_message_can_advertise_something_else() -> None:
    def route(ctx: Context) -> int:
        core.set_advertised_address(ctx, b"a.example.com")
        core.set_advertised_port(ctx, 5061)
        return relay(ctx)

    site = server(route, Config(advertised_address="b.example.com", advertised_port=5099))
    assert top_via(site, request("OPTIONS", TO_5090)) == "SIP/2.0/UDP a.example.com:5061"


def test_record_route_shows_what_is_advertised_and_stands_above_our_via() -> None:
    rr = Rr()

    def route(ctx: Context) -> int:
        rr.record_route(ctx)
        return relay(ctx)

    config = Config(advertised_address="b.example.com")
    sent = Server(Program(config=config, modules=(rr,), request=route)).only(request("INVITE", TO_5090)).data
    lines = sent.split(b"\r\n")
    assert lines[1] == b"Record-Route: <sip:b.example.com:5070;ftag=ft1;lr>"
    assert lines[2].startswith(b"Via: SIP/2.0/UDP b.example.com:5070;")


def test_syn_branch_off_makes_sers_branch() -> None:
    config = Config(syn_branch=False)
    branch = vias(server(config=config).only(request("OPTIONS", TO_5090)).data)[0].partition(";branch=")[2]
    cookie, digest, last = branch.split(".")
    assert cookie.startswith("z9hG4bK") and len(digest) == 32 and last == "0"


@pytest.mark.parametrize("config", [PLAIN, Config(syn_branch=False)])
def test_retransmissions_have_the_same_branch_and_other_requests_another(config: Config) -> None:
    site = server(config=config)
    first, again, other = (
        vias(site.only(request("OPTIONS", TO_5090, Call_ID=call_id)).data)[0] for call_id in ("1", "1", "2")
    )
    assert first == again != other


# --- where to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "port", "target"),
    [
        (TO_5090, core.URI_PORT, "udp:127.0.0.1:5090"),
        (TO_5090, 0, "udp:127.0.0.1:5060"),
        (TO_5090, 5095, "udp:127.0.0.1:5095"),
        ("sip:127.0.0.1", core.URI_PORT, "udp:127.0.0.1:5060"),
        ("sip:b@known.example.com:5090", core.URI_PORT, "udp:192.0.2.7:5090"),
        ("sip:b@KNOWN.example.com", core.URI_PORT, "udp:192.0.2.7:5060"),
        ("sip:b@srv.example.com", core.URI_PORT, "udp:192.0.2.8:5099"),
        ("sip:b@srv.example.com", 5095, None),
        ("sip:b@127.0.0.1:5090;transport=udp", core.URI_PORT, "udp:127.0.0.1:5090"),
        ("sip:b@127.0.0.1:5090;transport=tcp", core.URI_PORT, "tcp:127.0.0.1:5090"),
        ("sip:b@127.0.0.1:5090;maddr=9.9.9.9", core.URI_PORT, "udp:127.0.0.1:5090"),
    ],
)
def test_the_host_of_the_uri_is_the_next_hop(uri: str, port: int, target: str | None) -> None:
    names = Names({"known.example.com": "192.0.2.7"}, {"srv.example.com": ("192.0.2.8", 5099)})
    site = server(
        lambda ctx: verdict(core.forward_uri(ctx, core.SAME, port)), listen=(V4, "tcp:127.0.0.1:5070"), names=names
    )
    sends = site.say(request("OPTIONS", uri))
    assert [where(s) for s in sends] == ([] if target is None else [target])


def test_a_module_can_set_another_next_hop() -> None:
    def route(ctx: Context) -> int:
        ctx.dst_uri = b"sip:127.0.0.1:5095;lr"
        return relay(ctx)

    sent = server(route).only(request("OPTIONS", TO_5090))
    assert where(sent) == "udp:127.0.0.1:5095" and sent.data.startswith(b"OPTIONS sip:bob@127.0.0.1:5090 ")


def test_a_transport_that_nobody_knows_counts_as_not_said() -> None:
    sent = server(relay).only(request("OPTIONS", TO_5090 + ";transport=foo"))
    assert where(sent) == "udp:127.0.0.1:5090"


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("tel:+12015550123", errors.BAD_SCHEME),
        ("urn:service:sos", errors.BAD_SCHEME),
        ("sip:bob@", errors.BAD_URI),
        ("sip:bob@h:99999", errors.BAD_URI),
        ("sip:bob@unknown.example.com", errors.BAD_ADDRESS),
        ("sip:bob@h;transport=sctp", errors.UNSPECIFIED),
        ("sip:bob@127.0.0.1;transport=tcp", errors.NO_SOCKET),
        ("sip:bob@[::1]:5090", errors.NO_SOCKET),
    ],
)
def test_a_next_hop_that_cannot_be_reached_sends_nothing_and_says_why(uri: str, error: int) -> None:
    seen: list[int] = []

    def route(ctx: Context) -> int:
        done = core.forward_uri(ctx, core.SAME, core.URI_PORT)
        seen.append(ctx.error)
        return verdict(done)

    site = server(route)
    assert site.say(request("OPTIONS", uri)) == []
    assert seen == [error]
    assert site.counters.failed_scripts == 1 and site.counters.forwarded_requests == 0
    assert site.lines(-1)[0].startswith("ERROR: forward: ")


def test_addresses_that_were_met_before_are_the_same_with_another_port() -> None:
    site = server()
    for port in (5090, 5091, 5090):
        assert where(site.only(request("OPTIONS", f"sip:127.0.0.1:{port}"))) == f"udp:127.0.0.1:{port}"
    assert site.names.asked == []


def test_forward_and_send_go_to_a_fixed_destination() -> None:
    destination = Destination(b"known.example.com", 5091)

    def route(ctx: Context) -> int:
        core.forward(ctx, destination, core.SAME)
        return verdict(core.send(ctx, destination, core.UDP))

    program = Program(config=PLAIN, request=route, destinations=(destination,))
    site = Server(program, names=Names({"known.example.com": "192.0.2.7"}))
    data = request("OPTIONS", TO_5090)
    forwarded, as_received = site.say(data)
    assert where(forwarded) == where(as_received) == "udp:192.0.2.7:5091"
    assert len(vias(forwarded.data)) == 2 and as_received.data == data


def test_a_fixed_destination_that_has_no_address_keeps_the_server_from_starting() -> None:
    with pytest.raises(ProgramError, match=r"cannot resolve nowhere\.example\.com"):
        Server(Program(config=PLAIN, request=relay, destinations=(Destination(b"nowhere.example.com", 0),)))


# --- where from ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "received_on", "uri", "source"),
    [
        ((V4, "udp:127.0.0.2:5071"), 1, TO_5090, 1),
        ((V4, V6), 0, "sip:[::1]:5090", 1),
        ((V4, V6), 1, TO_5090, 0),
        # The default is the first that is not loopback.
        ((V4, "udp:192.0.2.1:5060", V6), 2, TO_5090, 1),
        ((V4, "udp:127.0.0.2:5070", "tcp:127.0.0.1:5070"), 2, TO_5090, 0),
    ],
)
def test_the_request_leaves_by_the_socket_it_came_by_if_that_can_reach_the_next_hop(
    listen: tuple[str, ...], received_on: int, uri: str, source: int
) -> None:
    site = server(listen=listen)
    sent = site.only(request("OPTIONS", uri), to=received_on)
    assert sent.socket is site.sockets[source]


@pytest.mark.parametrize(("kernel", "source"), [("192.0.2.1", 1), ("127.0.0.1", 0), ("192.0.2.99", None)])
def test_with_mhomed_the_kernel_chooses_the_interface(kernel: str, source: int | None) -> None:
    site = server(config=Config(mhomed=True), listen=(V4, "udp:192.0.2.1:5066"), names=Names(outgoing=kernel))
    sends = site.say(request("OPTIONS", TO_5090))
    assert [s.socket.index for s in sends] == ([] if source is None else [source])


@pytest.mark.parametrize(
    ("name", "proto", "index"),
    [
        (SocketName("udp", "127.0.0.2", 5070), core.UDP, 1),
        (SocketName("", "127.0.0.2", 0), core.UDP, 1),
        # Of another protocol: the socket with the same address, else the usual one.
        (SocketName("tcp", "127.0.0.2", 5070), core.UDP, 1),
        (SocketName("tcp", "127.0.0.3", 5070), core.UDP, 0),
    ],
)
def test_force_send_socket_says_where_from(name: SocketName, proto: int, index: int) -> None:
    def route(ctx: Context) -> int:
        core.force_send_socket(ctx, name)
        return verdict(core.forward_uri(ctx, proto, core.URI_PORT))

    listen = (V4, "udp:127.0.0.2:5070", "tcp:127.0.0.2:5070", "tcp:127.0.0.3:5070")
    site = Server(Program(config=PLAIN, request=route, socket_names=(name,)), listen)
    sent = site.only(request("OPTIONS", TO_5090))
    assert sent.socket.index == index
    assert vias(sent.data)[0].startswith(f"SIP/2.0/UDP 127.0.0.{index + 1}:5070;")


@pytest.mark.parametrize(
    ("uri", "index"),
    [(TO_5090, 0), ("sip:bob@[::1]:5090", None)],
)
def test_nothing_is_sent_from_a_socket_that_a_single_process_does_not_read(uri: str, index: int | None) -> None:
    name = SocketName("udp", "127.0.0.2", 5070)
    errors_seen: list[int] = []

    def route(ctx: Context) -> int:
        core.force_send_socket(ctx, name)
        done = relay(ctx)
        errors_seen.append(ctx.error)
        return done

    site = Server(Program(config=PLAIN, request=route, socket_names=(name,)), (V4, "udp:127.0.0.2:5070", V6))
    site.engine.world.sockets.alone = site.sockets[0]
    assert [s.socket.index for s in site.say(request("OPTIONS", uri))] == ([] if index is None else [index])
    assert any("fork=no" in line for line in site.lines())
    # SER tries its only socket all the same, and cannot send.
    assert (errors_seen == [errors.SEND]) is (index is None)


def test_a_socket_that_is_not_listened_on_keeps_the_server_from_starting() -> None:
    program = Program(config=PLAIN, request=relay, socket_names=(SocketName("udp", "127.0.0.9", 5070),))
    with pytest.raises(ProgramError, match=r"not listening on udp:127\.0\.0\.9:5070"):
        Server(program)


# --- Content-Length --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", ["4", None])
def test_a_shorter_body_corrects_content_length_if_there_is_one(length: str | None) -> None:
    def route(ctx: Context) -> int:
        start = ctx.message.body_start
        ctx.delete(start, start + 1)
        return relay(ctx)

    data = request("MESSAGE", TO_5090, body="hello")
    if length is None:
        data = data.replace(b"Content-Length: 5\r\n", b"")
    sent = server(route).only(data).data
    assert sent.endswith(b"\r\n\r\nello") and header(sent, "Content-Length") == length


def test_headers_added_at_the_end_leave_content_length_alone() -> None:
    def route(ctx: Context) -> int:
        ctx.append_header(b"X-A: 1\r\n")
        ctx.append_header(b"X-B: 2\r\n")
        return relay(ctx)

    sent = server(route).only(request("MESSAGE", TO_5090, body="hello")).data
    assert sent.endswith(b"Content-Length: 5\r\nX-A: 1\r\nX-B: 2\r\n\r\nhello")


def test_a_message_that_breaks_off_among_its_headers_takes_none_more() -> None:
    added: list[bool] = []

    def route(ctx: Context) -> int:
        added.append(ctx.append_header(b"X-A: 1\r\n"))
        return relay(ctx)

    data = request("MESSAGE", TO_5090)[:-2]
    site = server(route)
    assert site.only(data).data.endswith(b"Content-Length: 0\r\n") and added == [False]
    assert "breaks off" in site.lines(-1)[0]


def test_a_removed_via_takes_its_received_with_it() -> None:
    def route(ctx: Context) -> int:
        start = ctx.message.buf.index(b"Via:")
        ctx.delete(start, ctx.message.buf.index(b"Max-Forwards"))
        return relay(ctx)

    sent = server(route).only(request("OPTIONS", TO_5090, Via="SIP/2.0/UDP h;rport;branch=1")).data
    assert len(vias(sent)) == 1 and b"received" not in sent and b"rport" not in sent
