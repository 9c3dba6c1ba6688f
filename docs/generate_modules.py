"""Writes docs/modules.md from the declarations: `python docs/generate_modules.py > docs/modules.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from runtime.modules import catalogue
from runtime.spec.declare import ModuleSpec
from serc.commands.modules import described

_HEAD = """\
# Modules

What `loadmodule` can name, from the declarations in `runtime/modules`. Written by `docs/generate_modules.py`: change the
declarations, not this file.

*Stops*: the function can end the script, as a function of SER that returns 0. *Routes*: where it may be called; the call
counts from the route in which it happens, also through `route(n)`. Modules marked *checked only* are known to `serc`, which
checks their functions and parameters; the server does not run them yet.
"""


def page() -> str:
    """The whole file."""
    specs = [spec for spec in map(catalogue.find, catalogue.names()) if spec is not None]
    return "\n".join([_HEAD, *_contents(specs), *(line for spec in specs for line in described(spec))]).rstrip() + "\n"


def _contents(specs: list[ModuleSpec]) -> Iterator[str]:
    yield "| module | | |"
    yield "| --- | --- | --- |"
    for spec in specs:
        state = "" if spec.runs else "checked only"
        yield f"| [{spec.name}](#{spec.name}) | {spec.summary} | {state} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
