"""The package: what is in the wheel, with and without a compiler, and that its parts agree with each other."""

from __future__ import annotations

import ast
import fcntl
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from runtime.modules import catalogue
from runtime.version import VERSION

PROJECT_DIR: Final = Path(__file__).parent.parent
PYPROJECT: Final[dict[str, Any]] = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())


def hatch_build() -> ModuleType:
    """The build hook, loaded as hatchling does it. Skips where the build tools are not installed."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", PROJECT_DIR / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(target: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run hatchling as pip does, output captured. Skips where the build tools are not installed."""
    pytest.importorskip("hatchling")
    with open(PROJECT_DIR / "pyproject.toml") as project:
        # Two builds in one folder would disturb each other: pytest-xdist may have given this file to two processes.
        fcntl.flock(project, fcntl.LOCK_EX)
        return subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)],
            cwd=PROJECT_DIR,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a machine without a compiler builds; the notice stands beside it in `notice`."""
    directory = tmp_path_factory.mktemp("wheel")
    done = build("wheel", directory, CC="/nonexistent/cc")
    assert done.returncode == 0, done.stdout
    (directory / "notice").write_text(done.stdout)
    return next(directory.glob("*.whl"))


def test_no_change_is_told_twice() -> None:
    entries = (PROJECT_DIR / "CHANGELOG.md").read_text().rstrip("\n").split("\n- ")
    assert [entry for entry in entries if entries.count(entry) > 1] == []


def test_version_is_one() -> None:
    assert PYPROJECT["project"]["version"] == VERSION
    newest = re.search(r"^## \[(.+?)\]", (PROJECT_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest[1] == VERSION


@pytest.mark.parametrize("script", PYPROJECT["project"]["scripts"].values())
def test_console_script_can_be_called(script: str) -> None:
    module, _, name = script.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_interpreted_files_are_exceptions_with_a_reason() -> None:
    hook = hatch_build()
    candidates = {
        str(p.relative_to(PROJECT_DIR))
        for pattern in hook.compiled_patterns(PROJECT_DIR)
        for p in PROJECT_DIR.glob(pattern)
    }
    assert set(hook.INTERPRETED) <= candidates
    assert all(hook.INTERPRETED.values())
    assert not set(hook.compiled_files(PROJECT_DIR)) & set(hook.INTERPRETED)


def test_every_module_that_runs_is_compiled() -> None:
    found = (catalogue.find(name) for name in catalogue.names())
    running = {"core", *(spec.name.replace("-", "_") for spec in found if spec and spec.runs)}
    assert running == set(hatch_build().running_modules(PROJECT_DIR))


def test_no_attribute_becomes_a_keyword_of_c_where_code_is_compiled() -> None:
    """mypyc puts a `_` in front of its name; the compiler of C has these words for itself."""
    words = "alignof asm attribute auto_type complex const extension imag inline int128 label null real restrict signed thread typeof volatile"
    for path in hatch_build().compiled_files(PROJECT_DIR):
        for node in ast.walk(ast.parse((PROJECT_DIR / path).read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {f"_{word}" for word in words.split()}, f"{path}:{node.lineno}: {node.attr}"


def test_a_name_stands_for_one_kind_of_exception_where_code_is_compiled() -> None:
    """mypyc gives a local name one type. A second `except … as e` for another kind fails, and only when it is caught."""
    for path in hatch_build().compiled_files(PROJECT_DIR):
        for function in ast.walk(ast.parse((PROJECT_DIR / path).read_text())):
            if isinstance(function, ast.FunctionDef):
                kinds: dict[str, set[str]] = {}
                for node in ast.walk(function):
                    if isinstance(node, ast.ExceptHandler) and node.name and node.type:
                        kinds.setdefault(node.name, set()).add(ast.unparse(node.type))
                assert all(len(of) == 1 for of in kinds.values()), f"{path}: {function.name}"


def test_pure_build_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SER_PURE", "1")
    assert hatch_build().why_pure() == "SER_PURE is set"
    monkeypatch.setenv("SER_PURE", "0")
    assert hatch_build().why_pure() != "SER_PURE is set"


@pytest.mark.slow
def test_without_a_compiler_the_build_is_pure_and_says_so(wheel: Path) -> None:
    assert wheel.name == f"sip_express_router-{VERSION}-py3-none-any.whl"
    assert "no C compiler (/nonexistent/cc): building without native code" in wheel.with_name("notice").read_text()


@pytest.mark.slow
def test_wheel_holds_what_serc_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = [p for p in (PROJECT_DIR / "templates").rglob("*") if p.is_file()]
    assert data
    assert {str(p.relative_to(PROJECT_DIR)) for p in data} <= names
    assert {"serc/grammar.ebnf", "serc/reading/_parser.py", "serc/py.typed", "runtime/py.typed"} <= names


@pytest.mark.slow
def test_wheel_holds_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    own = f"sip_express_router-{VERSION}"
    # Manual pages and completions of shells lie in the folder of data.
    assert {name.partition("/")[0] for name in names} == {
        "serc",
        "runtime",
        "templates",
        f"{own}.dist-info",
        f"{own}.data",
    }
    assert all(name.startswith(f"{own}.data/data/share/") for name in names if name.startswith(f"{own}.data"))


@pytest.mark.slow
def test_a_compiler_that_fails_is_an_error(tmp_path: Path) -> None:
    if hatch_build().why_pure():
        pytest.skip("no C compiler, or no headers of Python")
    done = build("wheel", tmp_path, CC="false")
    assert done.returncode != 0
    assert "false" in done.stdout
    assert not list(tmp_path.glob("*.whl"))


@pytest.mark.slow
def test_source_distribution_can_build_and_test_itself(tmp_path: Path) -> None:
    assert build("sdist", tmp_path).returncode == 0
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "hatch_build.py",
        "hatch_native.py",
        "Makefile",
        "tests/test_packaging.py",
        "serc/grammar.ebnf",
        "LICENSE",
    } <= names
