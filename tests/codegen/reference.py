"""SER's interpreter as reference core, 5.1 and 5.2 describe it, over the program before any pass: what to compare with.

The world is a script of outcomes: what a call or operand gives depends on which it is and on how many calls have run
before, so that an operand may change whenever something has been called. Calls leave a trace, operands do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from serc import ir

TRUE: Final = 1
FALSE: Final = 0
ERROR: Final = -1
DROP: Final = -127


class World:
    """Outcomes by name and time, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.method = seed % 4  # of the message; nothing changes it
        self.trace: list[str] = []

    def _draw(self, name: str) -> int:
        # Not hash(), which differs from run to run.
        value = self._seed * 2654435761 + len(self.trace) * 40503
        for c in name:
            value = (value * 31 + ord(c)) % 2**32
        return (value >> 8) % 1000

    def call(self, name: str) -> int:
        """-1, 0 or 1 of a call."""
        outcome = self._draw(name) % 3 - 1
        self.trace.append(name)
        return outcome

    def operand(self, name: str, can_fail: bool) -> int:
        """TRUE, FALSE or ERROR."""
        return (TRUE, FALSE, ERROR)[self._draw(name) % (3 if can_fail else 2)]


class Interpreter:
    """Runs functions of the program in a world."""

    def __init__(self, functions: tuple[ir.Function, ...], world: World) -> None:
        self._functions: Final = {f.name: f for f in functions}
        self._world: Final = world

    def run(self, name: str) -> int:
        body = self._functions[name].body
        return self._actions(body) if body else 0

    def _actions(self, body: ir.Body) -> int:
        value = 1
        for s in body:
            value = self._action(s)
            if value == 0:
                break
        return value

    def _action(self, s: ir.Statement) -> int:
        if isinstance(s, ir.Stop):
            return 0
        if isinstance(s, ir.Nothing):
            return 1
        if isinstance(s, ir.Do):
            return self._call(s.call)
        assert isinstance(s, ir.If)
        for arm in s.arms:
            outcome = self.condition(arm.condition)
            if outcome == DROP:
                return 0
            if outcome == TRUE:
                return self._actions(arm.body)
        return self._actions(s.otherwise)

    def _call(self, call: ir.Call) -> int:
        if call.owner:
            value = self._world.call(call.name)
            return value or -1 if call.returns is ir.Returns.BOOL else value
        value = self.run(call.name)
        if call.returns is ir.Returns.ROUTE:
            return value if value < 0 else 1
        return value

    def condition(self, c: ir.Condition) -> int:
        if isinstance(c, ir.Truth):
            return TRUE if c.value else FALSE
        if isinstance(c, ir.Compare):
            assert isinstance(c.value, int)
            same = self._world.method == c.value
            return TRUE if same is (c.operator == "==") else FALSE
        if isinstance(c, ir.Operand):
            return self._world.operand(c.function, c.opposite != "")
        if isinstance(c, ir.Succeeds):
            value = self._call(c.call)
            return TRUE if value > 0 else FALSE if value < 0 else DROP
        if isinstance(c, ir.Not):
            outcome = self.condition(c.operand)
            return {TRUE: FALSE, FALSE: TRUE}.get(outcome, outcome)
        assert isinstance(c, (ir.And, ir.Or))
        go_on = TRUE if isinstance(c, ir.And) else FALSE
        outcome = go_on
        for item in c.items:
            outcome = self.condition(item)
            if outcome != go_on:
                return outcome
        return outcome


class Stub:
    """Stands for a module in the compiled code: any function, with the outcome that the world gives."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Callable[..., int | bool]:
        if name.startswith("stops_"):
            return lambda ctx: self._world.call(name)
        if name.startswith("bool_"):
            return lambda ctx: self._world.call(name) > 0
        if name.startswith("not_"):
            return lambda ctx: self._world.operand(name[4:], True) == FALSE
        return lambda ctx: self._world.operand(name, name.startswith("fails_")) == TRUE
