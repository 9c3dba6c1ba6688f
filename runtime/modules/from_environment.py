"""Parameters of modules and arguments of routes whose values come from the environment, as routes.py asks for them."""

from __future__ import annotations

from typing import TypeVar

from runtime.modules import catalogue
from runtime.spec.declare import Function, ModuleSpec
from runtime.spec.environment import REGEX, BadEnvironment, environment
from runtime.spec.kinds import regex_constant, wire
from runtime.spec.values import BadArgument, Constant, Value

T = TypeVar("T")


def parameter(module: str, name: str, text: str) -> str:
    """The value of a parameter, as good as serc would have found it if ser.cfg said so. Raises BadEnvironment, which shows no values."""
    value = environment(text)
    spec = catalogue.find(module)
    param = None if spec is None else spec.param(name)
    if param is not None and param.check is not None and param.check(value):
        # What is wrong would show some of the value.
        raise BadEnvironment(f'{module}: {name} cannot be what the environment makes of "{text}"')
    return value


def argument(kind: type[T], module: str, function: str, place: int, texts: tuple[str, ...]) -> T:
    """What the body of a function gets in this place, if these are its arguments. Raises BadEnvironment, which shows no values."""
    values = tuple(environment(text) for text in texts)
    try:
        value = _made(values_of(module, function, values)[place])
    except BadArgument:
        value = None
    if not isinstance(value, kind):
        shown = ", ".join(f'"{text}"' for text in texts)
        raise BadEnvironment(f"{function}: an argument cannot be what the environment makes of {shown}")
    return value


def values_of(module: str, function: str, texts: tuple[str, ...]) -> tuple[Value, ...]:
    """What the body gets that is called `function`. Raises BadArgument."""
    if not module:
        return (regex_constant(texts[0]) if function == REGEX else wire(texts[0]),)
    spec = catalogue.core() if module == "core" else catalogue.find(module)
    assert spec is not None, module
    return _function(spec, function, len(texts)).values(texts)


def _function(spec: ModuleSpec, name: str, arguments: int) -> Function:
    return next(f for f in spec.functions if f.method == name and len(f.arguments) == arguments)


def _made(value: Value) -> object:
    if not isinstance(value, Constant):
        return value
    made: object = getattr(value.built, value.method) if value.method else value.built
    assert callable(made)
    return made(*value.arguments)
