"""loadmodule and modparam, and the question "whose function is this?"."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable
from typing import Final

from runtime.spec.declare import Function, ModuleSpec, RouteKind
from runtime.spec.posix_regex import posix_regex
from runtime.spec.values import Named
from serc import ir
from serc.reading import tree
from serc.resolve.modules import stem_of
from serc.resolve.words import text_of

_TAKEN: Final = frozenset(dir(builtins)) | {"core", "methods", "route", "verdict", "ctx", "result"}


class Modules:
    """The modules of one ser.cfg, in the order of loadmodule."""

    def __init__(self, file: tree.File, find: Callable[[str], ModuleSpec | None]) -> None:
        self.loaded: list[ModuleSpec] = []
        self._parameters: dict[str, dict[str, ir.Parameter]] = {}
        self._stood_in: dict[str, list[str]] = {}
        for item in file.items:
            if isinstance(item, tree.LoadModule):
                spec = find(stem_of(item.path.value))
                assert spec is not None, item.path.value
                if spec.name not in self._parameters:
                    self.loaded.append(spec)
                    self._parameters[spec.name] = {}
            elif isinstance(item, tree.ModParam):
                self._set(item)

    def find(self, name: str, arity: int, kind: RouteKind) -> tuple[ModuleSpec, Function]:
        """The function that SER would call: the newest module that has it for this kind of route."""
        for spec in reversed(self.loaded):
            function = spec.by_key.get((name, arity))
            if function is not None and kind in function.routes:
                return spec, function
        raise AssertionError(f"{name}/{arity} has passed the checks and is nowhere")

    def variable(self, spec: ModuleSpec) -> str:
        return variable(spec.name)

    def stand_in(self, spec: ModuleSpec, function: Function) -> str:
        """Variable of the object that stands for `function` of a module that cannot run it yet."""
        if not spec.runs:
            return variable(spec.name)
        missing = self._stood_in.setdefault(spec.name, [])
        if function.name not in missing:
            missing.append(function.name)
        return variable(spec.name) + "_later"

    def lowered(self) -> tuple[ir.Module, ...]:
        """Everything that routes.py makes an object of; to be asked after the routes have been lowered."""
        modules: list[ir.Module] = []
        for spec in self.loaded:
            parameters = tuple(self._parameters[spec.name].items())
            missing = "" if spec.runs else f"module {spec.name} is checked but cannot run yet"
            modules.append(ir.Module(spec.name, variable(spec.name), spec.implementation, parameters, missing))
            if spec.name in self._stood_in:
                names = ", ".join(self._stood_in[spec.name])
                missing = f"module {spec.name}: {names} is checked but cannot run yet"
                modules.append(ir.Module(spec.name, variable(spec.name) + "_later", "", (), missing))
        return tuple(modules)

    def _set(self, item: tree.ModParam) -> None:
        value = item.value.value
        pattern = posix_regex(f"^({item.module.value})$", newline=False)
        for spec in self.loaded:
            param = spec.param(item.parameter.value)
            if param is None or not pattern.search(spec.exported.encode("ascii")):
                continue
            known = self._parameters[spec.name]
            name = param.attribute if spec.runs else param.name
            if param.repeatable:
                earlier = known.get(name, ())
                assert isinstance(earlier, tuple)
                known[name] = (*earlier, value)
            else:
                known[name] = value


def variable(name: str) -> str:
    """The module's name in routes.py, with an underscore where the name has a meaning of its own in Python."""
    plain = re.sub(r"\W", "_", name)
    return plain + "_" if keyword.iskeyword(plain) or plain in _TAKEN else plain


def lowered_arguments(function: Function, call: tree.Call) -> tuple[ir.Argument, ...]:
    """What the body gets for the arguments of `call`, read as the declaration says."""
    values = function.values([text_of(word) for word in call.arguments])
    return tuple(ir.Symbol("core", value.name) if isinstance(value, Named) else value for value in values)
