"""serc trace: what of ser.cfg runs for a message, and what comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from serc.commands import serc

INVITE = """\
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.9:5071;branch=z9hG4bKa
From: "Alice" <sip:alice@example.com>;tag=1
To: <sip:bob@example.com>
Call-ID: 1@x
CSeq: 1 INVITE
Max-Forwards: 70
Authorization: Digest realm="x"
"""

CFG = """\
listen=udp:127.0.0.1:5060
alias="example.com"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "xlog.so"
route {
  if (method != "INVITE" && src_port == 5071) break;
  if (from_uri =~ "alice" || from_uri == "sip:x@y") { setflag(3); }
  if (!(uri == "sip:bob@example.com")) break;
  route(1);
}
route[1] {
  remove_hf("Authorization"); prefix("0");
  append_hf("X-Was: here\\r\\n");
  xlog("L_ERR", "calling %ru\\n");
  rewritehostport("127.0.0.8:5090");
  t_on_failure("2");
  if (!t_relay()) sl_reply_error();
}
failure_route[2] { route(3); }
route[3] { log(1, "too late\\n"); }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ser.cfg").write_text(CFG)
    Path("invite.sip").write_text(INVITE)
    return tmp_path


def events(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert serc.main(["trace", "ser.cfg", *arguments, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def step(steps: list[dict[str, Any]], code: str, kind: str = "") -> dict[str, Any]:
    return next(s for s in steps if s["code"].startswith(code) and kind in ("", s["kind"]))


def test_each_statement_has_its_line_its_outcome_and_what_it_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (event,) = events(capsys, "invite.sip")
    steps = event["steps"]
    assert [s["line"] for s in steps if s["kind"] == "call"] == [9, 11, 14, 14, 15, 16, 17, 18, 19]
    assert step(steps, "setflag")["changes"] == [{"what": "flags", "before": "", "after": "3"}]
    (change,) = step(steps, "prefix")["changes"]
    assert (change["what"], change["before"], change["after"]) == (
        "uri",
        "sip:bob@example.com",
        "sip:0bob@example.com",
    )
    assert step(steps, "remove_hf")["changes"][0]["after"] == '-Authorization: Digest realm="x"'
    assert step(steps, "append_hf")["changes"][0]["after"] == "+X-Was: here"
    assert step(steps, "xlog")["log"] == [{"level": -1, "line": "calling 0bob@example.com"}]
    relay = step(steps, "t_relay")
    assert [send["to"] for send in relay["sent"]] == ["udp:127.0.0.9:5071", "udp:127.0.0.8:5090"]
    assert "INVITE sip:0bob@127.0.0.8:5090 SIP/2.0" in relay["sent"][1]["message"]
    assert step(steps, "route(1)")["depth"] == 0 and relay["depth"] == 1


def test_a_condition_shows_both_of_its_sides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (event,) = events(capsys, "invite.sip")
    steps = event["steps"]
    method = step(steps, "method !=", "test")
    assert (method["left"], method["outcome"]) == ("INVITE", "false")
    sender = step(steps, "from_uri =~", "test")
    assert (sender["left"], sender["outcome"]) == ("sip:alice@example.com", "true")
    # What AND and OR did not have to ask did not run.
    assert not any(s["code"].startswith(("src_port", "from_uri ==")) for s in steps if s["kind"] == "test")
    assert step(steps, '!(uri == "sip:bob', "branch")["outcome"] == "no"
    assert step(steps, 'uri == "sip:bob', "test")["outcome"] == "true"


def test_a_header_that_cannot_be_read_makes_an_error_of_a_test(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # (A From that cannot be read ends the route, see docs/compatibility.md.)
    Path("ser.cfg").write_text(CFG.replace("from_uri", "to_uri"))
    Path("bad.sip").write_text(INVITE.replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com"))
    (event,) = events(capsys, "bad.sip")
    callee = step(event["steps"], "to_uri =~", "test")
    assert callee["outcome"] == "error" and callee["left"].startswith("nothing: ")
    assert step(event["steps"], "to_uri =~", "branch")["outcome"] == "no"


def test_time_goes_on_after_the_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = events(capsys, "invite.sip", "--after", "40")
    again = [(e["at_ms"], s["to"]) for e in found for s in e["sent"] if s["again"]]
    assert again[:3] == [(ms, "udp:127.0.0.8:5090") for ms in (1000, 3000, 7000)]
    late = next(e for e in found if e["steps"] and not e.get("received"))
    assert [s["line"] for s in late["steps"]] == [21, 22]
    assert late["sent"][0]["message"].startswith("SIP/2.0 408 ")


def test_the_text_form_is_one_line_for_a_statement(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["trace", "ser.cfg", "invite.sip", "--from", "127.0.0.7:5072"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0.000 s  INVITE sip:bob@example.com, from udp:127.0.0.7:5072"
    assert [line.split() for line in lines if "prefix(" in line] == [["14", 'prefix("0")', "true"]]
    assert "          uri: sip:bob@example.com -> sip:0bob@example.com" in lines
    assert "          sends INVITE sip:0bob@127.0.0.8:5090 to udp:127.0.0.8:5090" in lines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.sip"], "cannot read missing.sip"),
        (["ser.cfg"], "ser.cfg is no SIP message"),
        (["invite.sip", "--from", "tcp:127.0.0.7"], ""),
        (["invite.sip", "--from", "nobody"], "--from nobody: write an address"),
        (["invite.sip", "--from", "1.2.3.4:99999"], "--from 1.2.3.4:99999: write an address"),
        (["invite.sip", "--from", "[::1]:0"], "--from [::1]:0: write an address"),
        (["invite.sip", "--dns", "a=b"], "--dns a=b: write NAME=IP"),
        (["invite.sip", "--dns", "=1.2.3.4"], "--dns =1.2.3.4: write NAME=IP"),
        (["invite.sip", "--after", "nan"], "--after: nan: write a number from 0 to 86400"),
        (["invite.sip", "--after", "inf"], "--after: inf: write a number from 0 to 86400"),
        (["invite.sip", "--after", "-5"], "--after: -5: write a number from 0 to 86400"),
        (["invite.sip", "--after", "soon"], "--after: soon: write a number from 0 to 86400"),
        (["invite.sip", "--level", "x"], "--level: x: write a number from -3 to 9"),
        (["invite.sip", "--level", "1" * 5000], ": write a number from -3 to 9"),
    ],
)
def test_what_cannot_be_traced_is_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    Path("ser.cfg").write_text("disable_tcp=yes\n" + CFG)
    try:
        assert serc.main(["trace", "ser.cfg", *arguments]) == 1
    except SystemExit as e:
        assert e.code == 2
    error = capsys.readouterr().err
    assert (said or "the server does not listen on tcp") in error


@pytest.mark.parametrize("port", ["0", "99999", "70000"])
def test_a_port_in_via_that_there_is_none_of_is_not_where_a_message_comes_from(
    folder: Path, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    text = Path("invite.sip").read_text()
    Path("invite.sip").write_text(re.sub(r"(?m)^(Via: SIP/2.0/UDP [^:;\r\n]+)(:\d+)?", rf"\1:{port}", text))
    assert events(capsys, "invite.sip")[0]["from"].endswith(":5060")


def test_a_config_with_errors_shows_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("ser.cfg").write_text("route { drop }\n")
    assert serc.main(["trace", "ser.cfg", "invite.sip"]) == 1
    assert "ser.cfg:1:" in capsys.readouterr().err


def test_nothing_of_the_outside_is_touched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program does not run, a database is not opened, and a name is only what --dns says."""
    Path("ser.cfg").write_text(
        'loadmodule "exec.so"\nloadmodule "mysql.so"\nloadmodule "sl.so"\nloadmodule "group.so"\nroute {\n'
        '  exec_msg("touch ran");\n  if (is_user_in("From", "ld")) break;\n  rewritehost("gw.example.net");\n'
        "  forward(uri:host, uri:port);\n}\n"
    )
    (event,) = events(capsys, "invite.sip", "--dns", "gw.example.net=127.0.0.6")
    assert not Path("ran").exists()
    assert step(event["steps"], "is_user_in")["outcome"] == "false"
    assert step(event["steps"], "forward")["sent"][0]["to"] == "udp:127.0.0.6:5060"


def test_json_commands_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C1 controls, marks of direction and line separators are written as escapes, and are what they were when read."""
    strange = "\x9b31m \u202e \u2028 \x1b ä"
    (tmp_path / "ser.cfg").write_bytes(
        f'loadmodule "sl.so"\nroute {{ log(1, "{strange}"); sl_send_reply("404", "No"); }}\n'.encode()
    )
    (tmp_path / "m.sip").write_bytes(INVITE.replace("\n", "\r\n").encode() + b"\r\n")
    assert serc.main(["trace", str(tmp_path / "ser.cfg"), str(tmp_path / "m.sip"), "--json"]) == 0
    out = capsys.readouterr().out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", out)
    assert "31m" in json.dumps(json.loads(out))
