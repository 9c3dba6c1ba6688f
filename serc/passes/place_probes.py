"""Numbers for everything that runs, so that the compiled program tells what it does: for traces and coverage of ser.cfg.

Not one of the table: it is run by who wants such a program, before the passes that are needed, and without the others, so that what
ser.cfg says is what runs. Codegen writes `probe.at(ctx, n)` and the like for what has a number; `probe` is put into the module by
who loads it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from serc import ir
from serc.passes.rewrite import map_parts
from serc.reading.tree import Span


class ProbeKind(enum.Enum):
    """CALL: a function, an action or a route. TEST: a comparison. BRANCH: the condition of an `if`. ACTION: break and the like."""

    CALL = "call"
    TEST = "test"
    BRANCH = "branch"
    ACTION = "action"


@dataclass(frozen=True)
class Probe:
    """A place of ser.cfg whose running is told, under its number.

    `operand` is what a TEST looks at, as ser.cfg calls it. `route` is the function of routes.py that it stands in.
    """

    number: int
    kind: ProbeKind
    span: Span
    route: str
    operand: str = ""


def place_probes(program: ir.Program) -> tuple[ir.Program, tuple[Probe, ...]]:
    """The program with probes, and what each number stands for; the first is 1."""
    placing = _Placing()
    functions = tuple(replace(f, body=placing.function(f)) for f in program.functions)
    return replace(program, functions=functions), tuple(placing.probes)


class _Placing:
    def __init__(self) -> None:
        self.probes: list[Probe] = []
        self._route = ""

    def function(self, f: ir.Function) -> ir.Body:
        self._route = f.name
        return self._body(f.body)

    def _body(self, body: ir.Body) -> ir.Body:
        return tuple(self._statement(s) for s in body)

    def _statement(self, s: ir.Statement) -> ir.Statement:
        if isinstance(s, ir.Do):
            return replace(s, call=self._call(s.call))
        if isinstance(s, (ir.Stop, ir.Nothing)):
            return s if s.span is None else replace(s, probe=self._number(ProbeKind.ACTION, s.span))
        if isinstance(s, ir.If):
            return replace(s, arms=tuple(self._arm(arm) for arm in s.arms), otherwise=self._body(s.otherwise))
        return s

    def _arm(self, arm: ir.Arm) -> ir.Arm:
        number = 0 if arm.span is None else self._number(ProbeKind.BRANCH, arm.span)
        return replace(arm, probe=number, condition=self._condition(arm.condition), body=self._body(arm.body))

    def _condition(self, condition: ir.Condition) -> ir.Condition:
        if isinstance(condition, ir.Succeeds):
            return ir.Succeeds(self._call(condition.call))
        if isinstance(condition, (ir.Compare, ir.Operand)):
            if condition.span is None:
                return condition
            return replace(condition, probe=self._number(ProbeKind.TEST, condition.span, condition.operand))
        return map_parts(condition, self._condition)

    def _call(self, call: ir.Call) -> ir.Call:
        return call if call.span is None else replace(call, probe=self._number(ProbeKind.CALL, call.span))

    def _number(self, kind: ProbeKind, span: Span, operand: str = "") -> int:
        number = len(self.probes) + 1
        self.probes.append(Probe(number, kind, span, self._route, operand))
        return number
