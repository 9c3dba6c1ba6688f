"""Writes docs/modules.md from the declarations: `python docs/generate_modules.py > docs/modules.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from runtime.modules import catalogue
from runtime.spec.declare import FAILURE, ONREPLY, REQUEST, Function, ModuleSpec, Param, RouteKind

_ROUTES = ((REQUEST, "request"), (FAILURE, "failure"), (ONREPLY, "onreply"))

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
    return "\n".join([_HEAD, *_contents(specs), *(line for spec in specs for line in _module(spec))]).rstrip() + "\n"


def _contents(specs: list[ModuleSpec]) -> Iterator[str]:
    yield "| module | | |"
    yield "| --- | --- | --- |"
    for spec in specs:
        state = "" if spec.runs else "checked only"
        yield f"| [{spec.name}](#{spec.name}) | {_text(spec.summary)} | {state} |"
    yield ""


def _module(spec: ModuleSpec) -> Iterator[str]:
    yield f"## {spec.name}"
    yield ""
    yield _text(spec.summary)
    yield from _notes(spec)
    yield ""
    if spec.functions:
        yield "| function | routes | stops | |"
        yield "| --- | --- | --- | --- |"
        yield from (_function(function) for function in spec.functions)
        yield ""
    if spec.params:
        yield "| parameter | type | default | |"
        yield "| --- | --- | --- | --- |"
        yield from (_param(param) for param in spec.params)
        yield ""
    kinds = {(argument.name, argument.kind.expects): None for f in spec.functions for argument in f.arguments}
    if kinds:
        yield "Arguments:"
        yield ""
        yield from (f"* *{name}*: {_text(expects)}" for name, expects in kinds)
        yield ""
    if spec.fifo_commands:
        yield "FIFO: " + ", ".join(f"`{command}`" for command in spec.fifo_commands)
        yield ""


def _notes(spec: ModuleSpec) -> Iterator[str]:
    if spec.exported != spec.name:
        yield f"In modparam it is called `{spec.exported}`."
    needs = [f"`{name}`" for name in spec.needs] + (["a database driver"] if spec.database else [])
    if needs:
        yield "Needs " + ", ".join(needs) + "."


def _function(function: Function) -> str:
    arguments = ", ".join(argument.name for argument in function.arguments)
    return f"| `{function.name}({arguments})` | {_routes(function.routes)} | {'yes' if function.may_stop else ''} | {_text(function.summary)} |"


def _routes(routes: RouteKind) -> str:
    return ", ".join(name for kind, name in _ROUTES if kind & routes) or "none"


def _param(param: Param) -> str:
    default = "must be set" if param.mandatory else "unset" if param.default is None else f"`{param.default}`"
    if param.default == "":
        default = "empty"
    several = ", repeatable" if param.repeatable else ""
    return f"| `{param.name}` | {param.type.value}{several} | {_text(default)} | {_text(param.summary)} |"


def _text(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
