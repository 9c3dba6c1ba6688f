"""Writes the manual pages and the completions of shells, from what reads the command lines: `python docs/generate_manual.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from serc.commands.completion import SHELLS, script
from serc.commands.manpage import SECTIONS, manpage
from serc.commands.outline import COMMANDS

PROJECT: Final = Path(__file__).resolve().parent.parent
_FILES: Final = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish"}


def files() -> dict[str, str]:
    """Each file with its text, by its path in the project."""
    found = {f"docs/man/man{number}/{name}.{number}": manpage(name) for name, number in SECTIONS.items()}
    for shell in SHELLS:
        for name in COMMANDS:
            found[f"contrib/completion/{shell}/{_FILES[shell].format(name)}"] = script(shell, name)
    return found


if __name__ == "__main__":
    for path, text in files().items():
        target = PROJECT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
