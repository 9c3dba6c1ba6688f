"""Manual pages and completions: written from what reads the command lines, and installed."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import threading
import tomllib
from pathlib import Path

import pytest

from serc.commands import completion
from serc.commands.manpage import SECTIONS, manpage
from serc.commands.outline import COMMANDS, Outline, outline
from serc.commands.progress import progress
from serc.commands.serctl import COMMANDS as SERCTL

PROJECT = Path(__file__).resolve().parent.parent.parent


def test_the_files_are_what_the_command_lines_say() -> None:
    files = runpy.run_path(str(PROJECT / "docs" / "generate_manual.py"))["files"]()
    stale = [path for path, text in files.items() if (PROJECT / path).read_text(encoding="utf-8") != text]
    assert stale == [], "write them anew: python docs/generate_manual.py"


def test_the_wheel_installs_them() -> None:
    with open(PROJECT / "pyproject.toml", "rb") as file:
        shared = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared["docs/man"] == "share/man"
    assert all((PROJECT / folder).is_dir() for folder in shared)
    installed = {path.name for path in (PROJECT / "docs" / "man").rglob("*.?")}
    assert installed == {f"{name}.{number}" for name, number in SECTIONS.items()}


def test_the_page_of_serctl_has_all_commands() -> None:
    page = manpage("serctl").replace("\\-", "-")
    assert [c.words for c in SERCTL if f".SS serctl {c.words}" not in page] == []


def test_environment_exit_status_and_examples_have_their_sections() -> None:
    pages = {command: re.findall(r"^\.SH (.*)$", manpage(command), re.MULTILINE) for command in COMMANDS}
    assert pages["serctl"][-3:] == ["ENVIRONMENT", "EXIT STATUS", "SEE ALSO"]
    assert pages["serc"][-4:] == ["NOTES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
    assert "\n.SH EXIT STATUS\n.nf\n0 done, 1 refused" in manpage("serctl")
    assert all(len(titles) == len(set(titles)) for titles in pages.values())


@pytest.mark.parametrize("command", ["ser", "ser-runtime"])
def test_the_page_of_the_server_has_all_letters(command: str) -> None:
    names = {name for option in outline(command).options for name in option.names}
    assert {f"-{letter}" for letter in "cblnNrRvdDETwtugmixPGVh"} | {"--drain", "--log-format"} <= names
    assert ("-f" if command == "ser" else "--routes") in names


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
@pytest.mark.parametrize("command", COMMANDS)
def test_troff_has_nothing_to_complain_of(command: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"], input=manpage(command), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "SEE ALSO" in re.sub(".\b", "", done.stdout)


def test_nothing_in_a_text_is_a_request_of_troff() -> None:
    assert Outline("x", ".SH NOT A HEADING").text == ".SH NOT A HEADING"
    assert not any(line.startswith("'") for line in manpage("serc").splitlines())


# --- completion ------------------------------------------------------------------------------------------------------


def completed(command: str, *words: str) -> list[str]:
    """What bash offers for the last of `words`."""
    quoted = " ".join(f"'{word}'" for word in (command, *words))
    function = "_" + command.replace("-", "_")
    code = f'COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; {function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    text = completion.script("bash", command) + code
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60, cwd="/")
    assert done.stderr == "", done.stderr
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_options_and_values() -> None:
    assert completed("serc", "che") == ["check"]
    assert completed("serc", "check", "--fo") == ["--format"]
    assert completed("serc", "check", "--format", "s") == ["sarif"]
    assert completed("serctl", "ul", "s") == ["show"]
    assert "restart" in completed("serctl", "re")
    assert "--drain" in completed("ser", "--d")
    assert "etc" in completed("serc", "check", "e")
    assert completed("serc", "completion", "z") == ["zsh"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("serctl --config e", "etc"),  # a file, no sub-command
        ("serctl --socket e", "etc"),
        ("serctl reload --fifo t", "tmp"),
        ("ser -f e", "etc"),
        ("serc test --junit t", "tmp"),
        ("serc graph --format s", "svg"),  # check has others
        ("serc check --format s", "sarif"),
        ("serc migrate --from k", "kamailio"),
        ("serc check -W e", "error"),
        ("serctl reload --di", "--diff"),
    ],
)
def test_bash_completes_what_an_option_of_this_command_takes(line: str, offered: str) -> None:
    assert offered in completed(*line.split())
    assert all(word.startswith(line.split()[-1]) for word in completed(*line.split()))


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_what_another_sub_command_takes_is_not_offered() -> None:
    assert "kamailio" not in completed("serc", "trace", "--from", "")
    assert "ping" not in completed("serctl", "--config", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_other_shells_take_their_scripts(shell: str, command: str, tmp_path: Path) -> None:
    text = completion.script(shell, command)
    words = [word for part in (outline(command), *outline(command).parts) for word in (p.name for p in part.parts)]
    assert [word for word in words if word not in text] == []
    if shutil.which(shell) is None:
        return
    (tmp_path / "script").write_text(text)
    done = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


# --- progress --------------------------------------------------------------------------------------------------------


def test_who_looks_on_hears_of_what_takes_long(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress("something long goes on", after_s=0.01):
        # Read only when it has been said: what is written while it is read can be lost.
        for speaker in [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
            speaker.join(20)
    said = capfd.readouterr().err
    assert said == "serc: something long goes on …\n"


def test_nobody_hears_of_what_is_done_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with progress("something short goes on"):
        pass
    assert capfd.readouterr().err == ""
