"""`serc lsp`: a language server for ser.cfg on standard input and output. docs/operating.md has lines for editors."""

from __future__ import annotations

import argparse
import gc
import sys
from typing import Final

from serc.commands.files import complain

_SWITCH_S: Final = 0.0002


def main(argv: list[str]) -> int:
    p = argparse.ArgumentParser(
        prog="serc lsp",
        description="A language server for ser.cfg and its tests, which editors start: diagnostics while typing, quick fixes, hover, completion, "
        "arguments of calls, definition, references, rename, symbols, folding, formatting, buttons that run tests. It speaks on standard "
        "input and output.",
    )
    p.add_argument("--stdio", action="store_true", help="the default, which some editors name")
    p.parse_args(argv)
    try:
        # An extra: who has no editor has no pygls.
        from serc.commands.language_server import make_server
    except ImportError:
        complain("serc", "the language server needs pygls: pip install 'pygls>=2'")
        return 1
    # Each keystroke makes a tree and drops it again: the collector would look through both, and through all that is loaded, for circles.
    gc.set_threshold(50_000, 20, 100)
    gc.freeze()
    # Each message goes through some threads, and a check in another one would keep each of them waiting for 5 ms: a tenth of a second in all.
    sys.setswitchinterval(_SWITCH_S)
    make_server().start_io()
    return 0
