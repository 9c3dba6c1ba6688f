"""The commands serc and ser as their users meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.version import VERSION
from serc.commands import cache, ser, serc
from serc.commands.files import write_whole

GOOD = 'listen=udp:127.0.0.1:5060\nloadmodule "sl.so"\nroute { sl_send_reply("404", "Nobody here"); }\n'
BAD = 'loadmodule "sl.so"\nroute {\n  sl_send_replay("404", "x");\n  setflag(77);\n}\n'


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "ser.cfg"
    path.write_text(GOOD)
    return path


def test_compiles_to_the_file_that_is_named(cfg: Path) -> None:
    assert serc.main([str(cfg), "-o", str(cfg.with_name("x.py"))]) == 0
    assert "def route(ctx: Context) -> int:" in cfg.with_name("x.py").read_text()


def test_without_a_name_it_is_routes_py_beside_the_config(cfg: Path) -> None:
    assert serc.main([str(cfg)]) == 0
    assert cfg.with_name("routes.py").is_file()


def test_dash_prints_and_writes_nothing(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main([str(cfg), "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith('"""Routes of ser.cfg')
    assert sorted(p.name for p in cfg.parent.iterdir()) == ["ser.cfg"]


def test_all_mistakes_are_told_and_the_old_module_stays(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg.write_text(BAD)
    output = cfg.with_name("routes.py")
    output.write_text("old")
    assert serc.main([str(cfg), "-o", str(output)]) == 1
    err = capsys.readouterr().err
    assert f"{cfg}:3:3: error" in err and f"{cfg}:4:11: error" in err
    assert output.read_text() == "old"
    assert sorted(p.name for p in cfg.parent.iterdir()) == ["routes.py", "ser.cfg"]


def test_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main([str(tmp_path / "none.cfg"), "-o", "-"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_writing_keeps_the_mode_and_follows_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_whole(link, "new")
    assert link.is_symlink() and real.read_text() == "new" and real.stat().st_mode & 0o777 == 0o640


def test_check_as_json(cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg.write_text(BAD)
    assert serc.main(["check", str(cfg), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(d["line"], d["column"], d["severity"]) for d in found] == [(3, 3, "error"), (4, 11, "error")]


def test_warnings_fail_only_when_asked_to(cfg: Path) -> None:
    cfg.write_text(GOOD.replace("{ sl", "{ setflag(3); sl"))
    assert serc.main(["check", str(cfg)]) == 0
    assert serc.main(["check", str(cfg), "-W", "error"]) == 1
    assert serc.main([str(cfg), "-o", "-", "-W", "error"]) == 1


def test_bad_usage_is_2(cfg: Path) -> None:
    assert serc.main([]) == 2
    for argv in ([str(cfg), "--frobnicate"], [str(cfg), "--skip-pass", "none"], [str(cfg), "--native"]):
        with pytest.raises(SystemExit) as e:
            serc.main(argv)
        assert e.value.code == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        serc.main(["--version"])
    assert e.value.code == 0 and capsys.readouterr().out == f"serc {VERSION}\n"


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["explain", "ser0201"]) == 0
    assert "SER0201" in capsys.readouterr().out
    assert serc.main(["explain", "SER9999"]) == 2


def test_mypy_finds_nothing_and_says_nothing(cfg: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert serc.main([str(cfg), "-o", str(cfg.with_name("r.py")), "--mypy"]) == 0
    assert capfd.readouterr() == ("", "")


def test_messages_of_mypy_name_the_line_of_the_config(capfd: pytest.CaptureFixture[str]) -> None:
    from serc.codegen import Generated
    from serc.commands.mypy_check import verify

    assert not verify(Generated("x: int = 1\ny: int = b'x'\n", {2: 33}), "ser.cfg")
    assert "ser.cfg:33: error: Incompatible types" in capfd.readouterr().err


@pytest.fixture
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sip-express-router"


def test_a_second_start_compiles_nothing(cfg: Path, private_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ser.compiled(str(cfg))
    monkeypatch.setattr(ser, "_compile", lambda *_: pytest.fail("compiled again"))
    second = ser.compiled(str(cfg))
    assert first is not None and second is not None and second[0].request is not None


def test_another_content_is_compiled(cfg: Path, private_cache: Path) -> None:
    ser.compiled(str(cfg))
    cfg.write_text(GOOD.replace("5060", "5061"))
    found = ser.compiled(str(cfg))
    assert found is not None and found[0].config.listen[0].port == 5061


def test_warnings_are_told_at_every_start(cfg: Path, private_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cfg.write_text(GOOD.replace("{ sl", "{ setflag(3); sl"))
    for _ in range(2):
        ser.compiled(str(cfg))
        assert "warning" in capsys.readouterr().err


def test_what_others_can_write_is_not_trusted(cfg: Path, private_cache: Path) -> None:
    ser.compiled(str(cfg))
    (module,) = private_cache.glob("*.py")
    poison = "raise SystemExit('poisoned')\n"
    module.write_text(poison)
    module.chmod(0o666)
    assert ser.compiled(str(cfg)) is not None
    module.write_text(poison)
    module.chmod(0o600)
    private_cache.chmod(0o777)
    assert ser.compiled(str(cfg)) is not None
    assert cache.cache_directory() is None


def test_a_link_in_the_cache_is_not_followed(cfg: Path, private_cache: Path, tmp_path: Path) -> None:
    ser.compiled(str(cfg))
    (module,) = private_cache.glob("*.py")
    (tmp_path / "evil.py").write_text("raise SystemExit('poisoned')\n")
    module.unlink()
    module.symlink_to(tmp_path / "evil.py")
    assert ser.compiled(str(cfg)) is not None
    assert not module.is_symlink()


def test_without_a_place_for_a_cache_it_starts_all_the_same(cfg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert ser.compiled(str(cfg)) is not None


def test_old_modules_leave_the_cache(private_cache: Path) -> None:
    directory = cache.cache_directory()
    assert directory is not None
    for i in range(40):
        os.utime(cache.store(directory, f"k{i:02}", "", ""), (i, i))
    assert cache.lookup(directory, "k00") is None and cache.lookup(directory, "k39") is not None
    assert len(list(directory.iterdir())) <= 2 * 33


def test_a_known_config_starts_without_the_compiler(cfg: Path, private_cache: Path) -> None:
    ser.compiled(str(cfg))
    code = (
        "import sys; from serc.commands import ser; status = ser.main(['-c', '-f', sys.argv[1]]);"
        "print(status, [m for m in sys.modules if m.split('.')[0] in ('tatsu', 'jinja2', 'black', 'mypy')"
        " or m.startswith(('serc.resolve', 'serc.lint', 'serc.codegen', 'serc.lower', 'serc.reading.parse', 'runtime.modules.catalogue'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(cfg)], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr
    assert done.stderr == "config file ok, exiting...\n"


def test_check_of_ser_lists_what_it_would_listen_on(
    cfg: Path, private_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ser.main(["-c", "-f", str(cfg)]) == 0
    out = capsys.readouterr()
    assert "             udp: 127.0.0.1 [127.0.0.1]:5060\n" in out.out
    cfg.write_text(BAD)
    assert ser.main(["-c", "-f", str(cfg)]) == 1
    assert "ser.cfg:3:3: error" in capsys.readouterr().err


def test_a_module_that_cannot_run_yet_fails_the_check_as_it_fails_the_start(
    cfg: Path, private_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg.write_text('listen=udp:127.0.0.1:5060\nloadmodule "cpl.so"\nroute { forward(uri:host); }\n')
    for how in ("-c", "-D"):
        assert ser.main([how, "-f", str(cfg)]) == 1
        assert "module cpl is checked but cannot run yet" in capsys.readouterr().err.splitlines()[-1]
