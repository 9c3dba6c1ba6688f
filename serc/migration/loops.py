"""`while` of OpenSER and Kamailio: a route that calls itself. Where a variable counts, which nothing here can, what is done stands there as often."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from serc.migration.apart import NO_NUMBER, RETURNS, call_instead, free_route, returns, text_apart
from serc.migration.draft import Draft

_MOST_COPIES: Final = 20
_COMPARED: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "!=": operator.ne,
}
# `$var(i)` is five tokens.
_VARIABLE: Final = 5
_WHY: Final = "while: 0.9 has no loops, and"


@dataclass(frozen=True)
class _Loop:
    """Tokens: `while`, `)` and the braces of its block."""

    at: int
    condition_end: int
    opening: int
    closing: int


@dataclass(frozen=True)
class _Count:
    """A loop that counts: the first token of what sets its variable, the values, and the first token of what counts on."""

    variable: str
    first: int
    values: list[int]
    step: int


def rewrite_loops(draft: Draft) -> None:
    """All of them, from the inside; those that are to stay are left out."""
    while (loop := _innermost(draft)) is not None:
        draft.step(partial(_rewrite, loop=loop))


def _innermost(draft: Draft) -> _Loop | None:
    found = None
    for at, end, _ in draft.calls():
        if draft.text_at(at) == "while" and draft.is_sign(end + 1, "{") and end + 1 in draft.partner:
            found = _Loop(at, end, end + 1, draft.partner[end + 1])
        elif found is not None and at > found.closing:
            break
    return found


def _rewrite(draft: Draft, loop: _Loop) -> None:
    number = free_route(draft)
    count = _counts(draft, loop)
    if draft.line(loop.at) in draft.kept_loops:
        what = "what it does, or what ends it, is not carried over: it would never end"
    elif returns(draft, loop.opening, loop.closing):
        what = RETURNS
    elif not number:
        what = NO_NUMBER
    elif count is not None:
        _unroll(draft, loop, count, number)
        return
    else:
        _recur(draft, loop, number)
        return
    draft.leave_out(draft.between(loop.at, loop.closing), f"{_WHY} {what}")


def _recur(draft: Draft, loop: _Loop, number: str) -> None:
    condition = text_apart(draft, loop.at + 2, loop.condition_end - 1)
    body = text_apart(draft, loop.opening + 1, loop.closing - 1)
    lines = [draft.source.line_of(draft.tokens[at].start) for at in (loop.at, loop.opening + 1)]
    old = draft.line(loop.at)
    text = f"route[{number}] {{ # while of line {old}\nif ({condition}) {{\n{body}\nroute({number});\n}}\n}}"
    height, at = condition.count("\n") + 1, condition.count("\n") + 2
    places = [(1, height, lines[0]), (at, body.count("\n") + 1, lines[1])]
    draft.loops.append((old, draft.line(loop.closing)))
    draft.remark(loop.at, f"while is route[{number}] now, which calls itself: a hundred times at most")
    call_instead(draft, loop.at, loop.closing, number, text, places)


# --- loops that count ------------------------------------------------------------------------------------------------


def _counts(draft: Draft, loop: _Loop) -> _Count | None:
    """`$var(i) = 0; while ($var(i) < 3) { …; $var(i) = $var(i) + 1; }`, where nothing else sets `$var(i)` or looks at it behind the loop."""
    head, step, before = loop.at + 2, loop.closing - 2 * _VARIABLE - 4, loop.at - _VARIABLE - 3
    if loop.condition_end != head + _VARIABLE + 2 or step <= loop.opening or before < 0:
        return None
    variable = _variable(draft, head)
    sets, counts_on = _words(draft, before, _VARIABLE + 3), _words(draft, step, 2 * _VARIABLE + 4)
    limit, compared = draft.text_at(head + _VARIABLE + 1), _COMPARED.get(draft.text_at(head + _VARIABLE))
    name = list(_words(draft, head, _VARIABLE))
    is_it = (
        variable
        and compared is not None
        and limit.isdecimal()
        and sets[:-2] == [*name, "="]
        and (sets[-2].isdecimal(), sets[-1]) == (True, ";")
        and counts_on[:-2] in ([*name, "=", *name, "+"], [*name, "=", *name, "-"])
        and (counts_on[-2].isdecimal(), counts_on[-1]) == (True, ";")
    )
    if not is_it or compared is None or draft.text_at(before - 1) not in (";", "{", "}"):
        return None
    if draft.is_sign(step - 1, ")") or draft.text_at(step - 1) == "else":
        return None
    by = int(counts_on[-2]) * (1 if counts_on[-3] == "+" else -1)
    values = []
    value = int(sets[-2])
    while compared(value, int(limit)):
        values.append(value)
        value += by
        if len(values) > _MOST_COPIES:
            return None
    for at in _places(draft, name):
        if at not in (before, head, step, step + _VARIABLE + 1) and not _only_reads(draft, at, loop, step):
            return None
    return _Count(variable, before, values, step)


def _words(draft: Draft, at: int, count: int) -> list[str]:
    return [draft.text_at(at + i) for i in range(count)]


def _variable(draft: Draft, at: int) -> str:
    words = _words(draft, at, _VARIABLE)
    return "".join(words) if words[:3] == ["$", "var", "("] and words[4] == ")" else ""


def _places(draft: Draft, name: list[str]) -> list[int]:
    return [at for at in range(len(draft.tokens)) if _words(draft, at, _VARIABLE) == name]


def _only_reads(draft: Draft, at: int, loop: _Loop, step: int) -> bool:
    """Does it read the variable within the loop, or belong to another loop that sets it anew?"""
    if loop.opening < at < step:
        return not draft.is_sign(at + _VARIABLE, "=")
    return _is_of_another(draft, at)


def _is_of_another(draft: Draft, at: int) -> bool:
    for first, end, _ in draft.calls():
        if draft.text_at(first) == "while" and draft.is_sign(end + 1, "{"):
            before = first - _VARIABLE - 3
            if before <= at < draft.closing(end + 1) and _words(draft, before, 5) == _words(draft, at, 5):
                return draft.is_sign(before + _VARIABLE, "=")
    return False


def _unroll(draft: Draft, loop: _Loop, count: _Count, number: str) -> None:
    """`break` ends the route that has all the copies, as it ended the loop."""
    first, last = loop.opening + 1, count.step - 1
    body = text_apart(draft, first, last)
    start = draft.source.line_of(draft.tokens[first].start)
    lines = [f"route[{number}] {{ # while of line {draft.line(loop.at)}"]
    places = []
    for value in count.values:
        copy = body.replace(count.variable, str(value))
        places.append((sum(line.count("\n") + 1 for line in lines), copy.count("\n") + 1, start))
        lines.append(copy)
    text = "\n".join((*lines, "}"))
    times = f"{len(count.values)} times" if len(count.values) != 1 else "once"
    draft.remark(loop.at, f"while is route[{number}] now, where what it does stands {times}: nothing counts here")
    call_instead(draft, count.first, loop.closing, number, text, places)
