"""serc test: what its options do, how failures and mistakes are shown, and how much of ser.cfg is covered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from serc.commands import serc
from serc.commands import test as command
from serc.reading.source import Source
from serc.testing import parallel
from serc.testing.language.parsing import parse_tests
from serc.testing.messages import Text
from serc.testing.parallel import Job
from serc.testing.running import Configs, Outcome

CFG = """\
loadmodule "sl.so"
loadmodule "exec.so"
route {
  if (method == "OPTIONS" && src_ip == 10.0.0.0/8) {
    sl_send_reply("200", "OK");
    break;
  }
  if (uri =~ "sip:x@") {
    exec_msg("notify-send x");
    log(1, "x is called\\n");
  }
  sl_send_reply("404", "Not Found");
}
"""
TESTS = """\
user alice at 10.0.0.7
test "options"
  when OPTIONS from alice to bob
  then 200
test "calls"
  when INVITE from alice to bob
  then 404 to alice
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ser.cfg").write_text(CFG)
    Path("ser.sertest").write_text(TESTS)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> list[str]:
    assert serc.main(["test", *arguments]) == status
    return capsys.readouterr().out.splitlines()


def test_all_tests_here_and_below_are_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("inner").mkdir()
    Path("inner/more.sertest").write_text("config ../ser.cfg\n" + TESTS.replace('"options"', '"inner"'))
    lines = said(capsys)
    assert lines[:4] == [
        "ok    ser.sertest: options",
        "ok    ser.sertest: calls",
        "ok    inner/more.sertest: inner",
        "ok    inner/more.sertest: calls",
    ]
    assert lines[4].startswith("4 passed in ")
    assert said(capsys, "inner", "-k", "INN", "--list") == ["inner/more.sertest: inner"]


def test_a_failure_shows_the_line_what_came_instead_and_what_ser_cfg_did(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ser.sertest").write_text(TESTS.replace("then 200", "then 403"))
    lines = said(capsys, status=1)
    assert lines[0] == "FAILED ser.sertest: options"
    assert lines[1] == "ser.sertest:4:3: error: 403 is expected, and not sent [SER0850]"
    assert lines[4] == "  200 OK to udp:10.0.0.7:5060"
    assert lines[5] == "  what ./ser.cfg did:" or lines[5] == "  what ser.cfg did:"
    assert any("sl_send_reply" in line and line.split()[0] == "5" for line in lines)
    assert lines[-1].startswith("1 failed, 1 passed in ")
    assert len(said(capsys, "-x", status=1)) < len(lines)


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("when INVITE from alice to bob\nthen 404\n  with header X-Y ~ z", "404 is sent, and it has no header X-Y"),
        ('when INVITE from alice to bob\nthen 404 "Gone"', '404 is sent, and its reason is "Not Found"'),
        ("when INVITE from alice to bob\nthen nothing", "nothing is expected to be sent, and 404 Not Found to udp"),
        ("when INVITE from alice to bob\nthen INVITE to bob", "INVITE to bob is expected, and not sent"),
        ("when INVITE from alice to sip:x@y\nthen 404\nand no log warning", "is not expected: x is called"),
        ("when INVITE from alice to bob\nthen 404\nand log error x", "a line of the log at level error is expected"),
        ("when INVITE from alice to bob\nthen exec notify", "exec was told no such thing"),
        ("when INVITE from alice to sip:x@y\nthen no exec notify", "exec was told this"),
        ("when INVITE from alice to bob\nthen row in acc sip_method=INVITE", "table acc has no such row"),
        ("when INVITE from alice to bob\nthen contact of bob", "there is no command ul_show_contact"),
        ("when alice sends BYE", "alice is in no dialog"),
        ("when alice sends CANCEL", "alice has sent no INVITE"),
        ("when alice repeats", "alice has sent nothing yet"),
        ("when alice answers 200", "alice has got no request"),
        ("when alice authenticates", "alice has not been asked for credentials"),
        ("when bob is unreachable", "nothing has been sent there"),
        ("when INVITE from [2001:db8::1] to bob", "the server does not listen on udp over IPv6"),
        (
            'given row in acc time="yesterday"\nwhen INVITE from alice to bob',
            "time of acc is a time, and yesterday is none",
        ),
    ],
)
def test_what_does_not_hold_is_said_in_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], test: str, why: str
) -> None:
    Path("ser.sertest").write_text(f'user alice at 10.0.0.7\ntest "x"\n{test}\n')
    assert any(why in line for line in said(capsys, status=1))


@pytest.mark.parametrize(
    ("cfg", "first", "why"),
    [
        (CFG, "config sre.cfg", "cannot read sre.cfg: No such file or directory [SER0807]"),
        ("route { drop }\n", "", "ser.cfg has errors, so no test of it can run [SER0807]"),
        ('loadmodule "auth_db.so"\n' + CFG, "", ""),
        (
            'loadmodule "permissions.so"\nmodparam("permissions", "db_url", "odd:x")\n' + CFG,
            "",
            "the server does not start",
        ),
    ],
)
def test_a_config_that_cannot_be_used_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], cfg: str, first: str, why: str
) -> None:
    Path("ser.cfg").write_text(cfg)
    Path("ser.sertest").write_text(f"{first}\n{TESTS}")
    lines = said(capsys, status=1)
    assert any(why in line for line in lines), lines
    if first:
        assert '  hint: did you mean "ser.cfg"?' in lines


def test_coverage_is_by_line_and_by_both_ways_of_conditions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "-q", "--coverage", "text", "--coverage", "lcov:c.info", "--coverage", "html:c.html")
    assert lines[1].split() == "ser.cfg 5/7 3/4 72.7% 8 (never true), 9-10".split() or lines[1].split()[1:] == (
        "5/7 3/4 72.7% 8 (never true), 9-10".split()
    )
    info = Path("c.info").read_text().splitlines()
    assert info[1].startswith("SF:") and "DA:9,0" in info and "BRDA:8,0,0,0" in info and "BRDA:8,0,1,1" in info
    assert info[-5:] == ["LF:7", "LH:5", "BRF:4", "BRH:3", "end_of_record"]
    page = Path("c.html").read_text()
    assert page.count('<tr class="never"') == 2 and page.count('<tr class="part"') == 1


def test_too_little_coverage_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["test", "-q", "--fail-under", "72"]) == 0
    assert serc.main(["test", "-q", "--fail-under", "73"]) == 1
    assert "the tests cover 72.7 % of " in capsys.readouterr().err


def test_junit_has_each_test_and_why_it_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("ser.sertest").write_text(TESTS.replace("then 200", "then 403"))
    said(capsys, "--junit", "out.xml", status=1)
    (suite,) = ElementTree.parse("out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    first, second = suite
    failure = first.find("failure")
    assert failure is not None and failure.get("message") == "403 is expected, and not sent"
    assert second.find("failure") is None and second.get("name") == "calls"


@pytest.mark.parametrize("arguments", [["--coverage", "pdf"], ["--fail-under", "much"]])
def test_a_bad_command_line_is_refused(folder: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        serc.main(["test", *arguments])


def test_several_processes_say_the_same_as_one(folder: Path) -> None:
    """In a process of its own, as on a command line: this one has threads."""
    rows = "\n".join(f"    | {n} | {'200' if n % 7 else '403'} |" for n in range(1, 40))
    Path("ser.sertest").write_text(
        f'user alice at 10.0.0.7\ntest "t"\n  when OPTIONS from alice to sip:u<n>@x.org\n  then <code>\n    | n | code |\n{rows}\n'
    )
    outputs = []
    for jobs in ("1", "3"):
        words = [
            sys.executable,
            "-m",
            "serc.commands.serc",
            "test",
            "-j",
            jobs,
            "--coverage",
            "text",
            "--junit",
            "o.xml",
        ]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=_environment(), timeout=120)
        assert (done.returncode, done.stderr) == (1, "")
        (suite,) = ElementTree.parse("o.xml").getroot()
        assert (suite.get("tests"), suite.get("failures")) == ("39", "5")
        outputs.append(done.stdout.splitlines()[:-1])
    assert outputs[0] == outputs[1]
    first = subprocess.run([*words, "-x"], capture_output=True, text=True, cwd=folder, env=_environment(), timeout=120)
    assert first.stdout.count("FAILED") == 1 and first.returncode == 1


def test_many_tests_run_on_all_cores_unless_one_says_otherwise(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    asked: list[int] = []

    def run_all(jobs: list[Job], configs: Configs, processes: int) -> Generator[Outcome, None, None]:
        asked.append(processes)
        return parallel.run_all(jobs, configs, 1)

    monkeypatch.setattr(command, "run_all", run_all)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    rows = "\n".join(f"    | {n} |" for n in range(160))
    Path("ser.sertest").write_text(
        f'user alice at 10.0.0.7\ntest "t"\n  when OPTIONS from alice to sip:u<n>@x.org\n  then no log "nothing"\n    | n |\n{rows}\n'
    )
    for arguments in ([], ["-j", "2"], ["-j", "0"], ["-k", "[9]"]):
        assert serc.main(["test", "-q", *arguments]) == 0
    # 160 tests are worth three processes, one test is worth none beside this one.
    assert asked == [3, 2, 8, 0]


HEAD = b"INVITE sip:b@x SIP/2.0\r\n"


@pytest.mark.parametrize(
    ("lines", "headers"),
    [
        (b"Via: a\r\nTo:  b c", [("Via", "a"), ("To", "b c")]),
        (b"Via : a\r\nTo: b ", [("Via", "a"), ("To", "b")]),
        (b"Via:\ta\r\nTo:b", [("Via", "a"), ("To", "b")]),
        (b"Via: a,\r\n b\r\nTo: c", [("Via", "a, b"), ("To", "c")]),
        (b"Via\r\nTo: b:c", [("Via", ""), ("To", "b:c")]),
        (b"Via:\r\nTo: b", [("Via", ""), ("To", "b")]),
        (b"Via: a\nTo: b", [("Via", "a\nTo: b")]),
        (b"Via: a\rb\r\nTo: b", [("Via", "a\rb"), ("To", "b")]),
    ],
)
def test_a_message_is_read_by_its_lines(lines: bytes, headers: list[tuple[str, str]]) -> None:
    message = Text.read(HEAD + lines + b"\r\n\r\nbody")
    assert (message.headers, message.body, message.uri) == (headers, "body", "sip:b@x")
    message.put("v", "new")
    assert message.all("VIA") == ["new"]
    message.drop("Via")
    assert message.get("v") is None


def test_no_tests_is_no_success(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no test has this name" in said(capsys, "-k", "nothing like it", status=1)[-1]
    Path("ser.sertest").unlink()
    assert serc.main(["test"]) == 1
    assert "there are no test files" in capsys.readouterr().err


def test_of_a_ser_cfg_the_tests_beside_it_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "own.cfg").write_text(CFG)
    assert serc.main(["test", "own.cfg"]) == 1
    assert capsys.readouterr().err.startswith("serc: error: own.cfg has no tests: own.sertest is missing")
    case = 'test "x"\n  when INVITE from alice to bob\n  then 404\n'
    (folder / "own.sertest").write_text(case)
    (folder / "more.sertest").write_text(f'config "own.cfg"\n{case}')
    (folder / "other.sertest").write_text(f"config ser.cfg\n{case}")
    assert serc.main(["test", "own.cfg"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["ok    more.sertest: x", "ok    own.sertest: x"]


NEARLY = """\
user alice at 10.0.0.7
user gw1 at 10.0.0.9
given row in own_table a=1
test "x"
  when INVITE from alcie to gw2
    with header Recrod-Route "x"
    with header X-Own "y"
  then 404
    without header Contatc
test "y"
  when INVITE from <who> to bob  # serc: ignore[SER0808]
  then 404
  | who    |
  | alicee |
  | carol  |
"""


def test_names_that_are_nearly_others_are_told_and_the_tests_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ser.cfg").write_text(f"# own_table\n{CFG}")
    Path("ser.sertest").write_text(NEARLY)
    assert serc.main(["test"]) == 0
    said_ = capsys.readouterr().out
    told = [line.partition(": warning: ")[2] for line in said_.splitlines() if ": warning: " in line]
    assert told == [
        "no line declares a user alcie, and one alice [SER0808]",
        "Recrod-Route is no header of a standard, and Record-Route is one [SER0808]",
        "Contatc is no header of a standard, and Contact is one [SER0808]",
    ]
    assert "3 passed, 3 warnings in" in said_


def test_a_name_that_is_nearly_another_has_its_cure_where_it_stands() -> None:
    _, report = parse_tests(Source("ser.sertest", NEARLY))
    fixes = [d.fix for d in report.diagnostics if d.code.name == "SER0808" and d.fix is not None]
    assert [fix.title for fix in fixes] == ["write alice", "write Record-Route", "write Contact"]
    assert not any(fix.is_safe for fix in fixes), "it may be meant so"
    of_rows = [d for d in report.diagnostics if "alicee" in d.message]
    assert [d.fix for d in of_rows] == [None], "its place is that of a column"


@pytest.mark.parametrize("line", ["given row in subscribr username=alice", "given contact sip:b@h of bob in loction"])
def test_a_table_that_nobody_has_is_told(folder: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    Path("ser.sertest").write_text(f'test "x"\n  {line}\n  when INVITE from alice to bob\n  then no row in loaction\n')
    assert serc.main(["test"]) == 1
    said_ = capsys.readouterr().out
    assert "ser.sertest:2:" in said_ and "neither SER nor ser.cfg has a table" in said_
    assert 'did you mean "subscriber"?' in said_ or 'did you mean "location"?' in said_
    assert "ser.sertest:4:" in said_ and "a table loaction [SER0803]" in said_


def test_watch_runs_again_when_a_file_changes(folder: Path) -> None:
    command = [sys.executable, "-u", "-m", "serc.commands.serc", "test", "-q", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=_environment()) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("2 passed")
            Path("ser.sertest").write_text(TESTS.replace("then 200", "then 403"))
            shown = [process.stdout.readline() for _ in range(3)]
            assert shown[1:] == ["--- again ---\n", "FAILED ser.sertest: options\n"]
        finally:
            process.kill()


def test_watch_does_not_run_again_for_what_the_tests_write(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise KeyboardInterrupt
        # What an editor leaves is of interest.
        Path("gateways.list").write_text("1 sip:192.0.2.1\n")

    monkeypatch.setattr("serc.commands.test.time.sleep", wait)
    with pytest.raises(KeyboardInterrupt):
        command.main(["-q", "--watch", "--junit", "j.xml", "--coverage", "lcov:c.info", "--coverage", "html:c.html"])
    assert capsys.readouterr().out.count("2 passed") == 2


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(serc.__file__).parents[2]), "PATH": "/usr/bin:/bin"}


def test_a_line_of_the_log_at_another_level_is_shown_with_its_level(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ser.sertest").write_text('test "x"\n  when INVITE from a to sip:x@10.1.1.1\n  then log error "x is called"\n')
    lines = said(capsys, status=1)
    assert "  at level warning: x is called" in lines


def test_a_byte_order_mark_and_line_ends_of_windows_mean_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ser.sertest").write_bytes(b"\xef\xbb\xbf" + TESTS.replace("\n", "\r\n").encode())
    assert said(capsys)[0] == "ok    ser.sertest: options"


@pytest.mark.parametrize("use_domain", [0, 1])
@pytest.mark.parametrize("user", ["bob", "bob@home.example", "sip:bob@home.example"])
def test_a_contact_is_that_of_a_user_whether_domains_count_or_not(
    folder: Path, capsys: pytest.CaptureFixture[str], use_domain: int, user: str
) -> None:
    Path("ser.cfg").write_text(
        "".join(f'loadmodule "{name}.so"\n' for name in ("sl", "tm", "usrloc", "registrar"))
        + f'modparam("usrloc|registrar", "use_domain", {use_domain})\n'
        'route {\n  if (method == "REGISTER") { save("location"); break; }\n'
        '  if (!lookup("location")) { sl_send_reply("404", "Not Found"); break; }\n  t_relay();\n}\n'
    )
    Path("ser.sertest").write_text(
        f'test "where bob is"\n  user bob at 192.0.2.7 uri sip:bob@home.example\n  given contact sip:bob@192.0.2.9 of {user}\n'
        "  when OPTIONS from alice to sip:bob@home.example\n  then OPTIONS to 192.0.2.9\n"
        f'test "bob registers"\n  user bob at 192.0.2.7 uri sip:bob@home.example\n  when REGISTER from bob\n  then 200\n'
        f"  then contact sip:bob@192.0.2.7:5060 of {user}\n"
    )
    assert said(capsys)[-1].startswith("2 passed")
