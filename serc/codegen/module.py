"""The whole of routes.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Final

import jinja2

from runtime.spec.values import Constant
from runtime.version import FORMAT, VERSION
from serc import ir
from serc.codegen.functions import function_lines
from serc.codegen.lines import WIDTH, Laid, Line, lay_out
from serc.codegen.literals import literal
from serc.codegen.remarks import Remarks

_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"
_ENVIRONMENT: Final = "runtime.spec.environment"
_PARAMETER: Final = "runtime.modules.from_environment"
_VERDICT: Final = "runtime.routing.verdict"
_VERDICT_NAMES: Final = re.compile(r"\b(?:STOP|TRUE|FALSE|ERROR|verdict)\b")
# Anything but letters, digits and these signs.
_UNSAFE: Final = re.compile(r"[^\w.+@,=~ -]")
_STRINGS: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


@dataclass(frozen=True)
class Generated:
    """routes.py, and the line of ser.cfg for each of its lines that has one."""

    text: str
    lines: dict[int, int]


# No line is so long: nobody reads the module, so nobody has to break its lines.
_UNBROKEN: Final = 1_000_000


def generate(
    program: ir.Program, is_read: bool = True, comments: Mapping[int, tuple[str, ...]] | None = None
) -> Generated:
    """The module of a program that has been through the passes; the same program gives the same text.

    `is_read` by people: else it is made quickly, with long lines. `comments` are the operator's, by the line of ser.cfg that they
    stand above.
    """
    remarks = Remarks(comments or {})
    width = WIDTH if is_read else _UNBROKEN
    source = _shown(PurePath(program.source).name)
    bodies = [lay_out(function_lines(f), source, width) for f in program.functions]
    env = _environment()
    text = env.get_template("head.py.j2").render(
        source=source,
        version=VERSION,
        imports=_imports(program, bodies),
        config=_call("CONFIG", "Config", [f"{name}={_setting(v)}" for name, v in program.settings]),
        modules=[line for m in program.modules for line in _texts(_module(m), width)],
        constants=[line for c in program.constants for line in _texts([_constant(c)], width)],
    )
    lines: dict[int, int] = {}
    template = env.get_template("function.py.j2")
    parts = [text]
    at = text.count("\n")
    for function, laid_out in zip(program.functions, bodies):
        above = [line for origin in function.lines for line in remarks.above(origin)]
        body = remarks.among(laid_out)
        part = template.render(
            above=above,
            name=function.name,
            docstring=_docstring(function, source),
            lines=[laid.text for laid in body],
        )
        at += part.count("\n")
        parts.append(part)
        first = at - len(body) + 1
        lines.update({first + i: laid.origin for i, laid in enumerate(body) if laid.origin})
    parts.append(env.get_template("tail.py.j2").render(source=source, lines=_packed(lines), program=_program(program)))
    return Generated("".join(parts), lines)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


def _shown(name: str) -> str:
    """The name of ser.cfg in comments and docstrings: nothing in it can end them. PROGRAM has it as it is, as a literal."""
    return _UNSAFE.sub("_", name) or "ser.cfg"


def _texts(lines: list[Line], width: int) -> list[str]:
    return [laid.text for laid in lay_out(lines, "", width)]


def _call(name: str, constructor: str, arguments: list[str]) -> list[str]:
    """`NAME: Final = Constructor(…)`, one argument a line."""
    if not arguments:
        return [f"{name}: Final = {constructor}()"]
    rows = [f"    {row}" for a in arguments for row in f"{a},".split("\0")]
    return [f"{name}: Final = {constructor}(", *rows, ")"]


def _tuple(items: list[str]) -> str:
    """A tuple of several items, one a line where they do not fit on one (parts are separated by NUL)."""
    short = f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if len(short) < WIDTH - 20:
        return short
    return "(\0" + "\0".join(f"    {item}," for item in items) + "\0)"


def _setting(value: ir.Setting) -> str:
    return _tuple([literal(v) for v in value]) if isinstance(value, tuple) else literal(value)


def _module(m: ir.Module) -> list[Line]:
    if m.missing:
        parameters = ", ".join(f"{literal(name)}: {literal(value)}" for name, value in m.parameters)
        extra = f", {{{parameters}}}" if parameters else ""
        return [Line(0, f"{m.variable}: Final = Declared({literal(m.name)}, {literal(m.missing)}{extra})")]
    parameters = ", ".join(f"{name}={literal(value)}" for name, value in m.parameters)
    return [Line(0, f"{m.variable}: Final = {m.implementation.partition(':')[2]}({parameters})")]


def _constant(c: ir.NamedConstant) -> Line:
    if isinstance(c.constant, ir.Late):
        late = c.constant
        where = ", ".join(map(literal, (late.module, late.function, late.place, late.texts)))
        return Line(0, f"{c.name}: Final = argument({late.type_name}, {where})")
    constant = c.constant
    unnamed = len(constant.arguments) - len(constant.names)
    names = ("",) * unnamed + tuple(f"{name}=" for name in constant.names)
    arguments = ", ".join(name + literal(value) for name, value in zip(names, constant.arguments))
    return Line(0, f"{c.name}: Final = {c.constant.constructor}({arguments})")


def _imports(program: ir.Program, bodies: list[list[Laid]]) -> list[str]:
    code = _STRINGS.sub("", "\n".join(laid.text for body in bodies for laid in body))
    names: dict[str, set[str]] = {"runtime.routing.config": {"Config"}, "runtime.routing.program": {"Program"}}
    if program.functions:
        names["runtime.routing.context"] = {"Context"}
    if any(isinstance(value, tuple) for _, value in program.settings):
        names["runtime.routing.config"].add("Listen")
    for m in program.modules:
        path, _, name = ("runtime.modules.declared:Declared" if m.missing else m.implementation).partition(":")
        names.setdefault(path, set()).add(name)
    for c in program.constants:
        constant = c.constant
        if isinstance(constant, ir.Late):
            names.setdefault(_PARAMETER, set()).add("argument")
            if not isinstance(constant.sample, Constant):
                continue
            constant = constant.sample
            names.setdefault(constant.module, set()).add(constant.built.__name__)
        else:
            names.setdefault(constant.module, set()).add(constant.constructor.partition(".")[0])
    for value in _from_environment(program):
        place, name = (_PARAMETER, "parameter") if value.module else (_ENVIRONMENT, "environment")
        names.setdefault(place, set()).add(name)
    verdicts = set(_VERDICT_NAMES.findall(code))
    if verdicts:
        names[_VERDICT] = verdicts
    if "core." in code:
        names["runtime.modules"] = {"core"}
    if "methods." in code:
        names["runtime.sip"] = {"methods"}
    return [f"from {path} import {', '.join(sorted(names[path], key=_constants_first))}" for path in sorted(names)]


def _from_environment(program: ir.Program) -> list[ir.FromEnvironment]:
    found: list[object] = [v for m in program.modules for _, v in m.parameters] + [v for _, v in program.settings]
    flat = [one for value in found for one in (value if isinstance(value, tuple) else (value,))]
    flat = [one.host if isinstance(one, ir.Endpoint) else one for one in flat]
    return [one for one in flat if isinstance(one, ir.FromEnvironment)]


def _constants_first(name: str) -> tuple[int, str]:
    """isort's order: CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def _docstring(f: ir.Function, source: str) -> str:
    places = " and ".join(f"{source}:{line}" if i == 0 else str(line) for i, line in enumerate(f.lines))
    if f.kind is ir.FunctionKind.CONDITION:
        return f"Part of the condition in {places}: TRUE, FALSE, STOP or ERROR."
    if f.kind is ir.FunctionKind.BLOCK:
        return f"Block in the condition in {places}."
    name = "Main request route" if f.name == "route" else f"{f.kind.value}[{f.number}]"
    return f"{name}, {places}."


def _packed(lines: dict[int, int]) -> list[str]:
    """The pairs of LINES, as many on a line as fit."""
    out: list[str] = []
    row = ""
    for ours, theirs in lines.items():
        pair = f"{ours}: {theirs},"
        if row and len(row) + 1 + len(pair) > WIDTH - 4:
            out.append(row)
            row = pair
        else:
            row = f"{row} {pair}" if row else pair
    return [*out, row] if row else out


def _program(program: ir.Program) -> list[str]:
    kinds = ir.FunctionKind
    arguments = ["config=CONFIG"]
    if program.modules:
        arguments.append(f"modules={_tuple([m.variable for m in program.modules])}")
    if any(f.name == "route" for f in program.functions):
        arguments.append("request=route")
    for keyword, kind in (("failure", kinds.FAILURE), ("onreply", kinds.ONREPLY)):
        routes = ", ".join(f"{f.number}: {f.name}" for f in program.functions if f.kind is kind)
        if routes:
            arguments.append(f"{keyword}={{{routes}}}")
    for keyword, stem in (("destinations", "HOST"), ("socket_names", "SOCKET")):
        found = [c.name for c in program.constants if c.constant.stem == stem]
        if found:
            arguments.append(f"{keyword}={_tuple(found)}")
    prepared = [c.name for c in program.constants if c.constant.prepared]
    if prepared:
        arguments.append(f"prepared={_tuple(prepared)}")
    arguments += [f"source={literal(program.source)}", "lines=LINES", f"format={FORMAT}"]
    return _call("PROGRAM", "Program", arguments)
