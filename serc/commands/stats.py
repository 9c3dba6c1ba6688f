"""`serc stats ser.cfg`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from serc.commands.analysed import read_bound
from serc.commands.numbers import whole_number
from serc.statistics import COMPLEX, ModuleStatistics, Statistics, statistics


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc stats",
        description="How large ser.cfg is: lines, routes with the number of ways through them, modules with the functions that are called, "
        "flags and AVPs.",
        epilog="exit status: 0 told, 1 ser.cfg has errors, or a route has more ways than --max-complexity, 2 bad command line",
    )
    p.add_argument("config", metavar="ser.cfg", help='the script; "-" is standard input')
    p.add_argument("--json", action="store_true", help="the same for programs")
    p.add_argument(
        "--max-complexity",
        metavar="N",
        type=whole_number(1),
        help="fail if there are more than N ways through a route",
    )
    return p


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    read = read_bound(options.config)
    if read is None:
        return 1
    source, bound, report = read
    found = statistics(source, bound, report)
    if options.json:
        print(json.dumps({"file": source.name, **asdict(found), "unused_modules": found.unused()}, indent=2))
    else:
        print("\n".join(_text(source.name, found)))
    most = max((route.complexity for route in found.routes), default=0)
    return 1 if options.max_complexity is not None and most > options.max_complexity else 0


def _text(name: str, found: Statistics) -> Iterator[str]:
    yield f"{name}: {found.lines} lines, {found.code} of code, {found.comments} of comments; {_count(found.warnings, 'warning')}"
    yield ""
    yield "route                line  lines  statements  ways  depth  callers"
    for r in found.routes:
        row = f"{r.name:<20} {r.line:>4}  {r.lines:>5}  {r.statements:>10}  {r.complexity:>4}  {r.depth:>5}  {r.callers:>7}"
        yield row + ("  hard to follow" if r.complexity > COMPLEX else "")
    yield ""
    for module in found.modules:
        yield f"{module.name:<12} {_module(module)}"
    for what, names in (("globals", found.globals), ("flags", found.flags), ("AVPs", found.avps)):
        if names:
            yield f"{what}: {', '.join(names)}"
    if found.unused():
        yield f"nothing is called of, or set for: {', '.join(found.unused())}"


def _module(module: ModuleStatistics) -> str:
    called = ", ".join(f"{name} {count}" if count > 1 else name for name, count in module.functions.items())
    parameters = _count(len(module.parameters), "parameter") if module.parameters else ""
    return "; ".join(part for part in (called, parameters) if part) or "-"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
