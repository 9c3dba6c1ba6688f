"""`serc graph ser.cfg`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from runtime.modules import catalogue
from serc.commands.files import complain, read_source, write_whole
from serc.diagnostics.render import render_text
from serc.frontend import analyse
from serc.graph import dot


def main(argv: list[str]) -> int:
    p = argparse.ArgumentParser(
        prog="serc graph",
        description="Draw the routes of ser.cfg and what calls what: solid arrows are route(n), dashed ones routes that "
        "a function arms; grey is never reached, red is not defined.",
        epilog="exit status: 0 drawn, 1 ser.cfg has errors or Graphviz is missing, 2 bad command line",
    )
    p.add_argument("config", metavar="ser.cfg", help='the script; "-" is standard input')
    p.add_argument("--format", choices=("dot", "svg"), help="default: by the name of the output, else dot")
    p.add_argument("-o", "--output", metavar="FILE", default="-", help='where to write; "-", the default, prints')
    options = p.parse_args(argv)
    source = read_source(options.config)
    file, report = analyse(source, catalogue)
    if file is None:
        sys.stderr.write(render_text(source, report))
        return 1
    text = dot(file, source)
    if options.format == "svg" or (options.format is None and options.output.endswith(".svg")):
        drawn = _svg(text)
        if drawn is None:
            return 1
        text = drawn
    if options.output == "-":
        sys.stdout.write(text)
        return 0
    try:
        write_whole(Path(options.output), text)
    except OSError as e:
        complain("serc", f"cannot write {options.output}: {e.strerror or e}")
        return 1
    return 0


def _svg(text: str) -> str | None:
    program = shutil.which("dot")
    if program is None:
        complain("serc", "svg needs the program dot of Graphviz, which is not installed; --format dot works without")
        return None
    done = subprocess.run([program, "-Tsvg"], input=text, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0:
        complain("serc", f"dot: {done.stderr.strip()}")
        return None
    return done.stdout
