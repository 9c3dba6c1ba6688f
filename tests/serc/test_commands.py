"""What the sub-commands of serc do with their command lines, files and terminals."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.modules import catalogue
from runtime.server.start.loader import load_program
from serc.commands import serc
from serc.commands.check import wants_colour

GOOD = "route { drop; }\n"
DOUBTFUL = "children=0\nroute { drop; }\n"
BAD = "route { drop }\n"
# For a process that is started in another folder.
AWAY = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("good.cfg", GOOD), ("doubtful.cfg", DOUBTFUL), ("bad.cfg", BAD)):
        (tmp_path / name).write_text(text)
    return tmp_path


# --- check -----------------------------------------------------------------------------------------------------------


def test_several_files_are_checked_in_one_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["check", "good.cfg", "doubtful.cfg", "missing.cfg", "bad.cfg"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in said if "[SER" in line] == ["doubtful.cfg", "bad.cfg"]
    assert any("cannot read missing.cfg" in line for line in said)
    assert said[-1] == "1 error, 1 warning in 3 files; --fix cures 1; more may show when the errors are cured"
    assert serc.main(["check", "good.cfg"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("format_", ["json", "sarif", "github"])
def test_several_files_are_one_document(folder: Path, capsys: pytest.CaptureFixture[str], format_: str) -> None:
    assert serc.main(["check", "--format", format_, "doubtful.cfg", "bad.cfg"]) == 1
    text = capsys.readouterr().out
    if format_ == "json":
        assert [entry["file"] for entry in json.loads(text)] == ["doubtful.cfg", "bad.cfg"]
    elif format_ == "sarif":
        assert len(json.loads(text)["runs"]) == 2
    else:
        assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], {"SER0604", "SER0505"}),
        (["--ignore", "SER0604"], {"SER0505"}),
        (["--ignore", "SER06,ser0505"], set()),
        (["--select", "SER05"], {"SER0505"}),
        (["--select", "SER0505", "--select", "SER0604", "--ignore", "SER0505"], {"SER0604"}),
    ],
)
def test_codes_are_chosen(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], shown: set[str]
) -> None:
    Path("x.cfg").write_text('children=0\nroute { log(1, "x"); }\n')
    status = serc.main(["check", "-W", "error", *arguments, "--format", "json", "x.cfg"])
    assert {entry["code"] for entry in json.loads(capsys.readouterr().out)} == shown
    assert status == bool(shown)


def test_errors_cannot_be_ignored_and_unknown_codes_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serc.main(["check", "--ignore", "SER0102", "--select", "SER05", "bad.cfg"]) == 1
    with pytest.raises(SystemExit, match="2"):
        serc.main(["check", "--ignore", "SER9", "bad.cfg"])


def test_modules_that_cannot_run_are_summed_up_and_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    specs = [spec for name in catalogue.names() if (spec := catalogue.find(name)) is not None]
    idle = next(s.name for s in specs if not s.runs and not s.needs and not any(p.mandatory for p in s.params))
    Path("x.cfg").write_text(f'loadmodule "sl.so"\nloadmodule "print.so"\nloadmodule "{idle}.so"\nroute {{ drop; }}\n')
    assert serc.main(["check", "x.cfg"]) == 1
    said = capsys.readouterr().err
    assert f"x.cfg: 1 of 3 modules cannot run: {idle}; the server will refuse this" in said, said
    assert serc.main(["check", "--ignore", "SER0213", "x.cfg"]) == 1


@pytest.mark.parametrize(
    "line, why",
    [
        ('modparam("usrloc", "db_mode", 1)\nmodparam("usrloc", "db_url", "sql://a:b@h/ser")', 'a "sql:" one'),
        ('loadmodule "avpops.so"\nroute[1] { avp_delete("$nobody"); }', "no avp_aliases defines $nobody"),
        ("listen=127.0.0.1\nroute[1] { force_send_socket(127.0.0.2:5060); }", "it does not start"),
        ("listen=tls:127.0.0.1", "TLS is not supported yet"),
    ],
)
def test_what_does_not_start_fails(line: str, why: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.cfg").write_text(f'loadmodule "usrloc.so"\n{line}\nroute {{ route(1); drop; }}\n')
    assert serc.main(["check", "x.cfg"]) == 1
    said = capsys.readouterr().err
    assert "0 errors" not in said and " error" not in said.splitlines()[-1]
    assert why in next(each for each in said.splitlines() if "the server will refuse this" in each), said


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_and_respects_no_color(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour("auto", _Terminal()) and not wants_colour("auto", io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour("auto", _Terminal()) and wants_colour("always", io.StringIO())
    serc.main(["check", "bad.cfg", "--color", "always"])
    assert "\x1b[1;31merror:\x1b[0m" in capsys.readouterr().err
    serc.main(["check", "bad.cfg"])
    assert "\x1b" not in capsys.readouterr().err


# --- files -----------------------------------------------------------------------------------------------------------


def test_ser_cfg_is_never_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link.cfg").symlink_to("good.cfg")
    for target in ("good.cfg", "./good.cfg", "link.cfg"):
        for extra in ([], ["--force"]):
            assert serc.main(["good.cfg", "-o", target, *extra]) == 1
            assert serc.main(["graph", "good.cfg", "-o", target, *extra]) == 1
    assert Path("good.cfg").read_text() == GOOD
    assert "is ser.cfg itself" in capsys.readouterr().err


def test_only_files_of_ours_are_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text("print('mine')\n")
    assert serc.main(["good.cfg", "-o", "mine.py"]) == 1
    assert Path("mine.py").read_text() == "print('mine')\n"
    assert "--force" in capsys.readouterr().err
    assert serc.main(["good.cfg", "-o", "mine.py", "--force"]) == 0
    assert serc.main(["doubtful.cfg", "-o", "mine.py"]) == 0
    assert "children=0" in Path("mine.py").read_text()


TARGETS = {
    "hard link": "ln good.cfg target",
    "symbolic link": "ln -s good.cfg target",
    "link to a link": "ln -s good.cfg between; ln -s between target",
    "folder": "mkdir target",
    "link to a folder": "mkdir folder; ln -s folder target",
    "header in the second line": """printf '# mine\\n\"\"\"Routes of x, compiled by serc 1\"\"\"\\n' > target""",
    "header cut short": """printf '\"\"\"Routes of' > target""",
    "read only": "echo mine > target; chmod 444 target",
    "picture of another program": "echo '<svg xmlns=\"http://www.w3.org/2000/svg\"/>' > target",
    "another ser.cfg": "ln bad.cfg target",
}


@pytest.mark.parametrize("command", [[], ["graph"]], ids=["compile", "graph"])
@pytest.mark.parametrize("make", TARGETS.values(), ids=TARGETS)
def test_nothing_is_lost_by_an_output_that_is_there(folder: Path, make: str, command: list[str]) -> None:
    subprocess.run(["sh", "-e", "-c", make], check=True)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert serc.main([*command, "good.cfg", "-o", "target"]) == 1
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("path", ["./sub/../good.cfg", "sub/../good.cfg", "{here}/good.cfg", "up/good.cfg"])
def test_ser_cfg_is_known_by_any_path(folder: Path, path: str) -> None:
    Path("sub").mkdir()
    Path("up").symlink_to(".")
    assert serc.main(["good.cfg", "--force", "-o", path.format(here=folder)]) == 1
    assert Path("good.cfg").read_text() == GOOD


def test_standard_input_is_not_written_over(folder: Path) -> None:
    for extra in ([], ["--force"]):
        with open("good.cfg") as config:
            run = [sys.executable, "-m", "serc.commands.serc", "-", "-o", "good.cfg", *extra]
            done = subprocess.run(run, stdin=config, capture_output=True, text=True, timeout=120, env=AWAY)
        assert done.returncode == 1 and "is ser.cfg itself" in done.stderr
    assert Path("good.cfg").read_text() == GOOD


def test_a_pipe_is_written_to_and_not_read(folder: Path) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert serc.main(["good.cfg", "-o", "pipe"]) == 0
        assert os.read(reader, 10) == b'"""Routes '
    finally:
        os.close(reader)


def test_what_cannot_be_written_is_called_as_it_was(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["good.cfg", "-o", "missing/routes.py"]) == 1
    said = capsys.readouterr().err
    assert said.endswith("missing/routes.py: No such file or directory\n") and ".new" not in said


def test_a_link_to_nowhere_and_an_empty_file_are_filled(folder: Path) -> None:
    Path("link").symlink_to("new.py")
    Path("empty.py").touch()
    for target in ("link", "empty.py"):
        assert serc.main(["good.cfg", "-o", target]) == 0
    assert Path("link").is_symlink()
    assert Path("new.py").read_text() == Path("empty.py").read_text() != ""
    Path("empty.py").touch()
    assert serc.main(["good.cfg", "-o", "empty.py"]) == 0


@pytest.mark.parametrize(
    "name",
    ['a"""\nimport os; os.mkdir("pwned")\n#.cfg', "a\\.cfg", "a\rb.cfg", "\udcff.cfg", "a\u2028b.cfg", 'x""".cfg'],
)
def test_no_file_name_gets_into_the_module_but_as_a_literal(folder: Path, name: str) -> None:
    Path(name).write_text(GOOD)
    assert serc.main([name, "-o", "routes.py"]) == 0
    program = load_program("routes.py")
    assert program.source == name
    assert not Path("pwned").exists()


# --- the rest --------------------------------------------------------------------------------------------------------


def test_a_misspelt_sub_command_is_recognised(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["chekc", "good.cfg"]) == 2
    assert 'did you mean "check"?' in capsys.readouterr().err


def test_control_c_is_no_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("serc.commands.explain.main", interrupted)
    assert serc.main(["explain"]) == 130


@pytest.mark.parametrize("words", [["check", "--fix"], ["fmt"], ["graph"], ["-o", "x.py"]])
def test_a_file_of_tests_is_not_read_as_a_ser_cfg(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (folder / "ser.sertest").write_text('test "x"\n  when OPTIONS\n  then 404\n')
    assert serc.main([*words, "ser.sertest"]) != 0
    assert "ser.sertest has the tests of a ser.cfg and is none: serc test ser.sertest" in capsys.readouterr().err
    assert (folder / "ser.sertest").read_text().startswith('test "x"\n  when')


def test_a_file_that_cannot_be_written_is_called_by_its_own_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serc.main(["good.cfg", "-o", "/proc/x.py"]) == 1
    assert "/proc/x.py: " in capsys.readouterr().err


# --- command lines that are nearly right -----------------------------------------------------------------------------


def test_serc_alone_names_its_sub_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main([]) == 2
    said = capsys.readouterr().err
    assert all(f"  {name} " in said for name in serc.SUBCOMMANDS)


def test_a_module_gets_a_name_that_can_be_loaded(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        serc.main(["good.cfg", "-o", "routes.txt"])
    assert "-o routes.txt: write a name that ends in .py" in capsys.readouterr().err
    assert not Path("routes.txt").exists()
    assert serc.main(["good.cfg", "-o", "/dev/null"]) == 0
    assert serc.main(["good.cfg", "-o", "missing/routes.py"]) == 1
    assert "cannot write missing/routes.py: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "origin"), [("kamailio.cfg", "kamailio"), ("opensips.cfg", "openser")])
def test_who_has_a_config_of_another_server_hears_how_to_carry_it_over(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, origin: str
) -> None:
    Path(name).write_bytes((Path(__file__).with_name("migrate") / name).read_bytes())
    assert serc.main(["check", name]) == 1
    assert f"serc migrate --from {origin} {name} -o NEW.cfg carries it over" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("sqllite:///x", 'did you mean "sqlite"?'),
        ("postgre://a@b/c", 'did you mean "postgres"?'),
        ("oracle://x", "write sqlite:///path, mysql://user:password@host/database or dbtext:///path"),
    ],
)
def test_a_driver_that_is_misspelt_is_known(
    folder: Path, capsys: pytest.CaptureFixture[str], url: str, hint: str
) -> None:
    head = 'loadmodule "usrloc.so"\nloadmodule "sqlite.so"\nmodparam("usrloc", "db_mode", 1)\n'
    Path("db.cfg").write_text(f'{head}modparam("usrloc", "db_url", "{url}")\n{GOOD}')
    serc.main(["check", "db.cfg"])
    said = capsys.readouterr().err
    assert "names no database driver" in said and hint in said


@pytest.mark.parametrize("call", ['rewritehost("a b")', 'rewritehostport("a b:5060")', 'sethost(" a")'])
def test_a_host_has_no_blank(folder: Path, capsys: pytest.CaptureFixture[str], call: str) -> None:
    Path("host.cfg").write_text(f"route {{ {call}; drop; }}\n")
    serc.main(["check", "host.cfg"])
    assert "is no host: there is a blank in it" in capsys.readouterr().err


def test_doc_is_plain_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["doc", "tm.t_relay_to_udp"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("t_relay_to_udp(host, port) of tm\n") and "* host: " in said and "**" not in said
    assert "never for an answer of SIP" in said and "request and failure routes" in said
