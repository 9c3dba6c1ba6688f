"""Parts of conditions that have to be asked twice and may run only once become functions of their own.

`a || b` looks at b only if a is exactly false (reference core, 5.2). Where a is a whole expression that can fail and
that also calls functions, "is it true?" and "is it exactly false?" cannot be two expressions: the calls would run
twice. The function `condition_1` runs it once and tells TRUE, FALSE, STOP or ERROR.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from serc import ir
from serc.ir_facts import can_err, can_stop, leaf, pure
from serc.passes.rewrite import map_parts

_LONGEST: Final = 16
_WIDEST: Final = 100


def lift_conditions(program: ir.Program) -> ir.Program:
    functions: list[ir.Function] = []
    lifted = 0
    for f in program.functions:
        lifting = _Lifting(lifted)
        functions.append(replace(f, body=lifting.body(f.body)))
        functions.extend(lifting.functions)
        lifted += len(lifting.functions)
    return replace(program, functions=tuple(functions))


class _Lifting:
    def __init__(self, numbered: int) -> None:
        self._numbered = numbered
        self.functions: list[ir.Function] = []

    def body(self, body: ir.Body) -> ir.Body:
        return tuple(self._statement(s) for s in body)

    def _statement(self, s: ir.Statement) -> ir.Statement:
        if not isinstance(s, ir.If):
            return s
        arms = tuple(
            replace(a, condition=self._condition(a.condition, a.line, False), body=self.body(a.body)) for a in s.arms
        )
        return replace(s, arms=arms, otherwise=self.body(s.otherwise))

    def _condition(self, condition: ir.Condition, line: int, negated: bool) -> ir.Condition:
        """`negated`: it is its being exactly false that is asked for."""
        if isinstance(condition, ir.Not):
            return ir.Not(self._condition(condition.operand, line, not negated))
        if not isinstance(condition, ir.And if negated else ir.Or):
            return map_parts(condition, lambda part: self._condition(part, line, negated))
        # From the outside in: what is inside of a lifted part is its function's business.
        *first, last = self._shortened(condition, line)
        return type(condition)(
            (*[self._once(item, line, negated) for item in first], self._condition(last, line, negated))
        )

    def _shortened(self, chain: ir.And | ir.Or, line: int) -> tuple[ir.Condition, ...]:
        """Pieces of long chains are lifted, again and again, until few are left: each part that can fail nests the rest by
        one, and Python stops at 200; and nobody reads an expression of a thousand parts, mypy neither.
        """
        fails = sum(map(can_err, chain.items)) > _LONGEST
        if not fails and len(chain.items) <= _WIDEST:
            return chain.items
        size = _LONGEST if fails else _WIDEST
        short: list[ir.Condition] = []
        for start in range(0, len(chain.items), size):
            items = chain.items[start : start + size]
            piece = type(chain)(items) if len(items) > 1 else items[0]
            short.append(ir.Succeeds(self._function(_negations_inside(piece, False), line)))
        return self._shortened(type(chain)(tuple(short)), line)

    def _once(self, item: ir.Condition, line: int, negated: bool) -> ir.Condition:
        if not can_err(item) or pure(item) or not isinstance(leaf(item), (ir.And, ir.Or)):
            return self._condition(item, line, negated)
        return ir.Succeeds(self._function(_negations_inside(item, False), line))

    def _function(self, condition: ir.Condition, line: int) -> ir.Call:
        body = self._verdict(condition, line)  # first, so that what is inside gets the lower numbers
        number = self._numbered + len(self.functions) + 1
        function = ir.Function(ir.FunctionKind.CONDITION, number, (line,), body)
        self.functions.append(function)
        return ir.Call("", function.name, (), ir.Returns.VERDICT, can_stop=can_stop(condition))

    def _verdict(self, condition: ir.Condition, line: int) -> ir.Body:
        """Statements that leave with TRUE, FALSE or ERROR; negations stand at the operands only."""
        if isinstance(condition, ir.Succeeds) and condition.call.returns is ir.Returns.VERDICT:
            return (ir.Propagate(line, condition.call, "TRUE"), ir.Return(line, "TRUE"))
        if not isinstance(condition, (ir.And, ir.Or)):
            return (*_leave_if(condition, line, "TRUE"), *_leave_false(condition, line))
        goes_on = isinstance(condition, ir.And)
        body = self._verdict(condition.items[-1], line)
        for item in reversed(condition.items[:-1]):
            body = self._step(item, line, goes_on, body)
        return body

    def _step(self, item: ir.Condition, line: int, goes_on: bool, rest: ir.Body) -> ir.Body:
        """One part of AND (`goes_on` True: as long as the parts are true) or OR, and the `rest` behind it."""
        if not can_err(item):
            return (
                (*_leave_if(_negated(item), line, "FALSE"), *rest)
                if goes_on
                else (*_leave_if(item, line, "TRUE"), *rest)
            )
        if isinstance(item, ir.Succeeds) and item.call.returns is ir.Returns.VERDICT:
            return (ir.Propagate(line, item.call, "TRUE" if goes_on else "FALSE"), *rest)
        if not pure(item):
            return (ir.Propagate(line, self._function(item, line), "TRUE" if goes_on else "FALSE"), *rest)
        on = item if goes_on else _negated(item)
        leaves = _leave_if(_negated(item), line, "FALSE") if goes_on else _leave_if(item, line, "TRUE")
        return (ir.If(line, (ir.Arm(line, on, rest),), ()), *leaves, ir.Return(line, "ERROR"))


def _leave_if(condition: ir.Condition, line: int, name: Literal["TRUE", "FALSE"]) -> ir.Body:
    return (ir.If(line, (ir.Arm(line, condition, (ir.Return(line, name),)),), ()),)


def _leave_false(condition: ir.Condition, line: int) -> ir.Body:
    """What remains once `condition` is known not to be true."""
    if not can_err(condition):
        return (ir.Return(line, "FALSE"),)
    return (*_leave_if(_negated(condition), line, "FALSE"), ir.Return(line, "ERROR"))


def _negated(condition: ir.Condition) -> ir.Condition:
    return condition.operand if isinstance(condition, ir.Not) else ir.Not(condition)


def _negations_inside(condition: ir.Condition, negated: bool) -> ir.Condition:
    """The same with negations at the operands only: De Morgan holds for SER's three values."""
    if isinstance(condition, ir.Not):
        return _negations_inside(condition.operand, not negated)
    if isinstance(condition, (ir.And, ir.Or)):
        items = tuple(_negations_inside(item, negated) for item in condition.items)
        return ir.And(items) if isinstance(condition, ir.And) is not negated else ir.Or(items)
    return ir.Not(condition) if negated else condition
