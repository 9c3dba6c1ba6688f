"""`serc explain SER0123`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import serc.diagnostics
from serc.commands.files import complain
from serc.diagnostics.codes import CODES
from serc.diagnostics.suggest import did_you_mean

_PAGES: Final = Path(serc.diagnostics.__file__).parent / "pages"


def main(argv: list[str]) -> int:
    p = argparse.ArgumentParser(prog="serc explain", description="What a diagnostic means and what to do about it.")
    p.add_argument("code", nargs="?", help="such as SER0201; without one, all codes are listed")
    options = p.parse_args(argv)
    if options.code is None:
        for code in CODES.values():
            print(f"{code.name}  {code.severity.value:<8}{code.title}")
        return 0
    name = options.code.upper()
    if name not in CODES:
        hint = did_you_mean(name, CODES)
        complain("serc", f"there is no diagnostic {options.code}{f' ({hint})' if hint else ''}")
        return 2
    page = _PAGES / f"{name}.md"
    if page.is_file():
        sys.stdout.write(page.read_text(encoding="utf-8"))
    else:
        print(f"{name}, {CODES[name].severity.value}: {CODES[name].title}")
    return 0
