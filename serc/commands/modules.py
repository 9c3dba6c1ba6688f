"""`serc modules`: what loadmodule can name, and what a module has, installed packages of other people among them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from runtime.modules import catalogue
from runtime.spec.declare import FAILURE, ONREPLY, REQUEST, Function, ModuleSpec, Param, RouteKind
from serc.commands.files import complain
from serc.diagnostics.suggest import did_you_mean

_ROUTES: Final = ((REQUEST, "request"), (FAILURE, "failure"), (ONREPLY, "onreply"))


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="serc modules", description="What loadmodule can name, and what a module has.")
    p.add_argument("name", nargs="?", help="such as tm; without one, all modules are listed")
    return p


def main(argv: list[str]) -> int:
    name = parser().parse_args(argv).name
    if name is None:
        for spec in filter(None, map(catalogue.find, catalogue.names())):
            print(f"{spec.name:<16}{spec.summary}{'' if spec.runs else ' (checked only)'}")
        return 0
    found = catalogue.find(name)
    if found is None:
        known = f"module {name} {catalogue.UNDECLARED[name]}" if name in catalogue.UNDECLARED else ""
        hint = did_you_mean(name, catalogue.names())
        complain("serc", known or f"there is no module {name}{f' ({hint})' if hint else ''}")
        return 2
    print("\n".join(described(found)).rstrip())
    return 0


def described(spec: ModuleSpec) -> Iterator[str]:
    """Lines of Markdown about a module: functions, parameters, arguments, commands."""
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
