"""Small modules at work: dispatcher, options, gflags, diversion, ext. Reference modules-main, 24, and modules-more, A.2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from script import Site, request

from runtime.modules.dispatcher import hash_of, parse_list
from runtime.modules.ext import Ext
from runtime.routing.engine import ProgramError

LIST = """# comment
1 sip:127.0.0.1:5090

2 sip:127.0.0.1:5092
1 sip:127.0.0.1:5091
  # another
3 sip:u@127.0.0.1:5091;transport=udp
1 sip:127.0.0.1:5092
"""


# --- dispatcher ------------------------------------------------------------------------------------------------------


def dispatching(tmp_path: Path, route: str, more: str = "") -> Site:
    (tmp_path / "dispatcher.list").write_text(LIST)
    cfg = f"{more}route {{ {route} forward(uri:host, uri:port); }}"
    return Site(cfg, "dispatcher textops", folder=str(tmp_path))


def port_of(site: Site, data: bytes) -> int:
    sends = site.say(data)
    assert len(sends) == 1
    return sends[0].destination.port


@pytest.mark.parametrize(
    ("text", "value"), [(b"abc", 7167810), (b"a84b4c76e66710@pc33.atlanta.com", 2175018094), (b"", 1)]
)
def test_the_hash_is_ser_s(text: bytes, value: int) -> None:
    assert hash_of(text) == value


def test_bytes_count_as_signed() -> None:
    # -1 is 0xFFFFFFFF; with itself shifted by 3 bits it makes 0xE0000000.
    assert hash_of(b"\xff") == 0xE0000000 + (0xE0000000 >> 11) + (0xE0000000 >> 13) + (0xE0000000 >> 23)


def test_the_from_uri_decides_as_in_ser(tmp_path: Path) -> None:
    site = dispatching(tmp_path, 'ds_select_dst("1", "1");')
    ports = [port_of(site, request(From=f"<sip:u{i}@h>;tag=1")) for i in (0, 7, 14, 21, 28, 35, 42)]
    assert ports == [5091, 5090, 5090, 5092, 5090, 5091, 5090]


def test_the_call_id_decides_and_the_uri_stays(tmp_path: Path) -> None:
    site = dispatching(tmp_path, 'ds_select_dst("1", "0");')
    ports = {port_of(site, request(Call_ID=f"{i * i}-{i}@host{i}")) for i in range(50)}
    assert ports == {5090, 5091, 5092}
    assert site.answer(request()).startswith(b"OPTIONS sip:bob@example.com SIP/2.0\r\n")


def test_another_algorithm_takes_the_first(tmp_path: Path) -> None:
    site = dispatching(tmp_path, 'ds_select_dst("1", "9");')
    assert {port_of(site, request(Call_ID=f"call{i}@h")) for i in range(20)} == {5090}


def test_a_next_hop_is_kept_unless_forced(tmp_path: Path) -> None:
    twice = 'ds_select_dst("2", "0"); if (ds_select_dst("3", "0")) append_hf("X: again\\r\\n");'
    site = dispatching(tmp_path, twice)
    assert port_of(site, request()) == 5092
    forced = dispatching(tmp_path, twice, 'modparam("dispatcher", "force_dst", 1)\n')
    assert port_of(forced, request()) == 5091
    assert b"X: again" in forced.answer(request())


@pytest.mark.parametrize("data", [request(Call_ID=""), request(From="<sip:a")])
def test_what_cannot_be_hashed_is_not_dispatched(tmp_path: Path, data: bytes) -> None:
    route = 'if (!ds_select_dst("1", "0")) log(1, "no"); if (!ds_select_dst("1", "1")) log(1, "no");'
    site = dispatching(tmp_path, route)
    site.say(data)
    assert "no" in site.lines()


def test_a_set_that_is_not_there_is_false(tmp_path: Path) -> None:
    site = dispatching(
        tmp_path, 'if (!ds_select_dst("7", "0")) append_hf("X: no\\r\\n"); rewritehostport("127.0.0.1:9");'
    )
    assert b"X: no" in site.answer(request())


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("1 nonsense", "line 1: bad uri nonsense"),
        ("\nx sip:127.0.0.1", "line 2 is not SET SIP-URI: x sip:127.0.0.1"),
        ("1", "line 1 is not SET SIP-URI: 1"),
        ("1 sip:a sip:b", "line 1 is not SET SIP-URI"),
        ("-1 sip:a", "line 1 is not SET SIP-URI"),
    ],
)
def test_mistakes_in_a_list_are_told_by_line(text: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        parse_list(text)


def test_a_comment_may_stand_behind_a_destination() -> None:
    assert parse_list("1 sip:a # the old one\n1 sip:b #") == {1: [b"sip:a", b"sip:b"]}


def test_an_empty_list_is_a_list() -> None:
    assert parse_list("") == {}


def test_the_server_does_not_start_without_its_list(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=f"cannot read {tmp_path}/dispatcher.list: No such file"):
        Site('route { ds_select_dst("1", "0"); }', "dispatcher", folder=str(tmp_path))
    (tmp_path / "other").write_text("1 nonsense\n")
    with pytest.raises(ProgramError, match=f"{tmp_path}/other: line 1: bad uri"):
        Site(
            'modparam("dispatcher", "list_file", "other")\nroute { ds_select_dst("1", "0"); }',
            "dispatcher",
            folder=str(tmp_path),
        )


# --- options ---------------------------------------------------------------------------------------------------------


def options(params: str = "", rest: str = 'sl_send_reply("404", "No");') -> Site:
    return Site(f"{params}route {{ options_reply(); {rest} }}", "sl options")


def test_options_are_answered_with_what_the_server_takes() -> None:
    answer = options().answer(request(uri="sip:127.0.0.1:5070"))
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert b"\r\nAccept: */*\r\nAccept-Encoding: \r\nAccept-Language: en\r\nSupport: \r\n" in answer


def test_every_header_can_be_set() -> None:
    params = "".join(
        f'modparam("options", "{name}", "{value}")\n'
        for name, value in {"accept": "a/b", "accept_encoding": "x", "accept_language": "de", "support": "path"}.items()
    )
    answer = options(params).answer(request(uri="sip:127.0.0.1:5070"))
    assert b"\r\nAccept: a/b\r\nAccept-Encoding: x\r\nAccept-Language: de\r\nSupport: path\r\n" in answer


@pytest.mark.parametrize(
    "data", [request(uri="sip:bob@127.0.0.1"), request("BYE", uri="sip:127.0.0.1"), request(uri="tel:+1")]
)
def test_what_is_not_for_the_server_is_left_to_the_script(data: bytes) -> None:
    assert options().answer(data).startswith(b"SIP/2.0 404 ")


# --- gflags ----------------------------------------------------------------------------------------------------------


def test_flags_outlive_messages() -> None:
    shown = "".join(f'if (is_gflag("{i}")) append_to_reply("X: {i}\\r\\n");' for i in (0, 1, 2, 3, 31))
    change = 'if (method == "INVITE") { set_gflag("1"); reset_gflag("0"); set_gflag("31"); }'
    site = Site(
        f'modparam("gflags", "initial", 5)\nroute {{ {shown} {change} sl_send_reply("200", "OK"); }}',
        "sl textops gflags",
    )

    def flags(method: str) -> list[bytes]:
        return [line[3:] for line in site.answer(request(method)).split(b"\r\n") if line.startswith(b"X: ")]

    assert flags("OPTIONS") == flags("INVITE") == [b"0", b"2"]
    assert flags("OPTIONS") == [b"1", b"2", b"31"]


def test_flags_are_shared_by_processes() -> None:
    site = Site('route { if (method == "BYE") set_gflag("7"); if (is_gflag("7")) log(1, "set"); }', "gflags")
    child = os.fork()
    if child == 0:
        site.say(request("BYE"))
        os._exit(0)
    os.waitpid(child, 0)
    site.say(request())
    assert "set" in site.lines()


# --- diversion -------------------------------------------------------------------------------------------------------


def diverted(route: str, data: bytes) -> list[str]:
    site = Site(f"route {{ {route} forward(127.0.0.1, 5090); }}", "diversion textops")
    lines = site.answer(data).decode().split("\r\n")
    return [line for line in lines if line.startswith(("Diversion", "X"))]


def test_the_received_uri_and_the_reason_stand_in_diversion() -> None:
    route = 'rewriteuser("other"); add_diversion("no-answer"); append_hf("X: y\\r\\n");'
    assert diverted(route, request()) == ["Diversion: <sip:bob@example.com>;reason=no-answer", "X: y"]


def test_the_newest_diversion_is_on_top() -> None:
    route = 'append_hf("X: y\\r\\n"); add_diversion("1"); add_diversion("2");'
    uri = "<sip:bob@example.com>;reason="
    assert diverted(route, request()) == ["X: y", f"Diversion: {uri}2", f"Diversion: {uri}1"]
    old = request(Diversion="<sip:old@h>;reason=0", X_B="c")
    assert diverted(route, old) == [
        f"Diversion: {uri}2",
        f"Diversion: {uri}1",
        "Diversion: <sip:old@h>;reason=0",
        "X-B: c",
        "X: y",
    ]


def test_a_message_that_breaks_off_among_its_headers_gets_no_diversion() -> None:
    assert diverted('add_diversion("1");', request().partition(b"\r\nContent-Length")[0]) == []


# --- ext -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "uris"),
    [
        ("echo sip:a@b sip:c@d", ["sip:a@b"]),
        ("sed 's/bob/carol/'", ["sip:carol@example.com:99"]),
        ("printf ''", []),
        ("echo nonsense", []),
        ("echo sip:a@b; exit 1", []),
        ("printf 'sip:%01030d@h' 1", []),
    ],
)
def test_a_program_rewrites_the_uri(command: str, uris: list[str]) -> None:
    ctx = Site("route { drop; }", "ext").context(request(uri="sip:bob@example.com:99"))
    assert Ext().ext_rewriteuri(ctx, command.encode()) is bool(uris)
    assert [ctx.uri().decode()] == (uris or ["sip:bob@example.com:99"])
    assert not ctx.branches


def test_further_words_become_branches_up_to_a_number() -> None:
    ctx = Site("route { drop; }", "ext").context(request())
    assert Ext(max_branches=2).ext_rewriteuri(ctx, b"echo sip:a@h sip:b@h sip:c@h sip:d@h")
    assert ctx.uri() == b"sip:a@h"
    assert [(branch.uri, branch.q) for branch in ctx.branches] == [(b"sip:b@h", 1000), (b"sip:c@h", 1000)]


def test_uris_are_not_looked_at_without_check_new_uri() -> None:
    ctx = Site("route { drop; }", "ext").context(request())
    assert Ext(check_new_uri=0).ext_rewriteuri(ctx, b"echo tel:+1")
    assert ctx.uri() == b"tel:+1"


def test_a_program_rewrites_the_user() -> None:
    ctx = Site("route { drop; }", "ext").context(request(uri="sip:bob:pw@example.com:99;x=y"))
    assert Ext(max_branches=1).ext_rewriteuser(ctx, b"sed 's/$/1 other/'")
    assert ctx.uri() == b"sip:bob1:pw@example.com:99;x=y"
    assert [branch.uri for branch in ctx.branches] == [b"sip:other:pw@example.com:99;x=y"]


def test_without_a_user_there_is_none_to_rewrite() -> None:
    ctx = Site("route { drop; }", "ext").context(request(uri="sip:example.com"))
    assert Ext().ext_rewriteuser(ctx, b"echo x")
    assert ctx.new_uri is None
