"""What has a name of its own in a ser.cfg, routes, flags and AVPs: where it is used, and how it gets another name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from runtime.modules import catalogue
from runtime.spec.declare import ArgumentKind, Function, ModuleSpec, Param, ParamType
from runtime.spec.kinds_avp import ATTRIBUTE, AVP
from runtime.spec.kinds_words import LAST_ROUTE
from serc.diagnostics.fix import Edit, inside
from serc.reading import tree
from serc.reading.tree import Span
from serc.reading.walk import calls, routes
from serc.resolve.calls import named_route
from serc.resolve.modules import Modules
from serc.resolve.routes import head_of, key_of

ROUTES: Final = ("route", "failure_route", "onreply_route")
_LAST_FLAG: Final = 31
# A name of an AVP, and what may stand behind it where an argument says more.
_AVP: Final = re.compile(r"(i:|s:|\$|)([\w.-]+)(?=/|\Z)")
_ALIAS: Final = re.compile(r"\$([\w.-]+)")
_ALIASES: Final = re.compile(r"(?:\A|;)\s*([\w.-]+)\s*=\s*(i:|s:|)([\w.-]+)")
_NAME: Final = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Symbol:
    """`kind` is that of a route, "flag" or "AVP"; `name` a number, or for AVPs `i:5`, `s:name` or `$alias`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}[{self.name}]" if self.kind in ROUTES else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Use:
    """A place where a symbol stands: `span` is its number, or its name without what tells its kind. `is_definition`: it is made here."""

    symbol: Symbol
    span: Span
    is_definition: bool = False


class CannotRename(Exception):
    """`str()` is why, as a sentence in lower case."""


class Symbols:
    """Of one file."""

    def __init__(self, file: tree.File, modules: Modules) -> None:
        self._file: Final = file
        self._modules: Final = modules
        self._functions: Final = _functions_of(modules)
        self._aliases: Final = {name for name, _ in self._alias_definitions()}
        self.uses: Final = sorted(self._all(), key=lambda use: use.span)

    def at(self, offset: int) -> Use | None:
        return next((use for use in self.uses if use.span.start <= offset <= use.span.end), None)

    def of(self, symbol: Symbol) -> list[Use]:
        """Where it stands, its definition first."""
        return sorted((use for use in self.uses if use.symbol == symbol), key=lambda use: not use.is_definition)

    # --- finding -----------------------------------------------------------------------------------------------------

    def _all(self) -> Iterator[Use]:
        for route in routes(self._file):
            kind, number = key_of(route)
            span = route.number.span if route.number else head_of(route)
            yield Use(Symbol(kind, str(number)), span, True)
            for call in calls(route.body):
                yield from self._in_call(call)
        for item in self._file.items:
            if isinstance(item, tree.ModParam):
                yield from self._in_parameter(item)
        for name, span in self._alias_definitions():
            yield Use(Symbol("AVP", f"${name}"), span, True)

    def _in_call(self, call: tree.Call) -> Iterator[Use]:
        first = call.arguments[0] if call.arguments else None
        if call.name.name == "route" and isinstance(first, tree.Number):
            yield Use(Symbol("route", str(first.value)), first.span)
        found = self._functions.get((call.name.name, len(call.arguments)))
        if found is None:
            return
        spec, function = found
        armed = named_route(function, call)
        for argument, declared in zip(call.arguments, function.arguments, strict=True):
            if isinstance(argument, tree.Number) and spec.name == "core" and declared.name == "flag":
                yield Use(Symbol("flag", str(argument.value)), argument.span)
            elif isinstance(argument, tree.String) and (place := inside(argument)) is not None:
                if armed is not None and argument.value.strip().isdigit():
                    yield Use(Symbol(armed[0], str(armed[1])), place)
                else:
                    yield from self._in_string(argument.value, place.start, declared.kind)

    def _in_string(self, text: str, start: int, kind: ArgumentKind[object]) -> Iterator[Use]:
        """AVPs; what kinds are called tells where their names stand."""
        if not kind.name.startswith("AVP") and kind is not ATTRIBUTE:
            return
        names_one = kind in (AVP, ATTRIBUTE) or kind.name in ("AVP selection", "AVP in a database")
        found = _AVP.match(text) if names_one else None
        if found is not None and found[1] != "$":
            yield _avp(found[1], found[2], start + found.start(2))
        for alias in _ALIAS.finditer(text):
            if alias[1] in self._aliases:
                yield _avp("$", alias[1], start + alias.start(1))

    def _in_parameter(self, item: tree.ModParam) -> Iterator[Use]:
        params = [p for m in self._modules.loaded if (p := m.spec.param(item.parameter.value)) is not None]
        if isinstance(item.value, tree.Number):
            if any(_is_flag(p) for p in params) and item.value.value:
                yield Use(Symbol("flag", str(item.value.value)), item.value.span)
            elif any(_is_avp_number(p) for p in params):
                yield Use(Symbol("AVP", f"i:{item.value.value}"), item.value.span)
            return
        place = inside(item.value)
        if place is None:
            return
        if item.parameter.value == "avp_aliases":
            for found in _ALIASES.finditer(item.value.value):
                yield _avp(found[2], found[3], place.start + found.start(3))
        elif any(_is_avp_name(p) for p in params):
            name = _AVP.fullmatch(item.value.value)
            if name is not None and not (
                name[1] == "" and name[2].isdecimal()
            ):  # digits alone are not the same everywhere
                yield _avp(name[1], name[2], place.start + name.start(2))

    def _alias_definitions(self) -> Iterator[tuple[str, Span]]:
        for item in self._file.items:
            if isinstance(item, tree.ModParam) and item.parameter.value == "avp_aliases":
                place = inside(item.value) if isinstance(item.value, tree.String) else None
                if place is not None and isinstance(item.value, tree.String):
                    for found in _ALIASES.finditer(item.value.value):
                        yield found[1], Span(place.start + found.start(1), place.start + found.end(1))

    # --- renaming ----------------------------------------------------------------------------------------------------

    def renamed(self, symbol: Symbol, name: str) -> list[Edit]:
        """The changes that give it another name, which may stand with or without what tells its kind. Raises CannotRename."""
        uses = self.of(symbol)
        if not uses:
            raise CannotRename(f"there is no {symbol} in this file")
        if symbol == Symbol("route", "0"):
            raise CannotRename("the main route has no other number")
        prefix = symbol.name[: len(symbol.name) - len(symbol.name.removeprefix(_prefix(symbol)))]
        bare = name.removeprefix(prefix)
        _check(symbol, bare)
        meant = Symbol(symbol.kind, prefix + bare)
        if meant == symbol:
            return []
        if self.of(meant):
            raise CannotRename(f"{meant} is in use already")
        for each in (symbol, meant):
            self._refuse_default(each)
        return sorted(Edit(use.span, bare) for use in uses)

    def _refuse_default(self, symbol: Symbol) -> None:
        """What a module has by default, other names do not reach."""
        for loaded in self._modules.loaded:
            for param in loaded.spec.params:
                if param.name not in loaded.parameters and _default_of(param) == symbol:
                    raise CannotRename(
                        f"{symbol} is what {param.name} of {loaded.spec.name} has by default: set it with modparam first"
                    )


def parse_symbol(text: str) -> Symbol | None:
    """As people write it: `route[1]`, `failure_route[1]`, `flag 5`, `flag[5]`, `i:5`, `s:name`, `$alias`; None for anything else."""
    found = re.fullmatch(r"(route|failure_route|onreply_route|flag)(?:\[([0-9]+)\]|[ :]([0-9]+)|\(([0-9]+)\))", text)
    if found is not None:
        return Symbol(found[1], str(int(found[2] or found[3] or found[4])))
    name = re.fullmatch(r"(?:AVP |avp )?((?:i:|s:|\$)[\w.-]+)", text)
    return None if name is None else Symbol("AVP", name[1])


def _functions_of(modules: Modules) -> dict[tuple[str, int], tuple[ModuleSpec, Function]]:
    """By name and number of arguments, as SER finds them: the newest module's."""
    found: dict[tuple[str, int], tuple[ModuleSpec, Function]] = {}
    for spec in (*(loaded.spec for loaded in modules.loaded), catalogue.core()):
        for function in spec.functions:
            found[function.name, len(function.arguments)] = spec, function
    return found


def _avp(prefix: str, name: str, start: int) -> Use:
    return Use(Symbol("AVP", f"{prefix or 's:'}{name}"), Span(start, start + len(name)))


def _is_flag(param: Param) -> bool:
    return param.type is ParamType.INTEGER and param.name.endswith("flag")


def _is_avp_number(param: Param) -> bool:
    return param.type is ParamType.INTEGER and param.name.endswith("_avp")


def _is_avp_name(param: Param) -> bool:
    return param.type is ParamType.STRING and param.name.endswith("_avp")


def _default_of(param: Param) -> Symbol | None:
    """The flag or AVP that a parameter has where nobody sets it."""
    if isinstance(param.default, int) and param.default:
        if _is_flag(param):
            return Symbol("flag", str(param.default))
        return Symbol("AVP", f"i:{param.default}") if _is_avp_number(param) else None
    if isinstance(param.default, str) and _is_avp_name(param) and not param.default.isdecimal():
        found = _AVP.fullmatch(param.default)
        return None if found is None else Symbol("AVP", f"{found[1] or 's:'}{found[2]}")
    return None


def _prefix(symbol: Symbol) -> str:
    found = re.match(r"i:|s:|\$", symbol.name) if symbol.kind == "AVP" else None
    return "" if found is None else found[0]


def _check(symbol: Symbol, bare: str) -> None:
    """Raises CannotRename for what cannot be its name."""
    if symbol.kind == "AVP" and not symbol.name.startswith("i:"):
        if not _NAME.fullmatch(bare):
            raise CannotRename(f'"{bare}" is no name of an AVP: it has letters, digits, "_", "-" and "." alone')
        return
    if not (bare.isascii() and bare.isdecimal()):
        raise CannotRename(f'"{bare}" is no number, and {symbol} has one')
    low, high = 1, None
    if symbol.kind in ROUTES:
        high = LAST_ROUTE
    elif symbol.kind == "flag":
        high = _LAST_FLAG
    if int(bare) < low or high is not None and int(bare) > high:
        raise CannotRename(
            f"{symbol.kind} {bare} cannot be: it goes from {low} to {high}" if high else "AVPs begin at i:1"
        )
