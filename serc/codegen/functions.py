"""A function of the program as lines of Python.

A statement that is the last of its route gives the route its value (reference core, 5.1), so it becomes a `return`;
everything before is a plain call.
"""

from __future__ import annotations

from serc import ir
from serc.codegen.conditions import call_text, evaluates_stop_first, exactly_true, outcome
from serc.codegen.lines import Line
from serc.ir_facts import body_ends, can_stop, leaf


def function_lines(function: ir.Function) -> list[Line]:
    """The body, indented by one; the `def` and the docstring are the template's."""
    writer = _Writer()
    if function.body:
        writer.body(function.body, 1, tail=True)
    else:
        writer.add(1, "return STOP")  # an empty list of actions yields 0
    return writer.lines


class _Writer:
    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(self, indent: int, text: str, origin: int = 0, *, comment: bool = False) -> None:
        self.lines.append(Line(indent, text, origin, comment))

    def body(self, body: ir.Body, indent: int, tail: bool) -> None:
        start = len(self.lines)
        for i, s in enumerate(body):
            self._statement(s, indent, tail and i == len(body) - 1)
        if tail and not body:
            self.add(indent, "return TRUE")  # an `if` that runs nothing is true
        elif len(self.lines) == start:
            self.add(indent, "pass")

    def _statement(self, s: ir.Statement, indent: int, tail: bool) -> None:
        if isinstance(s, ir.If):
            self._if(s, indent, tail)
        elif isinstance(s, ir.Do):
            self._do(s, indent, tail)
        elif isinstance(s, ir.Stop):
            self._probe(indent, s)
            self.add(indent, "return STOP", s.line, comment=True)
        elif isinstance(s, ir.Return):
            self.add(indent, f"return {s.name}", s.line)
        elif isinstance(s, ir.Propagate):
            self.add(indent, f"result = {call_text(s.call)}", s.line)
            self.add(indent, f"if result != {s.expected}:", s.line)
            self.add(indent + 1, "return result", s.line)
        else:
            self._probe(indent, s)
            if tail:
                self.add(indent, "return TRUE", s.line, comment=True)

    def _probe(self, indent: int, s: ir.Stop | ir.Nothing) -> None:
        if s.probe:
            self.add(indent, f"probe.at(ctx, {s.probe})", s.line)

    def _do(self, s: ir.Do, indent: int, tail: bool) -> None:
        text = call_text(s.call)
        if s.call.returns is ir.Returns.BOOL:
            self.add(indent, f"return verdict({text})" if tail else text, s.line, comment=True)
        elif s.call.returns is ir.Returns.ROUTE:
            self.add(indent, f"return {text} or TRUE" if tail else text, s.line, comment=True)
        elif s.call.returns is ir.Returns.IGNORED:
            assert not tail
            self.add(indent, text, s.line, comment=True)
        elif tail:
            self.add(indent, f"return {text}", s.line, comment=True)
        else:
            self.add(indent, f"if {text} == STOP:", s.line, comment=True)
            self.add(indent + 1, "return STOP", s.line)

    def _if(self, s: ir.If, indent: int, tail: bool) -> None:
        """As long as each arm ends the function, no `else` is needed: what follows is written at the same depth."""
        if len(s.arms) > 1 and any(_needs_result(arm) for arm in s.arms):
            # An `elif` leaves no room for it. What an earlier condition leaves there is never STOP.
            self.add(indent, "result = TRUE", s.line)
        chained = False
        for arm in s.arms:
            chained = self._arm(arm, indent, tail, chained, result_is_set=len(s.arms) > 1)
        if tail:
            self.body(s.otherwise, indent, tail=True)
        elif s.otherwise and chained:
            self.add(indent, "else:")
            self.body(s.otherwise, indent + 1, tail=False)
        elif s.otherwise:
            for statement in s.otherwise:
                self._statement(statement, indent, tail=False)

    def _arm(self, arm: ir.Arm, indent: int, tail: bool, chained: bool, result_is_set: bool) -> bool:
        """True if what follows must be an `elif` or `else`."""
        stops = can_stop(arm.condition)
        call = leaf(arm.condition)
        alone = stops and isinstance(call, ir.Succeeds) and not chained
        if alone:
            assert isinstance(call, ir.Succeeds)
            self.add(indent, f"result = {call_text(call.call)}", arm.line, comment=True)
            self._leave_if_stopped(indent, "if", arm.line)
            condition = outcome(call.call, "result", not _is_negated(arm.condition))
        else:
            if _needs_result(arm) and not result_is_set:
                self.add(indent, "result = TRUE", arm.line)
            condition = exactly_true(arm.condition)
        if arm.probe:
            condition = f"probe.took(ctx, {arm.probe}, {condition})"
        self.add(indent, f"{'elif' if chained else 'if'} {condition}:", arm.line, comment=not alone)
        self.body(arm.body, indent + 1, tail)
        goes_on = chained or not (tail or body_ends(arm.body))
        if stops and not alone:
            self._leave_if_stopped(indent, "elif" if goes_on else "if", arm.line)
        return goes_on

    def _leave_if_stopped(self, indent: int, word: str, origin: int) -> None:
        self.add(indent, f"{word} result == STOP:", origin)
        self.add(indent + 1, "return STOP", origin)


def _needs_result(arm: ir.Arm) -> bool:
    """Is `result` asked for behind the condition, though the condition may not have set it?"""
    return can_stop(arm.condition) and not evaluates_stop_first(arm.condition)


def _is_negated(condition: ir.Condition) -> bool:
    negated = False
    while isinstance(condition, ir.Not):
        condition, negated = condition.operand, not negated
    return negated
