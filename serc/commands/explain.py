"""`serc explain SER0123`."""

from __future__ import annotations

import argparse
import sys

from serc.commands.files import complain
from serc.diagnostics.codes import CODES
from serc.diagnostics.explain import explain
from serc.diagnostics.suggest import did_you_mean


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="serc explain", description="What a diagnostic means and what to do about it.")
    p.add_argument("code", nargs="?", help="such as SER0201; without one, all codes are listed")
    return p


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    if options.code is None:
        for code in CODES.values():
            print(f"{code.name}  {code.severity.value:<8}{code.title}")
        return 0
    name = options.code.upper()
    if name not in CODES:
        hint = did_you_mean(name, CODES)
        complain("serc", f"there is no diagnostic {options.code}{f' ({hint})' if hint else ''}")
        return 2
    sys.stdout.write(explain(name))
    return 0
