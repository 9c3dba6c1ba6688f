"""`serc rename ser.cfg OLD NEW`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from runtime.modules import catalogue
from serc.commands.analysed import read_bound
from serc.commands.files import complain, print_diff, write_whole
from serc.editor import Document
from serc.fixing import applied, weight
from serc.frontend import analyse
from serc.reading.source import Source
from serc.symbols import CannotRename, parse_symbol

_EPILOG: Final = """\
OLD is a route, a flag or an AVP:  route[1]  failure_route[2]  flag[5]  i:12  s:name  '$alias'
NEW is its other number or name, with or without what tells its kind.

All places are changed: definitions, calls, functions that arm a route, parameters of modules that name flags and AVPs. What is in use
already, or is what a module has by default, is refused.

exit status: 0 done, 1 it cannot be, or ser.cfg has errors; with --diff 1 if something would change; 2 bad command line
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc rename",
        description="Give a route, a flag or an AVP another number or name, at all places of ser.cfg.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("config", metavar="ser.cfg", help='the script; "-" is standard input, the result is printed')
    p.add_argument("old", metavar="OLD", help="what it is called")
    p.add_argument("new", metavar="NEW", help="what it is to be called")
    p.add_argument("--diff", action="store_true", help="change nothing, show what would change")
    return p


def main(argv: list[str]) -> int:
    p = parser()
    options = p.parse_args(argv)
    symbol = parse_symbol(options.old)
    if symbol is None:
        p.error(
            f'"{options.old}" is no route, flag or AVP: write route[1], failure_route[1], flag[1], i:1, s:name or $alias'
        )
    read = read_bound(options.config)
    if read is None:
        return 1
    source, _, report = read
    new = parse_symbol(options.new)
    name = options.new if new is None or new.kind != symbol.kind else new.name
    try:
        edits = Document(source).symbols.renamed(symbol, name)
    except CannotRename as e:
        complain("serc", str(e))
        return 1
    text = applied(source.text, edits)
    after = Source(source.name, text)
    assert weight(analyse(after, catalogue)[1]) <= weight(report), "another name makes nothing wrong"
    return _write(options.config, source, text, len(edits), options.diff)


def _write(name: str, source: Source, text: str, count: int, diff: bool) -> int:
    if diff:
        print_diff(source, text, "renamed")
        return 1 if count else 0
    try:
        if name == "-":
            sys.stdout.buffer.write(text.encode("latin-1"))
        elif count:
            write_whole(Path(name), text, encoding="latin-1")
    except OSError as e:
        complain("serc", f"cannot write {name}: {e.strerror or e}")
        return 1
    print(f"changed {count} place{'' if count == 1 else 's'} in {source.name}", file=sys.stderr)
    return 0
