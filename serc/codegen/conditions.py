"""Conditions as Python expressions.

A condition of ser.cfg is true, false, or an error (reference core, 5.2), Python's are true or false. So each is written
as what is asked of it: `exactly_true`, or, under a `!`, `exactly_false`; an error is neither.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from serc import ir
from serc.codegen.literals import argument
from serc.ir_facts import can_err, can_stop, leaf, pure

_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class _Level(enum.Enum):
    """What holds an expression together."""

    OR = " or "
    AND = " and "
    TIGHT = ""


@dataclass(frozen=True)
class _Text:
    text: str
    level: _Level = _Level.TIGHT


def exactly_true(condition: ir.Condition) -> str:
    return _true(condition).text


def evaluates_stop_first(condition: ir.Condition) -> bool:
    """True if the first thing that runs gives `result` its value."""
    condition = leaf(condition)
    while isinstance(condition, (ir.And, ir.Or)):
        condition = leaf(condition.items[0])
    return can_stop(condition)


def call_text(call: ir.Call) -> str:
    """`sl.sl_send_reply(ctx, 483, b"Too Many Hops")`."""
    if call.through:
        text = f"ctx.call({call.name})"
    else:
        owner = f"{call.owner}." if call.owner else ""
        text = f"{owner}{call.name}({', '.join(['ctx', *map(argument, call.arguments)])})"
    return f"probe.gave(ctx, probe.at(ctx, {call.probe}), {text})" if call.probe else text


def outcome(call: ir.Call, value: str, true: bool) -> str:
    """Whether `value`, what `call` gave, is exactly true or exactly false."""
    if call.returns is ir.Returns.ROUTE:
        return f"{value} >= 0" if true else f"{value} < 0"
    if call.returns is ir.Returns.VERDICT:
        return f"{value} == TRUE" if true else f"{value} == FALSE"
    assert call.returns is ir.Returns.STOPS
    return f"{value} > 0" if true else f"{value} < 0"


def _true(c: ir.Condition) -> _Text:
    if isinstance(c, ir.Not):
        return _false(c.operand)
    if isinstance(c, ir.And):
        return _joined([_true(item) for item in c.items], _Level.AND)
    if isinstance(c, ir.Or):
        return _asked_twice(c.items, _Level.OR)
    return _Text(_leaf(c, True))


def _false(c: ir.Condition) -> _Text:
    if isinstance(c, ir.Not):
        return _true(c.operand)
    if isinstance(c, ir.Or):
        return _joined([_false(item) for item in c.items], _Level.AND)
    if isinstance(c, ir.And):
        return _asked_twice(c.items, _Level.OR, negated=True)
    return _Text(_leaf(c, False))


def _asked_twice(items: tuple[ir.Condition, ...], level: _Level, negated: bool = False) -> _Text:
    """`a || b` true (or `a && b` false): b counts only where a is exactly false (true), not where it is an error."""
    ask, other = (_false, _true) if negated else (_true, _false)
    kind = ir.And if negated else ir.Or
    text, rest = ask(items[-1]), items[-1]
    for item in reversed(items[:-1]):
        guard = None if _fails_too(rest, item, ask is _true) else _guard(item, other)
        if guard is not None:
            text = _joined([guard, text], _Level.AND)
        text = _joined([ask(item), text], level)
        rest = kind((item, *(rest.items if isinstance(rest, kind) else (rest,))))
    return text


def _fails_too(rest: ir.Condition, item: ir.Condition, true: bool) -> bool:
    """Whether `rest` cannot be true (or, if not `true`, false) where `item` is an error, so that no guard is needed.

    What the From header makes of one test of from_uri, it makes of all.
    """
    first = leaf(item)
    if not isinstance(first, ir.Operand) or not first.opposite or not pure(rest):
        return False
    return first.fails != () and _fails_with(rest, first.fails, true)


def _fails_with(c: ir.Condition, fails: tuple[str, ...], true: bool) -> bool:
    if isinstance(c, ir.Not):
        return _fails_with(c.operand, fails, not true)
    if isinstance(c, (ir.And, ir.Or)):
        parts = (_fails_with(item, fails, true) for item in c.items)
        return any(parts) if isinstance(c, ir.And) is true else all(parts)
    # A URI that cannot be parsed can still be compared, but not the other way round.
    return isinstance(c, ir.Operand) and c.fails[: len(fails)] == fails


def _guard(item: ir.Condition, other: object) -> _Text | None:
    """What must hold behind `item`, once it is known not to be what was asked for; None if that is enough."""
    assert callable(other)
    inner = leaf(item)
    if isinstance(inner, ir.Succeeds) and inner.call.returns is ir.Returns.VERDICT:
        text: _Text = _Text(outcome(inner.call, "result", other is _true))
        return text
    if can_err(item):
        assert pure(item), "lift_conditions has not run"
        guard: _Text = other(item)
        return guard
    return _Text("result != STOP") if can_stop(item) else None


def _joined(parts: list[_Text], level: _Level) -> _Text:
    texts = [p.text if p.level in (level, _Level.TIGHT) else f"({p.text})" for p in parts]
    return _Text(level.value.join(texts), level if len(texts) > 1 else parts[0].level)


def _told(probe: int, true: bool, text: str) -> str:
    """The test, which tells its outcome and whether it was asked for being true."""
    return f"probe.told(ctx, {probe}, {true}, {text})" if probe else text


def _leaf(c: ir.Condition, true: bool) -> str:
    if isinstance(c, ir.Truth):
        return repr(c.value is true)
    if isinstance(c, ir.Compare):
        operator = c.operator if true else _OPPOSITE[c.operator]
        return _told(c.probe, true, f"ctx.{c.attribute} {operator} {argument(c.value)}")
    if isinstance(c, ir.OneOf):
        return f"ctx.{c.attribute} {'in' if true else 'not in'} ({', '.join(map(argument, c.values))})"
    if isinstance(c, ir.Operand):
        name = c.function if true or not c.opposite else c.opposite
        text = call_text(ir.Call("core", name, c.arguments))
        return _told(c.probe, true, text if true or c.opposite else f"not {text}")
    assert isinstance(c, ir.Succeeds)
    call = c.call
    text = call_text(call)
    if call.returns is ir.Returns.BOOL:
        return text if true else f"not {text}"
    return outcome(call, text if call.returns is ir.Returns.ROUTE else f"(result := {text})", true)
