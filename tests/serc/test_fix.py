"""serc check --fix: what each cure writes, that none makes anything worse, and that a second run finds nothing to do."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from runtime.modules import catalogue
from serc.commands import serc
from serc.diagnostics.report import Report
from serc.fixing import Fixed, fixed, weight
from serc.frontend import analyse
from serc.reading.source import Source

MODULES = "sl tm rr maxfwd usrloc registrar textops xlog mysql auth auth_db avpops".split()
LOADS = "".join(f'loadmodule "{m}.so"\n' for m in MODULES)
CASES = sorted(Path(__file__).with_name("cases").glob("*.cfg"))


def check(source: Source) -> Report:
    return analyse(source, catalogue, {"HOME": "/root"})[1]


def mended(text: str, unsafe: bool = False) -> Fixed:
    return fixed(Source("ser.cfg", text), check, lambda _, fix: unsafe or fix.is_safe)


def in_route(body: str) -> str:
    return f"{LOADS}route {{\n{body}\n}}\n"


# A statement that cannot be compiled, or does the same, and what comes of it.
SAFE = [
    ('sl_send_reply("404", "x")\nbreak;', 'sl_send_reply("404", "x");\nbreak;'),
    ('if (method = "INVITE") t_relay();', 'if (method == "INVITE") t_relay();'),
    ('if (method === "INVITE") t_relay();', 'if (method == "INVITE") t_relay();'),
    ('if (uri ~= "^sip:0") t_relay();', 'if (uri =~ "^sip:0") t_relay();'),
    ("if (method == INVITE) { t_relay(); }; else drop;", "if (method == INVITE) { t_relay(); } else drop;"),
    ("if (method == ACK) drop; elseif (method == BYE) drop;", "if (method == ACK) drop; else if (method == BYE) drop;"),
    ("IF (method == ACK) drop;", "if (method == ACK) drop;"),
    ("if (method == ACK) then drop;", "if (method == ACK)  drop;"),
    ("if (method == ACK) { drop; } esle { t_relay(); }", "if (method == ACK) { drop; } else { t_relay(); }"),
    ("if (method == ACK) {}", "if (method == ACK) {;}"),
    ("{ t_relay(); }", " t_relay(); "),
    ("t_relay() ;\n)", "t_relay() ;"),
    ("if (ruri == myself) drop;", "if (uri == myself) drop;"),
    ("if (from_urii == myself) drop;", "if (from_uri == myself) drop;"),
    ("recrd_route(); t_relay();", "record_route(); t_relay();"),
    ("T_RELAY();", "t_relay();"),
    ("t_relay;", "t_relay();"),
    ('sl_send_reply(404, "x");', 'sl_send_reply("404", "x");'),
    ('sl_send_reply("404" "x");', 'sl_send_reply("404", "x");'),
    ('sl_send_reply(“404”, "x");', 'sl_send_reply("404", "x");'),
    ('sl_send_reply("404", "x);', 'sl_send_reply("404", "x");'),
    ('setflag("5"); if (isflagset(5)) drop;', "setflag(5); if (isflagset(5)) drop;"),
    ('strip("2"); t_relay();', "strip(2); t_relay();"),
    ("prefix(00); t_relay();", 'prefix("00"); t_relay();'),
    ("forward(a-route.example.org); # x", 'forward("a-route.example.org"); # x'),
    ('if (src_port == "5060") drop;', "if (src_port == 5060) drop;"),
    ('if (proto == "tcp") drop;', "if (proto == tcp) drop;"),
    ("if (src_port == 08) drop;", "if (src_port == 8) drop;"),
    ('if (src_ip =~ "10.0.0.1") drop;', "if (src_ip == 10.0.0.1) drop;"),
    ("if (src_ip == 10.0.0.1/8) drop;", "if (src_ip == 10.0.0.0/8) drop;"),
    ("t_relay(); // done", "t_relay(); # done"),
    ("t_relay();\N{NO-BREAK SPACE}", "t_relay();"),
    ("return;", "break;"),
    ("return(1);", "break;"),
    ('if (is_method("ACK|BYE")) drop;', 'if ((method == "ACK" || method == "BYE")) drop;'),
    ('t_on_negative("1"); t_relay();', 't_on_failure("1"); t_relay();'),
    ("addRecordRoute(); t_relay();", "record_route(); t_relay();"),
    ("t_relay();  # serc: ignore[SER0502]", "t_relay();  "),
    ("drop;  # old serc: ignore[SER0502, SER0504]", "drop;  # old "),
]


@pytest.mark.parametrize(("before", "after"), SAFE, ids=[before for before, _ in SAFE])
def test_a_safe_cure(before: str, after: str) -> None:
    text = in_route(before.encode().decode("latin-1"))
    result = mended(text)
    assert result.source.text.split("route {\n", 1)[1].split("\n}", 1)[0].strip() == after.strip()
    assert not result.report.has_errors, result.report.diagnostics
    assert mended(result.source.text).done == []


ITEMS = [
    (
        'loadmodul "sl.so"\nroute { sl_send_reply("404", "x"); }',
        'loadmodule "sl.so"\nroute { sl_send_reply("404", "x"); }',
    ),
    ("loadmodule /lib/sl.so\nroute { drop; }", 'loadmodule "/lib/sl.so"\nroute { drop; }'),
    ('loadmodule ("sl.so")\nroute { drop; }', 'loadmodule "sl.so"\nroute { drop; }'),
    ('loadmodule "/lib/sl"\nroute { drop; }', 'loadmodule "/lib/sl.so"\nroute { drop; }'),
    (
        'loadmodule "/lib/regitrar.so"\nroute { drop; }',
        'loadmodule "/lib/sl.so"\nloadmodule "/lib/usrloc.so"\nloadmodule "/lib/registrar.so"\nroute { drop; }',
    ),
    ('loadmodule "sl.so\nroute { drop; }', 'loadmodule "sl.so"\nroute { drop; }'),
    ('loadmodule "sl.so"\nloadmodule "sl.so"\nroute { drop; }', 'loadmodule "sl.so"\nroute { drop; }'),
    (
        'loadmodule "/lib/sl.so"  # x\nroute { t_newtran(); drop; }',
        'loadmodule "/lib/sl.so"  # x\nloadmodule "/lib/tm.so"\nroute { t_newtran(); drop; }',
    ),
    (
        'route { if (!lookup("location")) drop; t_relay(); }',
        'loadmodule "sl.so"\nloadmodule "usrloc.so"\nloadmodule "registrar.so"\nloadmodule "tm.so"\nroute { if (!lookup("location")) drop; t_relay(); }',
    ),
    (
        'modparam("tm", "fr_timer", 5)\nloadmodule "tm.so"\nroute { drop; }',
        'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 5)\nroute { drop; }',
    ),
    (
        'loadmodule "tm.so"\nmodparam("tm" "fr_timer", 5)\nroute { drop; }',
        'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 5)\nroute { drop; }',
    ),
    (
        'loadmodule "tm.so"\nmodparam("tm", "fr_timr", "5")\nroute { drop; }',
        'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 5)\nroute { drop; }',
    ),
    (
        'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 5)\nmodparam("tm", "fr_timer", 6)\nroute { drop; }',
        'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 6)\nroute { drop; }',
    ),
    ("debug: 3\nroute { drop; }", "debug= 3\nroute { drop; }"),
    ("debug 3\nroute { drop; }", "debug= 3\nroute { drop; }"),
    ("debug==3\nroute { drop; }", "debug=3\nroute { drop; }"),
    ("debg=3\nroute { drop; }", "debug=3\nroute { drop; }"),
    ('debug="3"\nroute { drop; }', "debug=3\nroute { drop; }"),
    ("debug=3;\nroute { drop; }", "debug=3\nroute { drop; }"),
    ("debug=3\ndebug=4\nroute { drop; }", "debug=4\nroute { drop; }"),
    ("log_facility=LOG_LOCL0\nroute { drop; }", "log_facility=LOG_LOCAL0\nroute { drop; }"),
    ('listen="10.0.0.1:5070"\nroute { drop; }', 'listen="10.0.0.1":5070\nroute { drop; }'),
    ("listen=10.0.0.1\nlisten=10.0.0.1\nroute { drop; }", "listen=10.0.0.1\nroute { drop; }"),
    ("alias=a.example.org, b.example.org\nroute { drop; }", "alias=a.example.org  b.example.org\nroute { drop; }"),
    ("udp_workers=4\nroute { drop; }", "children=4\nroute { drop; }"),
    ("memdbg=4\nroute { drop; }", "route { drop; }"),
    ("route(1) { drop; }\nroute { route(1); }", "route[1] { drop; }\nroute { route(1); }"),
    ("rout { drop; }", "route { drop; }"),
    ("request_route { drop; }", "route { drop; }"),
    ("route { route[1]; }\nroute[1] { drop; }", "route { route(1); }\nroute[1] { drop; }"),
    ('route { route("1"); }\nroute[1] { drop; }', "route { route(1); }\nroute[1] { drop; }"),
    ('loadmodule "db_mysql.so"\nroute { drop; }', 'loadmodule "mysql.so"\nroute { drop; }'),
]


@pytest.mark.parametrize(("before", "after"), ITEMS, ids=[before for before, _ in ITEMS])
def test_a_safe_cure_of_an_item(before: str, after: str) -> None:
    result = mended(before)
    assert result.source.text.split("\n") == after.split("\n")
    assert not result.report.has_errors, result.report.diagnostics


RELAY = 'if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); break; }\n'
# What runs and is wrong, and the cure that somebody has to look at.
UNSAFE = [
    ('if (uri == "^sip:0.*") drop;', 'if (uri =~ "^sip:0.*") drop;'),
    ('if (uri =~ "^sip:\\d+@") drop;', 'if (uri =~ "^sip:[0-9]+@") drop;'),
    ('if (method == "INVIT") drop;', 'if (method == "INVITE") drop;'),
    ('if (src_ip == "10.0.0.0/8") drop;', "if (src_ip == 10.0.0.0/8) drop;"),
    ("if (src_port == 010) drop;", "if (src_port == 10) drop;"),
    ('xlog("L_INFO", "call of $ru");', 'xlog("L_INFO", "call of %ru");'),
    (
        RELAY + 'if (uri =~ "^sip:0") sl_send_reply("403", "No");\nprefix("1"); t_relay();',
        RELAY + 'if (uri =~ "^sip:0") { sl_send_reply("403", "No"); break; }\nprefix("1"); t_relay();',
    ),
    (
        RELAY + 'if (method == BYE) {\n    sl_send_reply("403", "No");\n}\nprefix("1"); t_relay();',
        RELAY + 'if (method == BYE) {\n    sl_send_reply("403", "No");\n    break;\n}\nprefix("1"); t_relay();',
    ),
    (
        RELAY + 'lookup("location");\nt_relay();',
        RELAY + 'if (!lookup("location")) { sl_send_reply("404", "Not Found"); break; }\nt_relay();',
    ),
    ('rewritehost("10.0.0.1");\nt_relay();', RELAY + 'rewritehost("10.0.0.1");\nt_relay();'),
    (
        RELAY + 'if (loose_route()) { t_relay(); break; }\nrewritehost("10.0.0.1"); t_relay();',
        RELAY + 'record_route();\nif (loose_route()) { t_relay(); break; }\nrewritehost("10.0.0.1"); t_relay();',
    ),
    (
        'if (!proxy_authorize("a.org", "subscriber")) { www_challenge("a.org", "0"); break; }\ndrop;',
        'if (!proxy_authorize("a.org", "subscriber")) { proxy_challenge("a.org", "0"); break; }\ndrop;',
    ),
    ('t_reply("404", "x");', 'sl_send_reply("404", "x");'),
    ('save("location"); drop;', 'if (method == "REGISTER") { save("location"); } drop;'),
    (
        'if (www_authorize("a.org", "subscriber")) { www_challenge("a.org", "0"); break; }\ndrop;',
        'if (!www_authorize("a.org", "subscriber")) { www_challenge("a.org", "0"); break; }\ndrop;',
    ),
]


@pytest.mark.parametrize(("before", "after"), UNSAFE, ids=[before for before, _ in UNSAFE])
def test_what_changes_a_working_file_is_only_offered(before: str, after: str) -> None:
    text = in_route(before)
    assert mended(text).done == []
    result = mended(text, unsafe=True)
    found = result.source.text.split("route {\n", 1)[1].rpartition("\n}")[0]
    assert found == after
    assert weight(result.report) < weight(check(Source("ser.cfg", text)))


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_no_cure_makes_anything_worse_and_a_second_run_does_nothing(path: Path, unsafe: bool) -> None:
    source = Source(path.name, path.read_bytes().decode("latin-1"))
    result = mended(source.text, unsafe)
    assert not result.done or weight(result.report) < weight(check(source))
    again = mended(result.source.text, unsafe)
    assert (again.done, again.source.text) == ([], result.source.text)


def test_what_comes_to_light_behind_a_mistake_is_cured_in_the_same_run() -> None:
    result = mended('loadmodule "sl.so"\r\nroute {\r\n\tsl_send_replay(404, "x")\r\n}\r\n')
    assert result.source.text == 'loadmodule "sl.so"\r\nroute {\r\n\tsl_send_reply("404", "x");\r\n}\r\n'
    places = [(done.place.line, done.place.column, done.diagnostic.code.name) for done in result.done]
    assert sorted(places) == [(3, 2, "SER0201"), (3, 17, "SER0302"), (3, 26, "SER0102")]


def test_a_cure_after_which_as_much_is_wrong_is_not_taken() -> None:
    text = 'loadmodule "sl.so"\nroute { lookup("nowhere", "x"); }\n'
    result = mended(text)
    assert weight(result.report) < weight(check(Source("ser.cfg", text))) or result.source.text == text


# --- the command -----------------------------------------------------------------------------------------------------

BAD = 'loadmodule "sl.so"\nroute {\n  sl_send_reply(404, "x")\n  if (uri == "^sip:0.*") drop;\n}\n'
GOOD = BAD.replace("404,", '"404",').replace('"x")', '"x");')


@pytest.fixture
def cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ser.cfg").write_text(BAD)
    return tmp_path / "ser.cfg"


def test_fix_writes_the_file_and_tells_what_is_done_and_what_is_left(
    cfg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg.chmod(0o640)
    assert serc.main(["check", "--fix", "ser.cfg"]) == 0
    assert cfg.read_text() == GOOD and cfg.stat().st_mode & 0o777 == 0o640
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "ser.cfg:3:26: fixed: add ; [SER0102]"
    assert lines[1] == 'ser.cfg:3:17: fixed: write "404" [SER0302]'
    assert lines[2].startswith("ser.cfg:4:7: warning: ")
    assert lines[-1] == "2 fixed; 1 warning in ser.cfg; --unsafe cures 1 more"
    assert serc.main(["check", "--fix", "--unsafe", "ser.cfg"]) == 0
    assert '=~ "^sip:0.*"' in cfg.read_text()
    assert capsys.readouterr().err.splitlines()[-1] == "1 fixed"
    kept = cfg.stat().st_mtime_ns
    assert serc.main(["check", "--fix", "ser.cfg"]) == 0
    assert cfg.stat().st_mtime_ns == kept


def test_diff_shows_and_changes_nothing(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["check", "--diff", "ser.cfg"]) == 1
    said = capsys.readouterr()
    assert '-  sl_send_reply(404, "x")\n+  sl_send_reply("404", "x");\n' in said.out
    assert (
        said.err.splitlines()[-1]
        == "1 error, 1 warning in ser.cfg; --fix cures 1; more may show when the errors are cured"
    )
    assert cfg.read_text() == BAD
    cfg.write_text(GOOD)
    assert serc.main(["check", "--diff", "ser.cfg"]) == 0


def test_only_what_is_chosen_is_cured(cfg: Path) -> None:
    cfg.write_text(GOOD)
    assert serc.main(["check", "--fix", "--unsafe", "--ignore", "SER0318", "ser.cfg"]) == 0
    assert cfg.read_text() == GOOD


def test_standard_input_comes_out_cured(cfg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
    assert serc.main(["check", "--fix", "-"]) == 0
    assert out.getvalue().decode() == GOOD


@pytest.mark.parametrize("arguments", [["--unsafe", "ser.cfg"], ["--fix", "--format", "json", "-"]])
def test_a_command_line_that_makes_no_sense_is_refused(cfg: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        serc.main(["check", *arguments])


def test_a_file_that_cannot_be_written_is_told(
    cfg: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serc.commands.check.write_whole", refuse)
    assert serc.main(["check", "--fix", "ser.cfg"]) == 1
    assert "cannot write ser.cfg: Permission denied" in capsys.readouterr().err
