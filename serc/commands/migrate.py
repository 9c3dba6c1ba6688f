"""`serc migrate --from kamailio kamailio.cfg -o ser.cfg`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from serc.commands.check import wants_colour
from serc.commands.files import complain, read_source, refuse_to_overwrite, write_whole
from serc.commands.progress import progress
from serc.diagnostics.render import render_text
from serc.diagnostics.report import Severity
from serc.migration import ORIGINS, Fate, Migrated, migrate
from serc.reading.source import Source

_EPILOG: Final = """\
What 0.9 says in other words is rewritten, and laid out in one style. What it has no words for stays in the new file as a comment, and is
told with its line in the old file and the reason ("left out"); so is what does nearly the same ("look at it"), and what nothing has to
come for ("not needed"). The new file passes serc check; read it all the same,
and write tests for it (serc test).

exit status: 0 all is carried over, 1 something is left out or could not be read, 2 bad command line
"""

_FATES: Final = {Fate.LOST: "left out", Fate.CHANGED: "look at it", Fate.NEEDLESS: "not needed"}


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc migrate",
        description="Carry over a config of SER 0.8 or 2.0, OpenSER (OpenSIPS 1) or Kamailio.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("config", metavar="FILE", help='the old config; "-" is standard input')
    p.add_argument("--from", dest="origin", choices=ORIGINS, required=True, help="whose config it is")
    p.add_argument(
        "-D",
        "--define",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="as if #!define NAME VALUE stood at the beginning; may be given several times",
    )
    p.add_argument("-o", "--output", metavar="FILE", default="-", help='where to write; "-", the default, prints')
    p.add_argument("--force", action="store_true", help="write over a file that is there")
    p.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour; NO_COLOR is respected")
    return p


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    source = read_source(options.config)
    with progress(f"carrying over {source.name}"):
        result = migrate(source, options.origin, options.define)
    for remark in result.remarks:
        print(f"{source.name}:{remark.line}: {_FATES[remark.fate]}: {remark.text}", file=sys.stderr)
    if result.source is None:
        shown = render_text(source, result.report, colour=wants_colour(options.color, sys.stderr))
        sys.stderr.write(shown)
        complain("serc", f"{source.name} cannot be carried over: it makes no sense at these places")
        return 1
    if not _write(result.source, options.output, options.config, options.force):
        return 1
    print(_summary(result), file=sys.stderr)
    return 1 if any(remark.is_lost for remark in result.remarks) else 0


def _write(source: Source, output: str, config: str, force: bool) -> bool:
    if output == "-":
        sys.stdout.buffer.write(source.text.encode("latin-1"))
        sys.stdout.buffer.flush()
        return True
    if refuse_to_overwrite(Path(output), config, lambda _: False, force):
        return False
    try:
        write_whole(Path(output), source.text, encoding="latin-1")
    except OSError as e:
        complain("serc", f"cannot write {output}: {e.strerror or e}")
        return False
    return True


def _summary(result: Migrated) -> str:
    lost, changed, needless = (sum(1 for remark in result.remarks if remark.fate is fate) for fate in Fate)
    warnings = result.report.count(Severity.WARNING)
    counted = f"{lost} left out, {changed} to look at, {needless} not needed here"
    return f"{counted}; serc check has {warnings} warning{'' if warnings == 1 else 's'} for the new file"
