"""Objects such as regexes and networks get a name at the top of routes.py, numbered by their first use.

Two equal ones are one object. The stems come from the declarations (`Constant.stem`).
"""

from __future__ import annotations

from dataclasses import replace

from runtime.spec.values import Constant
from serc import ir
from serc.passes.rewrite import map_parts


def hoist_constants(program: ir.Program) -> ir.Program:
    hoisting = _Hoisting()
    functions = tuple(replace(f, body=hoisting.body(f.body)) for f in program.functions)
    return replace(program, functions=functions, constants=program.constants + tuple(hoisting.constants))


class _Hoisting:
    def __init__(self) -> None:
        self.constants: list[ir.NamedConstant] = []
        self._names: dict[str, ir.Hoisted] = {}
        self._counts: dict[str, int] = {}

    def body(self, body: ir.Body) -> ir.Body:
        return tuple(self._statement(s) for s in body)

    def _statement(self, s: ir.Statement) -> ir.Statement:
        if isinstance(s, (ir.Do, ir.Propagate)):
            return replace(s, call=self._call(s.call))
        if not isinstance(s, ir.If):
            return s
        arms = tuple(replace(a, condition=self._condition(a.condition), body=self.body(a.body)) for a in s.arms)
        return replace(s, arms=arms, otherwise=self.body(s.otherwise))

    def _condition(self, condition: ir.Condition) -> ir.Condition:
        if isinstance(condition, ir.Operand):
            return replace(condition, arguments=self._arguments(condition.arguments))
        if isinstance(condition, ir.Succeeds):
            return ir.Succeeds(self._call(condition.call))
        return map_parts(condition, self._condition)

    def _call(self, call: ir.Call) -> ir.Call:
        return replace(call, arguments=self._arguments(call.arguments))

    def _arguments(self, arguments: tuple[ir.Argument, ...]) -> tuple[ir.Argument, ...]:
        return tuple(self._named(a) if isinstance(a, (Constant, ir.Late)) else a for a in arguments)

    def _named(self, constant: Constant[object] | ir.Late) -> ir.Hoisted:
        key = repr(constant)  # to Python, True equals 1
        known = self._names.get(key)
        if known is None:
            number = self._counts.get(constant.stem, 0) + 1
            self._counts[constant.stem] = number
            known = self._names[key] = ir.Hoisted(f"{constant.stem}_{number}")
            self.constants.append(ir.NamedConstant(known.name, constant))
        return known
