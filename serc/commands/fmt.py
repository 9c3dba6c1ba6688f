"""`serc fmt ser.cfg`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from serc.commands.files import CannotRead, complain, print_diff, read_source, write_whole
from serc.diagnostics.render import render_text
from serc.style import styled


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc fmt",
        description="Lay ser.cfg out in one style, in place. Comments are kept and nothing moves to another line, so "
        "that the compiled module stays the same.",
        epilog="exit status: 0 done or nothing to do; 1 syntax errors, or with --check and --diff something to do; "
        "2 bad command line",
    )
    p.add_argument(
        "config", metavar="ser.cfg", nargs="+", help='the script; "-" is standard input, the result is printed'
    )
    p.add_argument("--check", action="store_true", help="change nothing, name the files that would change")
    p.add_argument("--diff", action="store_true", help="change nothing, show what would change")
    return p


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    return max(_format(name, options.check, options.diff) for name in options.config)


def _format(name: str, check: bool, diff: bool) -> int:
    try:
        source = read_source(name)
    except CannotRead as e:
        complain("serc", str(e))
        return 1
    text, report = styled(source)
    if text is None:
        sys.stderr.write(render_text(source, report))
        return 1
    changed = text != source.text
    if diff:
        print_diff(source, text, "styled")
    if check and changed:
        print(f"would change {name}", file=sys.stderr)
    if check or diff:
        return 1 if changed else 0
    try:
        if name == "-":
            sys.stdout.buffer.write(text.encode("latin-1"))
        elif changed:
            write_whole(Path(name), text, encoding="latin-1")
    except OSError as e:
        complain("serc", f"cannot write {name}: {e.strerror or e}")
        return 1
    return 0
