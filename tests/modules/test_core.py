"""Actions and operands of the language, compiled from ser.cfg. Reference core, 5.2 to 5.5."""

from __future__ import annotations

from pathlib import Path

import pytest
from script import Site, reply, request

from runtime.routing.context import L_ERR, L_WARN

URI = "sip:bob@example.com"


def is_true(
    condition: str, uri: str = URI, data: bytes | None = None, source: str = "127.0.0.1", **headers: str
) -> bool:
    site = Site(f'alias="ser.example.com"\nroute {{ if ({condition}) log(1, "yes"); else log(1, "no"); }}', "")
    site.say(request(uri=uri, **headers) if data is None else data, source)
    answers = [line for line in site.lines() if line in ("yes", "no")]
    assert len(answers) == 1, site.lines()
    return answers == ["yes"]


def rewritten(actions: str, uri: str = URI) -> str:
    """The Request-URI after the actions."""
    site = Site(f"route {{ {actions} forward(127.0.0.1, 5090); }}", "")
    return site.answer(request(uri=uri)).split(b" ")[1].decode()


# --- rewriting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ('seturi("sip:x@y;z")', "sip:b@h", "sip:x@y;z"),
        ('rewriteuri("anything")', "tel:+1", "anything"),
        ('sethost("n")', "sip:b:pw@h:5066;x=y?s=1", "sip:b:pw@n:5066;x=y?s=1"),
        ('rewritehost("[::1]")', "sip:h", "sip:[::1]"),
        ('sethostport("n:99")', "sip:b@h:5066;x", "sip:b@n:99;x"),
        ('rewritehostport("n")', "sip:b@h:5066;x", "sip:b@n;x"),
        ('setport("99")', "sip:b@h;x", "sip:b@h:99;x"),
        ('rewriteport("99")', "sip:[::1]:5066", "sip:[::1]:99"),
        ('setport("")', "sip:b@h:5066;x", "sip:b@h;x"),
        ('setuser("n")', "sip:b:pw@h;x", "sip:n:pw@h;x"),
        ('rewriteuser("n")', "sip:h;x", "sip:n@h;x"),
        ('setuser("")', "sip:b:pw@h", "sip:h"),
        ('setuserpass("n:qw")', "sip:b:pw@h", "sip:n:qw@h"),
        ('rewriteuserpass("n")', "sip:b:pw@h", "sip:n@h"),
        ('setuserpass("")', "sip:b:pw@h", "sip:h"),
        ('prefix("00")', "sip:b:pw@h", "sip:00b:pw@h"),
        ('prefix("00")', "sip:h:5066", "sip:00@h:5066"),
        ("strip(1)", "sip:bob:pw@h", "sip:ob:pw@h"),
        ("strip(0)", "sip:bob@h", "sip:bob@h"),
        ("strip(3)", "sip:bob@h", "sip:h"),
        ("strip(9)", "sip:bob@h", "sip:h"),
        ("strip(1)", "sip:h", "sip:h"),
        ("strip_tail(1)", "sip:bob@h", "sip:bo@h"),
        ("strip_tail(3)", "sip:bob@h;x", "sip:h;x"),
        ("strip_tail(4)", "sip:bob@h", "sip:h"),
        # A secure URI stays secure (SER made it sip:).
        ('sethost("n")', "sips:b@h;x", "sips:b@n;x"),
        ('prefix("00")', "SIPS:b@h", "sips:00b@h"),
    ],
)
def test_an_action_rewrites_its_part_of_the_uri(action: str, before: str, after: str) -> None:
    assert rewritten(action + ";", before) == after


@pytest.mark.parametrize(
    "action",
    [
        'sethost("n")',
        'sethostport("n")',
        'setport("1")',
        'setuser("n")',
        'setuserpass("n")',
        'prefix("0")',
        "strip(1)",
        "strip_tail(1)",
    ],
)
@pytest.mark.parametrize("uri", ["tel:+12015550123", "sip:b@", "sip:b@h:99999"])
def test_a_uri_that_is_none_is_left_alone_and_said(action: str, uri: str) -> None:
    site = Site(f'route {{ if (!{action}) log(1, "false"); forward(127.0.0.1, 5090); }}', "")
    assert site.answer(request(uri=uri)).split(b" ")[1].decode() == uri
    assert "bad uri" in site.lines(L_ERR)[0] and site.lines(1) == ["false"]


def test_rewriting_adds_up_and_can_be_taken_back() -> None:
    assert rewritten('setuser("n"); sethost("m"); setport("1"); prefix("0");', "sip:b@h;x") == "sip:0n@m:1;x"
    assert rewritten('setuser("n"); revert_uri(); sethost("m");', "sip:b@h;x") == "sip:b@m;x"
    assert rewritten('setuser("n"); revert_uri();', "sip:b@h;x") == "sip:b@h;x"


@pytest.mark.parametrize("action", ['setuser("{}")', 'prefix("{}")', 'sethost("{}")', 'seturi("sip:{}")'])
def test_a_uri_over_1024_bytes_is_refused(action: str) -> None:
    assert rewritten(action.format("x" * 900) + ";").count("x") > 890
    assert rewritten(action.format("x" * 1030) + ";") == URI


def test_stripping_more_than_there_is_warns() -> None:
    site = Site("route { strip(4); strip_tail(3); }", "")
    site.say(request())
    assert site.lines(L_WARN) == [
        "WARNING: strip: 4 characters to strip, the user has 3",
        "WARNING: strip_tail: 3 characters to strip, the user has 0",
    ]


# --- operands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ("method==OPTIONS", True),
        ('method=="options"', True),
        ('method=="OPTION"', False),
        ('method!="INVITE"', True),
        ('method=~"^O.*S$"', True),
        ('method=~"^ption"', False),
        ('uri=="sip:bob@example.com"', True),
        ('uri=="SIP:BOB@EXAMPLE.COM"', True),
        ('uri=="sip:bob@example.com.evil"', False),
        ('uri!="sip:bob"', True),
        ('uri=~"sip:[a-c]ob@"', True),
        ('uri=~"SIP:BOB"', True),
        ('from_uri=="sip:alice@example.com"', True),
        ('from_uri=~"^alice"', False),
        ('from_uri=~"alice"', True),
        ('to_uri=="sip:bob@example.com"', True),
        ('to_uri!="sip:bob@example.com"', False),
        ("src_ip==127.0.0.1", True),
        ("src_ip==127.0.0.0/8", True),
        ("src_ip==127.0.0.0/255.0.0.0", True),
        ("src_ip!=10.0.0.0/8", True),
        ("src_ip==::1", False),
        ("src_ip==myself", True),
        ("dst_ip==127.0.0.1", True),
        ("dst_ip==myself", True),
        ("src_port==5080", True),
        ("dst_port==5070", True),
        ("dst_port!=5070", False),
        ("proto==UDP", True),
        ("proto==TCP", False),
        ("af==INET", True),
        ("af==INET6", False),
        ("msg:len>=max_len", False),
        ("msg:len>100", True),
        ("msg:len<100", False),
        ("uri==myself", False),
        ("1", True),
        ("0", False),
        ("!(method==INVITE || uri==myself)", True),
        ("method==OPTIONS && !(src_port==5080)", False),
        ('src_ip=="localhost"', True),
        ('src_ip=="nowhere.test"', False),
        ('src_ip=~"^127[.]"', True),
        ('dst_ip=~"0[.]1$"', True),
    ],
)
def test_an_operand_is_compared(condition: str, answer: bool) -> None:
    assert is_true(condition) is answer
    assert is_true(f"!({condition})") is not answer


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        ("sip:127.0.0.1:5070", True),
        ("sip:bob@127.0.0.1:5070;x", True),
        ("sip:127.0.0.1", False),
        ("sip:127.0.0.2:5070", False),
        ("sips:127.0.0.1:5070", True),
    ],
)
def test_myself_is_a_listening_address_with_its_port(uri: str, answer: bool) -> None:
    assert is_true("uri==myself", uri) is answer
    assert is_true("uri!=myself", uri) is not answer


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        ("sip:bob@127.0.0.1", True),
        ("sip:bob@127.0.0.1:5070;x", True),
        ("sip:bob@127.0.0.1:9999", True),
        ("sips:bob@127.0.0.1", True),
        ("sip:127.000.0.1:1", True),
        ("sip:bob@127.0.0.2:5070", False),
        ("tel:+43", False),
    ],
)
def test_a_user_is_ours_whatever_port_stands_behind_the_domain(uri: str, answer: bool) -> None:
    """RFC 3261 19.1.1, table 1."""
    assert is_true("from_uri==myself", From=f"<{uri}>;tag=1") is answer
    assert is_true("to_uri==myself", To=f"<{uri}>") is answer
    if not uri.startswith("tel:"):
        assert is_true("from_uri!=myself", From=f"<{uri}>;tag=1") is not answer
        assert is_true("to_uri!=myself", To=f"<{uri}>") is not answer


@pytest.mark.parametrize(
    "condition",
    ["uri==myself", "uri!=myself", "from_uri==myself", "from_uri!=myself", "to_uri==myself", "to_uri!=myself"],
)
def test_a_uri_that_is_none_is_neither_myself_nor_not(condition: str) -> None:
    for either in (condition, f"!({condition})"):
        assert not is_true(either, "tel:+3", From="<tel:+1>;tag=1", To="<tel:+2>")


@pytest.mark.parametrize("broken", ["", "<sip:a@h", '"a <sip:a@h>', ";tag=1"])
@pytest.mark.parametrize("test", ['=="sip:a@h"', '!="sip:a@h"', '=~"a"', "==myself"])
def test_a_broken_to_makes_every_comparison_false(broken: str, test: str) -> None:
    assert not is_true(f"to_uri{test}", To=broken) and not is_true(f"!(to_uri{test})", To=broken)


UNREADABLE = [
    "",
    "<sip:a@h",
    '"a <sip:a@h>',
    ";tag=1",
    "<sip:a@127.0.0.1:5070 >;tag=1",
    "< sip:a@127.0.0.1:5070>;tag=1",
    "<sip:a@127.0.0.1:5070\0>;tag=1",
    "<sip:a@127.0.0\t.1:5070>;tag=1",
    "<sip:a@other.example>, <sip:a@127.0.0.1:5070>;tag=1",
    "<sip:a@other.example> <sip:a@127.0.0.1:5070>;tag=1",
    "<sip:a@other.example>;tag=1\r\nFrom: <sip:a@127.0.0.1:5070>;tag=1",
    "<sip:a@other.example>;tag=1\r\nf: <sip:a@other.example>;tag=1",
]


@pytest.mark.parametrize("broken", UNREADABLE)
@pytest.mark.parametrize("test", ['=="sip:a@h"', '!="sip:a@h"', '=~"a"', "==myself", "!=myself"])
def test_who_asks_about_a_from_that_cannot_be_read_lets_nobody_pass(broken: str, test: str) -> None:
    cfg = f'route {{ if (from_uri{test}) log(1, "yes"); else log(1, "no"); forward(127.0.0.1, 5090); }}'
    site = Site(cfg, "")
    assert site.answer(request(From=broken)).startswith(b"SIP/2.0 400 Bad From\r\n")
    assert not {"yes", "no"} & set(site.lines())
    # An ACK has no answer.
    assert site.say(request("ACK", From=broken)) == []


@pytest.mark.parametrize(
    "sender",
    [
        "sip:a@127.0.0.1:5070",
        "<sip:a@127.0.0.1:5070>",
        '"A, B" <sip:a@127.0.0.1:5070>;tag=1',
        "A <sip:a@127.0.0.1:5070> ;tag=1",
        "A\r\n <sip:a@127.0.0.1.:5070>;tag=1\r\n ;x",
    ],
)
def test_who_writes_a_from_as_others_do_is_known(sender: str) -> None:
    assert is_true("from_uri==myself", From=sender)


def test_a_from_that_nobody_asks_about_may_be_anything_as_in_ser() -> None:
    site = Site("route { forward(127.0.0.1, 5090); }", "")
    assert site.answer(request(From="<sip:a@h >;tag=1")).startswith(b"OPTIONS ")


def test_what_is_answered_already_is_not_answered_again() -> None:
    site = Site('route { sl_send_reply("200", "OK"); if (from_uri==myself) log(1, "yes"); else log(1, "no"); }', "sl")
    assert site.answer(request(From="<sip:a@h")).startswith(b"SIP/2.0 200 ")
    assert "no" in site.lines()


def test_the_rewritten_uri_is_compared() -> None:
    site = Site('route { setuser("n"); if (uri=="sip:n@example.com") log(1, "yes"); }', "")
    site.say(request())
    assert site.lines() == ["yes"]


@pytest.mark.parametrize(("size", "answer"), [(499, False), (500, True), (501, True)])
def test_the_size_is_that_of_the_datagram(size: int, answer: bool) -> None:
    data = request(body="x")
    data += b"x" * (size - len(data))
    assert is_true("msg:len>=500", data=data) is answer


def test_ipv6_sources_are_of_their_family() -> None:
    assert is_true("af==INET6", source="::1") and is_true("src_ip==::1", source="::1")
    assert not is_true("src_ip==127.0.0.1", source="::1")


# --- other actions ---------------------------------------------------------------------------------------------------


def test_flags_are_set_reset_and_asked() -> None:
    site = Site(
        "route { setflag(1); setflag(31); setflag(2); resetflag(2); resetflag(7);"
        ' if (isflagset(1)) log(1, "1"); if (isflagset(2)) log(1, "2"); if (isflagset(31)) log(1, "31"); if (isflagset(7)) log(1, "7"); }',
        "",
    )
    site.say(request())
    assert site.lines(1) == ["1", "31"]


def test_log_takes_its_text_as_it_is() -> None:
    site = Site(r'route { log(1, "100%s %n\n"); log("plain"); log(2, "notice"); }', "", level=3)
    site.say(request())
    assert site.log.records == [(1, "100%s %n"), (2, "notice")]


def test_error_says_that_it_does_nothing() -> None:
    site = Site('route { if (error("a", "b")) log(1, "true"); }', "")
    site.say(request())
    assert "not implemented" in site.lines(2)[0] and site.lines(1) == ["true"]


def test_exec_runs_a_command_and_says_how_it_failed(tmp_path: Path) -> None:
    site = Site(f'route {{ exec("echo hello >{tmp_path}/said"); if (exec("exit 3")) log(1, "true"); }}', "")
    site.say(request())
    with open(f"{tmp_path}/said") as said:
        assert said.read() == "hello\n"
    assert site.lines(1) == ["true"] and "exit status 3" in site.lines(L_ERR)[0]


@pytest.mark.parametrize(
    ("action", "contact"),
    [
        ("append_branch();", b"Contact: sip:bob@example.com\r\n"),
        ('append_branch("sip:c@h");', b"Contact: sip:c@h\r\n"),
        (
            'append_branch("sip:c@h", "0.25"); append_branch("sip:d@h", "1");',
            b"Contact: <sip:c@h>;q=0.25, <sip:d@h>;q=1\r\n",
        ),
        ('setuser("n"); append_branch(); revert_uri();', b"Contact: sip:n@example.com\r\n"),
        ('setuser("n"); append_branch("sip:c@h");', b"Contact: sip:n@example.com, sip:c@h\r\n"),
    ],
)
def test_branches_show_in_a_redirection(action: str, contact: bytes) -> None:
    answer = Site(f'route {{ {action} sl_send_reply("302", "Moved"); }}', "sl").answer(request())
    assert contact in answer


def test_send_sends_what_was_received() -> None:
    data = request()
    site = Site('route { setuser("n"); force_rport(); send(127.0.0.1, 5099); send("127.0.0.2"); }', "")
    assert [(s.data, s.destination.pair()) for s in site.say(data)] == [
        (data, ("127.0.0.1", 5099)),
        (data, ("127.0.0.2", 5060)),
    ]


def test_send_tcp_sends_over_tcp() -> None:
    (sent,) = Site("route { send_tcp(127.0.0.1, 5099); }", "").say(request())
    assert sent.socket.proto_name == "tcp"


def test_force_send_socket_and_advertised_values_show_in_the_via() -> None:
    site = Site(
        'route { force_send_socket(udp:127.0.0.1:5070); set_advertised_address("a.example.com"); set_advertised_port(99);'
        " forward(127.0.0.1, 5090); }",
        "",
    )
    assert b"\r\nVia: SIP/2.0/UDP a.example.com:99;branch=" in site.answer(request())


def test_a_reply_runs_no_script() -> None:
    site = Site('route { log(1, "ran"); }', "")
    site.say(reply())
    assert site.lines(1) == []


# --- flow ------------------------------------------------------------------------------------------------------------


def test_break_leaves_its_route_and_drop_too() -> None:
    site = Site(
        'route { route(1); route(2); log(1, "main"); drop; log(1, "never"); }'
        ' route[1] { if (method==OPTIONS) { log(1, "one"); break; } log(1, "never"); }'
        ' route[2] { log(1, "two"); drop(); log(1, "never"); }',
        "",
    )
    site.say(request())
    assert site.lines(1) == ["one", "two", "main"]
    assert site.engine.world.counters.failed_scripts == 0


def test_the_last_action_decides_whether_the_script_failed() -> None:
    for script, failed in (('isflagset(1); log(1, "x");', 0), ('log(1, "x"); isflagset(1);', 1)):
        site = Site(f"route {{ {script} }}", "")
        site.say(request())
        assert site.engine.world.counters.failed_scripts == failed
