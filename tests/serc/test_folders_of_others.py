"""A ser.cfg may lie in a folder where somebody else can write: no Python that we start imports anything from there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runtime.server.host.errors import StartError
from serc.codegen import Generated
from serc.commands import python, serc
from serc.commands.mypy_check import verify
from serc.commands.ser import ConfigFile

CFG = 'loadmodule "sl.so"\nroute { sl_send_reply("404", "Text"); }\n'
TESTS = """\
test "is somewhere else"
  when OPTIONS from alice to alice
  then 404 to alice
"""
# Some that every start of ours imports, and our own packages.
TRAPS = ("argparse", "subprocess", "typing", "re", "json", "runtime", "serc", "mypy", "setuptools", "_parser")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a ser.cfg, its tests, and modules that leave a mark when they run."""
    (tmp_path / "ser.cfg").write_text(CFG)
    (tmp_path / "ser.sertest").write_text(TESTS)
    for name in TRAPS:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'MARK')!r}, 'a').write('{name} ')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def marks(folder: Path) -> str:
    mark = folder / "MARK"
    return mark.read_text() if mark.exists() else ""


def test_the_traps_work(folder: Path) -> None:
    subprocess.run([python.command()[0], "-m", "argparse"], check=True, env={}, cwd=folder)
    assert marks(folder) == "argparse "


def test_tests_before_a_reload(folder: Path) -> None:
    ConfigFile("ser.cfg").test(CFG)
    (folder / "ser.sertest").write_text(TESTS.replace("404", "486"))
    with pytest.raises(StartError, match="486 to alice is expected"):
        ConfigFile("ser.cfg").test(CFG)
    assert marks(folder) == ""


def test_mypy_of_a_compiled_module(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert serc.main(["ser.cfg", "-o", "routes.py", "--mypy"]) == 0
    assert not verify(Generated("x: int = b'x'\n", {1: 33}), "ser.cfg")
    assert "ser.cfg:33: error" in capfd.readouterr().err
    assert marks(folder) == ""


def test_relative_places_of_modules_mean_what_they_meant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "beside").mkdir()
    monkeypatch.setenv("PYTHONPATH", ":beside")
    places = python.environment()["PYTHONPATH"].split(":")
    assert str(folder / "beside") in places
    assert str(folder) not in places and "" not in places
