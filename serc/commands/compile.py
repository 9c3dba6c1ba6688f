"""`serc ser.cfg -o routes.py`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from runtime.version import VERSION
from serc.commands.files import complain, read_source, refuse_to_overwrite, write_whole
from serc.commands.progress import progress
from serc.commands.serc import SUBCOMMANDS
from serc.compiler import compile_source
from serc.diagnostics.render import render_text
from serc.diagnostics.report import Severity
from serc.passes import PASSES

_EPILOG: Final = """\
sub-commands (serc NAME --help says more):
{commands}

exit status: 0 compiled, perhaps with warnings; 1 ser.cfg has errors and nothing is written; 2 bad command line

examples:
  serc ser.cfg                          writes routes.py beside ser.cfg
  serc ser.cfg -o - | less              shows it
  serc ser.cfg -o routes.py --mypy      compiles and lets mypy --strict verify the result
  ser-runtime --routes routes.py -D -E  serves with it
"""


def parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:<11}{what}" for name, what in SUBCOMMANDS.items())
    p = argparse.ArgumentParser(
        prog="serc",
        description="Compile ser.cfg to a typed Python module for ser-runtime.",
        epilog=_EPILOG.format(commands=commands),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("config", metavar="ser.cfg", help='the script; "-" is standard input')
    p.add_argument("-o", "--output", metavar="FILE", help="where to write; default: routes.py beside ser.cfg; - prints")
    p.add_argument("--force", action="store_true", help="write over a file that serc did not make")
    p.add_argument("-W", dest="warnings", choices=("error", "ignore"), help="warnings fail, or are not shown")
    p.add_argument("--mypy", action="store_true", help="verify the module with mypy --strict before writing it")
    p.add_argument(
        "--native", action="store_true", help="compile the module to machine code too (mypyc); -o names a folder"
    )
    names = ", ".join(each.name for each in PASSES if not each.needed)
    p.add_argument("--skip-pass", action="append", default=[], metavar="NAME", help=f"for debugging serc: {names}")
    p.add_argument("--version", action="version", version=f"serc {VERSION}")
    return p


def main(argv: list[str]) -> int:
    p = parser()
    options = p.parse_args(argv)
    known = {each.name for each in PASSES if not each.needed}
    for name in options.skip_pass:
        if name not in known:
            p.error(f"no pass {name} that can be skipped: there are {', '.join(sorted(known))}")
    if options.native and options.output in (None, "-"):
        p.error("--native needs -o DIR, a folder to write to")
    source = read_source(options.config)
    with progress(f"compiling {source.name}"):
        generated, report = compile_source(source, frozenset(options.skip_pass))
    if options.warnings != "ignore" or report.has_errors:
        sys.stderr.write(render_text(source, report))
    if generated is None or (options.warnings == "error" and report.count(Severity.WARNING) > 0):
        return 1
    if options.mypy:
        from serc.commands.mypy_check import verify

        if not verify(generated, source.name):
            return 1
    if options.output == "-":
        sys.stdout.write(generated.text)
        return 0
    target = Path(options.output, "routes.py") if options.native else _output(options.output, options.config)
    if refuse_to_overwrite(target, options.config, _is_ours, options.force):
        return 1
    if not _is_module(target):
        p.error(f"-o {options.output}: write a name that ends in .py, which ser-runtime needs, or - to print")
    try:
        if options.native:
            from serc.commands.native import build

            return build(generated, Path(options.output))
        write_whole(target, generated.text)
    except OSError as e:
        complain("serc", f"cannot write {target}: {e.strerror or e}")
        return 1
    return 0


def _is_module(path: Path) -> bool:
    """A device or a pipe is no file that anybody loads; of a link counts where it leads."""
    return path.suffix == ".py" or path.resolve().suffix == ".py" or path.exists() and not path.is_file()


def _is_ours(start: bytes) -> bool:
    """Does a file begin as compiled modules do?"""
    return start.startswith(b'"""Routes of ') and b"compiled by serc" in start


def _output(given: str | None, config: str) -> Path:
    if given is not None:
        return Path(given)
    return Path("routes.py") if config == "-" else Path(config).parent / "routes.py"
