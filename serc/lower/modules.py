"""The modules as objects of routes.py."""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Final

from runtime.spec.declare import Function, ModuleSpec
from runtime.spec.environment import names_in
from runtime.spec.values import Named, Value
from serc import ir
from serc.resolve.modules import Loaded, ParamValue

_TAKEN: Final = frozenset(dir(builtins)) | {"core", "methods", "route", "verdict", "ctx", "result"}


class Objects:
    """The objects of routes.py that stand for modules."""

    def __init__(self, loaded: list[Loaded]) -> None:
        self._loaded = loaded
        self._stood_in: dict[str, list[str]] = {}

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
        for loaded in self._loaded:
            spec = loaded.spec
            parameters = tuple((_attribute(spec, name), _value(spec, name, v)) for name, v in loaded.parameters.items())
            missing = "" if spec.runs else f"module {spec.name} is checked but cannot run yet"
            modules.append(ir.Module(spec.name, variable(spec.name), spec.implementation, parameters, missing))
            if spec.name in self._stood_in:
                names = ", ".join(self._stood_in[spec.name])
                missing = f"module {spec.name}: {names} is checked but cannot run yet"
                modules.append(ir.Module(spec.name, variable(spec.name) + "_later", "", (), missing))
        return tuple(modules)


def _attribute(spec: ModuleSpec, parameter: str) -> str:
    """What the constructor calls a parameter; a module that does not run keeps its parameters as they are."""
    param = spec.param(parameter)
    assert param is not None, parameter
    return param.attribute if spec.runs else parameter


def _value(spec: ModuleSpec, name: str, value: ParamValue) -> ir.Parameter:
    """A value, or what is going to be asked for it. A module that does not run asks for nothing."""
    if isinstance(value, tuple):
        return tuple(_single(spec, name, one) for one in value)
    return _single(spec, name, value)


def _single(spec: ModuleSpec, name: str, value: int | str) -> int | str | ir.FromEnvironment:
    if isinstance(value, str) and spec.runs and names_in(value):
        return ir.FromEnvironment(value, spec.name, name)
    return value


def variable(name: str) -> str:
    """The module's name in routes.py, with an underscore where the name has a meaning of its own in Python."""
    plain = re.sub(r"\W", "_", name)
    return plain + "_" if keyword.iskeyword(plain) or plain in _TAKEN else plain


def lowered_arguments(values: tuple[Value, ...]) -> tuple[ir.Argument, ...]:
    """What the body gets, as routes.py writes it."""
    return tuple(ir.Symbol("core", value.name) if isinstance(value, Named) else value for value in values)
