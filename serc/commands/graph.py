"""`serc graph ser.cfg`."""

from __future__ import annotations

import argparse
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Final

from serc.commands.analysed import read_bound
from serc.commands.files import complain, refuse_to_overwrite, write_bytes
from serc.commands.progress import progress
from serc.graph import dot

_MARK: Final = b"Drawn by serc graph"
# The signature of a PNG file and its first chunk, behind which texts may stand.
_PNG_HEAD: Final = 33


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc graph",
        description="Draw the routes of ser.cfg and what calls what: solid arrows are route(n), dashed ones routes that "
        "a function arms; grey is never reached, red is not defined.",
        epilog="exit status: 0 drawn, 1 ser.cfg has errors or Graphviz is missing, 2 bad command line",
    )
    p.add_argument("config", metavar="ser.cfg", help='the script; "-" is standard input')
    p.add_argument("--format", choices=("dot", "svg", "png"), help="default: by the name of the output, else dot")
    p.add_argument("-o", "--output", metavar="FILE", default="-", help='where to write; "-", the default, prints')
    p.add_argument("--force", action="store_true", help="write over a file that this command did not make")
    return p


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    read = read_bound(options.config)
    if read is None:
        return 1
    source, bound, _ = read
    format_ = options.format or next((f for f in ("svg", "png") if options.output.lower().endswith(f".{f}")), "dot")
    drawn: bytes | None = dot(bound, source).encode("utf-8")
    if format_ != "dot":
        assert drawn is not None
        drawn = _drawn(drawn, format_)
    if drawn is None:
        return 1
    picture = _marked(drawn, format_)
    if options.output == "-":
        sys.stdout.buffer.write(picture)
        return 0
    if refuse_to_overwrite(Path(options.output), options.config, _is_ours, options.force):
        return 1
    try:
        write_bytes(Path(options.output), picture)
    except OSError as e:
        complain("serc", f"cannot write {options.output}: {e.strerror or e}")
        return 1
    return 0


def _marked(picture: bytes, format_: str) -> bytes:
    """The picture with a remark at its beginning that it is of this command."""
    if format_ == "dot":
        return b"// " + _MARK + b"\n" + picture
    if format_ == "svg":
        return picture.replace(b"<svg", b"<!-- " + _MARK + b" -->\n<svg", 1)
    text = b"tEXtSoftware\0" + _MARK
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return picture[:_PNG_HEAD] + chunk + picture[_PNG_HEAD:]


def _is_ours(start: bytes) -> bool:
    """Has a file the remark? Others make pictures, too."""
    return _MARK in start


def _drawn(text: bytes, format_: str) -> bytes | None:
    program = shutil.which("dot")
    if program is None:
        complain(
            "serc", f"{format_} needs the program dot of Graphviz, which is not installed; --format dot works without"
        )
        return None
    with progress("Graphviz draws the routes"):
        done = subprocess.run([program, f"-T{format_}"], input=text, capture_output=True)
    if done.returncode != 0:
        complain("serc", f"dot: {done.stderr.decode(errors='replace').strip()}")
        return None
    return done.stdout
