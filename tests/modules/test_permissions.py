"""permissions at work, with rule files. Reference modules-main, chapter 20 and its corrections."""

from __future__ import annotations

from pathlib import Path

import pytest
from script import Site, request

from runtime.modules.permissions.rules import parse_rules
from runtime.routing.engine import ProgramError

ALLOW = r"""# comment line
"^sip:alice@example\.com$" : "^sip:.*@gw\.example\.com$"
"^sip:bob" , "^sip:carol" : "^sip:1[0-9]+@" , "^sip:911@"   # another

"^sip:dave" EXCEPT "@evil\.com" : ALL EXCEPT "^sip:900"
"""
DENY = r"""
"^sip:(alice|bob|carol|dave|ann)" : ALL
ALL : "^sip:0900"
"""


def routes(tmp_path: Path, call: str, before: str = "", params: str = "", **files: str) -> Site:
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    cfg = f'{params}route {{ {before} if ({call}) sl_send_reply("200", "y"); else sl_send_reply("403", "n"); }}'
    return Site(cfg, "sl permissions", folder=str(tmp_path))


def allowed(site: Site, data: bytes) -> bool:
    return site.answer(data).startswith(b"SIP/2.0 200")


@pytest.mark.parametrize(
    ("sender", "uri", "answer"),
    [
        ("alice@example.com", "sip:x@gw.example.com", True),
        ("Alice@EXAMPLE.com", "sip:x@GW.example.com", True),
        ("alice@example.com", "sip:x@gw2.example.com", False),
        ("alice@example.com:5060", "sip:x@gw.example.com", False),
        ("alice@example.com", "sip:x@gw.example.com:5070;a=b", True),
        ("bob@h", "sip:123@h", True),
        ("bob@h", "sip:1@h", False),
        ("carol@h", "sip:911@h;user=phone", True),
        ("dave@ok.com", "sip:800@h", True),
        ("dave@evil.com", "sip:800@h", False),
        ("dave@ok.com", "sip:900@h", False),
        ("other@h", "sip:x@h", True),
        ("other@h", "sip:h", True),
        ("other@h", "sip:0900123@h", False),
        ("other@h", "tel:+1", False),
    ],
)
def test_calls_are_allowed_unless_denied(tmp_path: Path, sender: str, uri: str, answer: bool) -> None:
    data = request(uri=uri, From=f"<sip:{sender}>;tag=1")
    files = {"a_allow": ALLOW, "a_deny": DENY}
    assert allowed(routes(tmp_path, 'allow_routing("a")', **files), data) is answer
    assert allowed(routes(tmp_path, 'allow_routing("a.allow", "a.deny")', **files), data) is answer
    assert allowed(routes(tmp_path, f'allow_routing("{tmp_path}/a")'), data) is answer


@pytest.mark.parametrize(
    ("line", "sender", "applies"),
    [
        ("john smith : x", "john smith@h", True),
        ("john smith : x", "john  smith@h", False),
        ("ann lee EXCEPT of work : x", "ann lee@h", True),
        ("ann lee EXCEPT of work : x", "ann lee of work@h", False),
        ("EXCEPTION, ALLAN : x", "exception@h", True),
    ],
)
def test_an_expression_may_hold_blanks_without_quotes(line: str, sender: str, applies: bool) -> None:
    assert parse_rules(line).match(sender.encode(), b"x") is applies


@pytest.mark.parametrize("sender", ["<sip:a", "", "<sip:bob@h>;tag=1\r\nFrom: <sip:alice@h>;tag=1", "<sip:a@h >;tag=1"])
def test_a_request_without_a_usable_from_is_refused(tmp_path: Path, sender: str) -> None:
    answer = routes(tmp_path, 'allow_routing("a")', a_deny=DENY).answer(request(From=sender))
    assert answer.startswith(b"SIP/2.0 400 Bad From\r\n")


@pytest.mark.parametrize(
    ("rule", "uri", "applies"),
    [
        ("@192\\.168\\.7\\.21$", "sip:+1@192.168.007.021", True),
        ("@192\\.168\\.7\\.21$", "sip:+1@[::ffff:192.168.7.21]:5060", True),
        ("@192\\.168\\.7\\.21$", "sip:+1@192.168.7.22", False),
        ("@gw\\.Example$", "sip:+1@GW.example.", True),
        ("@\\[2001:db8::1\\]$", "sip:+1@[2001:0DB8:0:0::1]", True),
        ("@\\[2001:db8::1\\]$", "sip:+1@[2001:db8::2]", False),
    ],
)
def test_a_rule_counts_for_each_spelling_of_a_host(tmp_path: Path, rule: str, uri: str, applies: bool) -> None:
    site = routes(tmp_path, 'allow_routing("h")', h_deny=f'ALL : "{rule}"')
    assert allowed(site, request(uri=uri)) is not applies
    site = routes(tmp_path, 'allow_register("h")', h_deny=f'ALL : "{rule}"')
    assert allowed(site, request("REGISTER", Contact=f"<{uri}>")) is not applies


def test_without_files_everything_is_allowed_and_the_log_says_so(tmp_path: Path) -> None:
    site = routes(tmp_path, 'allow_routing("none")')
    assert allowed(site, request(From="<sip:a"))
    assert f"WARNING: permissions: {tmp_path}/none.deny: No such file or directory: no rules" in site.lines(1)


def test_files_are_read_once_at_the_start(tmp_path: Path) -> None:
    site = routes(tmp_path, 'allow_routing("a")', a_deny="ALL : ALL")
    (tmp_path / "a.deny").unlink()
    assert not allowed(site, request())


def test_default_files_lie_beside_ser_cfg_and_can_be_named(tmp_path: Path) -> None:
    assert not allowed(routes(tmp_path, "allow_routing()", permissions_deny="ALL : ALL"), request())
    params = 'modparam("permissions", "default_deny_file", "other")\n'
    assert allowed(routes(tmp_path, "allow_routing()", params=params, other='ALL : "^x"'), request())


def test_suffixes_can_be_set(tmp_path: Path) -> None:
    params = 'modparam("permissions", "allow_suffix", ".yes")\nmodparam("permissions", "deny_suffix", ".no")\n'
    site = routes(tmp_path, 'allow_routing("s")', params=params, s_yes='"^sip:alice" : ALL', s_no="ALL : ALL")
    assert allowed(site, request())
    assert not allowed(site, request(From="<sip:bob@h>;tag=1"))


def test_a_mistake_costs_its_line_alone(tmp_path: Path) -> None:
    deny = '"^sip:alice" : ALL\n"(" : ALL\n"^sip:bob" : ALL'
    site = routes(tmp_path, 'allow_routing("b")', b_allow='"a" "b"', b_deny=deny)
    for user, answer in (("alice", False), ("bob", False), ("carol", True)):
        assert allowed(site, request(From=f"<sip:{user}@h>;tag=1")) is answer
    written = "\n".join(site.lines(-1))
    assert "b.allow: line 1: a rule has two sides" in written
    assert 'b.deny: line 2: "(" is no regular expression' in written


@pytest.mark.parametrize(("branch", "answer"), [("sip:0900@h", False), ("sip:fine@h", True), ("sip:1234@h", True)])
def test_all_branches_must_pass(tmp_path: Path, branch: str, answer: bool) -> None:
    files = {"a_allow": '"^sip:alice" : "^sip:(ok|1234)@"', "a_deny": 'ALL : "^sip:(0900|1234)@"'}
    add = f'append_branch("{branch}");'
    for uri in ("sip:x@h", "sip:ok@h"):
        assert allowed(routes(tmp_path, 'allow_routing("a")', add, **files), request(uri=uri)) is answer
        params = 'modparam("permissions", "check_all_branches", 0)\n'
        assert allowed(routes(tmp_path, 'allow_routing("a")', add, params, **files), request(uri=uri))


REG = {"r_allow": r'"@example\.com" : "^sip:.*@127\.0\.0\.1$"', "r_deny": r'ALL : "@10\." , "@127\." , "^sip:gw@"'}


@pytest.mark.parametrize(
    ("to", "contact", "answer"),
    [
        ("alice@example.com", "<sip:a@10.0.0.1>", False),
        ("alice@example.com", "<sip:a@127.0.0.1:5060;x=y>", True),
        ("alice@example.com", "<sip:a@1.2.3.4>", True),
        ("alice@example.com", "<sip:gw@1.2.3.4>", False),
        ("alice@example.com", "*", True),
        ("alice@example.com", "", True),
        ("alice@example.com", "<sip:10.0.0.1>", True),
        ("alice@example.com", "<sip:a@1.2.3.4>, <sip:a@10.2.2.2>", False),
        ("alice@example.com", "<sip:a@1.2.3.4>\r\nm: <sip:a@10.2.2.2>", False),
        ("alice@example.com", "<tel:+1>", False),
        ("alice@other.org", "<sip:a@127.0.0.1>", False),
        ("alice@other.org", '<sip:a@1.2.3.4>;received="sip:127.0.0.1:5090"', False),
        ("alice@other.org", "<sip:a@1.2.3.4>;q=0.5;Received=sip:127.0.0.1", False),
        ("alice@other.org", '<sip:a@1.2.3.4>;received="sip:1.2.3.4";received="sip:127.0.0.1"', False),
        ("alice@other.org", '<sip:a@1.2.3.4>;received="nonsense"', False),
        ("alice@other.org", "<sip:a@1.2.3.4>;received=", False),
        ("alice@other.org", '<sip:a@1.2.3.4>;received="sip:1.2.3.5:5090"', True),
        ("alice@example.com", '<sip:a@1.2.3.4>;received="sip:x@127.0.0.1:5090"', True),
        ("alice@other.org", "<sip:a@1.2.3.4>\r\nPath: <sip:1.2.3.5;lr>,<sip:127.0.0.1;lr>", False),
        ("alice@other.org", "<sip:a@1.2.3.4>\r\nPATH: <sip:1.2.3.5;lr>\r\nPath : <sip:gw@1.2.3.6>", False),
        ("alice@other.org", "<sip:a@1.2.3.4>\r\nPath: <sip:1.2.3.5;lr>", True),
        ("alice@other.org", "<sip:a@1.2.3.4>\r\nPath: <sip:", False),
        ("alice@other.org", "*\r\nPath: <sip:127.0.0.1;lr>", True),
        ("alice@other.org", "<sip:a@1.2.3.4>", True),
    ],
)
def test_registrations_are_allowed_unless_denied(tmp_path: Path, to: str, contact: str, answer: bool) -> None:
    data = request("REGISTER", To=f"<sip:{to}>", Contact=contact)
    assert allowed(routes(tmp_path, 'allow_register("r")', **REG), data) is answer
    assert allowed(routes(tmp_path, 'allow_register("r.allow", "r.deny")', **REG), data) is answer


def test_nobody_is_trusted_without_a_table(tmp_path: Path) -> None:
    assert not allowed(routes(tmp_path, "allow_trusted()"), request())
    with pytest.raises(ProgramError, match="load dbtext.so before permissions.so"):
        routes(tmp_path, "allow_trusted()", params='modparam("permissions", "db_url", "dbtext:///x")\n')


@pytest.mark.parametrize(
    ("rule", "sender", "destination", "answer"),
    [
        ("alice : bob", b"sip:alice@h", b"sip:bob@h", True),
        ("alice:bob,carol", b"sip:alice@h", b"sip:carol@h", True),
        ('"a,b" : "c:d#e"', b"a,b", b"c:d#e", True),
        ("ALL : ALL", b"", b"", True),
        ("ALL, x : ALL", b"y", b"z", True),
        ("ALL EXCEPT x, y : ALL", b"y", b"z", False),
        ("x : ALL EXCEPT z", b"x", b"z", False),
        ("x : ALL # EXCEPT z", b"x", b"z", True),
        ("x : y#z", b"x", b"y", True),
        ('"^a.c$" : ALL', b"a\nc", b"", True),
        ("x : y\nALL : z", b"w", b"z", True),
        ("ALL : z\nx : y", b"w", b"y", False),
        ("sip:alice : bob", b"sip:alice@h", b"sip:bob@h", True),
        ("^sip:alice@h$ : ^sip", b"sip:alice@h", b"x", False),
        ('"a:b" : c', b"a:b", b"c", True),
        ("a : b : c", b"a : b", b"c", True),
        ('"ALL" : x', b"sip:bob@h", b"x", False),
        ('"ALL" : x', b"sip:wallace@h", b"x", True),
    ],
)
def test_what_rules_say(rule: str, sender: bytes, destination: bytes, answer: bool) -> None:
    assert parse_rules(rule).match(sender, destination) is answer


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ('"a" "b"', "two sides"),
        ('"a" "b" : c', "commas"),
        ('a : b "c"', "commas"),
        (": b", "missing"),
        ("a, : b", "missing"),
        ("a :", "missing"),
        ("a EXCEPT : b", "missing"),
        ("a EXCEPT b EXCEPT c : d", "twice"),
        ("a EXCEPT ALL : d", "matches nothing"),
        ('"a : b', "never closed"),
        ('"" : b', "empty expression"),
        ('"(a" : b', "no regular expression"),
        ("ok : ok\n\na b", "line 3"),
    ],
)
def test_mistakes_in_rules_are_told(rule: str, mistake: str) -> None:
    rules = parse_rules(rule)
    assert mistake in "; ".join(rules.mistakes)
    assert rules.is_empty() is not rule.startswith("ok")


def test_lines_that_are_no_rules_leave_the_others_alone() -> None:
    rules = parse_rules('"(" : ALL\nalice : ALL\nbob "x" : ALL\ncarol : ALL')
    assert [rules.match(name, b"x") for name in (b"alice", b"bob", b"carol")] == [True, False, True]
    assert [mistake.partition(":")[0] for mistake in rules.mistakes] == ["line 1", "line 3"]
