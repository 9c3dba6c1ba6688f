"""What README.md shows is what the commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parent.parent
BLOCK: Final = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    text = (PROJECT / "README.md").read_text()
    return [body for name, body in BLOCK.findall(text) if name == language]


def serc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serc.commands.serc", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_shown_module_is_what_the_shown_config_compiles_to(tmp_path: Path) -> None:
    (tmp_path / "ser.cfg").write_text(blocks("")[0])
    done = serc(tmp_path, "ser.cfg", "-o", "-")
    assert done.returncode == 0, done.stderr
    assert blocks("python")[0] in done.stdout
    assert "" == done.stderr


def test_the_shown_errors_are_those_of_the_two_slips(tmp_path: Path) -> None:
    config, messages = blocks("")[:2]
    slips = config.replace("192.168.7.0/24", "192.168.700.0/24").replace('sl_send_reply("403"', 'sl_send_replay("403"')
    (tmp_path / "ser.cfg").write_text(slips)
    done = serc(tmp_path, "check", "ser.cfg")
    assert done.returncode == 1

    def lines(text: str) -> list[str]:
        return [line.strip() for line in text.splitlines()]

    assert lines(done.stderr) == lines(messages)


def test_every_document_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (PROJECT / "README.md").read_text())
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (PROJECT / link).exists()] == []


def test_nothing_says_to_fetch_this_project_from_a_registry() -> None:
    """It is in none: who asks one by its name gets nothing, or what a stranger has put there."""
    found = []
    for folder in ("contrib", "docs", "examples", "runtime", "serc"):
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.suffix in (".md", ".py", ".js", ".json", ".cfg", ".service"):
                found += re.findall(r"install .{0,3}sip-express-router\b(?! @ git).*", path.read_text(errors="replace"))
    assert found == []


def test_make_help_has_every_target_with_the_names_that_are_meant() -> None:
    done = subprocess.run(["make", "-s", "help"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert set(phony[1].split()) == listed
    assert "$" not in done.stdout
