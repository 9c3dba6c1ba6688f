"""How far a statement or an item reaches that may make no sense."""

from __future__ import annotations

from bisect import bisect_right

from serc.migration.draft import Draft
from serc.reading.tree import Span

_BOUNDS = (";", "{", "}")


def statement_at(draft: Draft, offset: int) -> tuple[Span, bool] | None:
    """What stands around a place, an `if` with all its branches, and whether it is a statement of a route; None if nothing is there."""
    at = bisect_right(draft.tokens, offset, key=lambda token: token.start) - 1
    if at < 0 or draft.tokens[at].kind == "end":
        return None
    for start, opening, closing in draft.blocks():
        if start <= at <= opening or at == closing:
            return draft.between(start, closing), False
        if opening < at < closing:
            first = _begin(draft, at, opening)
            last = min(_end(draft, first, closing), closing - 1)
            return (draft.between(first, last), True) if first <= last else None
    return _item(draft, at), False


def _begin(draft: Draft, at: int, opening: int) -> int:
    """The first token of the statement; of an `else` that of its `if`."""
    while at > opening + 1 and not _is_bound(draft, at - 1):
        if draft.is_sign(at - 1, ")") and at - 1 in draft.partner:
            at = draft.partner[at - 1]
        else:
            at -= 1
    if draft.text_at(at) == "else" and at > opening + 1:
        before = at - 1
        before = draft.partner.get(before, before) if draft.is_sign(before, "}") else before
        return _begin(draft, before - 1 if before == at - 1 else before, opening)
    return at


def _is_bound(draft: Draft, at: int) -> bool:
    return draft.tokens[at].kind == "sign" and draft.tokens[at].text in _BOUNDS


def _end(draft: Draft, first: int, closing: int) -> int:
    """The last token of a statement that begins there."""
    at = first
    if draft.text_at(at) != "if":
        while at < closing and not draft.is_sign(at, ";"):
            if draft.is_sign(at, "{"):
                return draft.closing(at)
            at = draft.partner.get(at, at) + 1 if draft.is_sign(at, "(") else at + 1
        return at
    while at < closing and not draft.is_sign(at, "{") and not draft.is_sign(at, ";"):
        if draft.is_sign(at, "(") and at in draft.partner:
            at = draft.partner[at]
            if not draft.is_sign(at + 1, "{"):
                return _else(draft, _end(draft, at + 1, closing), closing)
        at += 1
    return _else(draft, draft.closing(at) if draft.is_sign(at, "{") else at, closing)


def _else(draft: Draft, last: int, closing: int) -> int:
    """With the `else` behind it, if there is one."""
    if last + 1 < closing and draft.text_at(last + 1) == "else":
        if draft.is_sign(last + 2, "{"):
            return draft.closing(last + 2)
        return _end(draft, last + 2, closing)
    return last


def _item(draft: Draft, at: int) -> Span:
    """The line, as far as parentheses go."""
    line = draft.line(at)
    first = last = at
    while first > 0 and draft.line(first - 1) == line and not draft.is_sign(first - 1, "}"):
        first -= 1
    while last + 1 < len(draft.tokens) - 1 and (draft.line(last + 1) == line or draft.is_sign(last, ",")):
        last = draft.closing(last + 1) if draft.is_sign(last + 1, "(") else last + 1
    if draft.is_sign(last, "("):
        last = draft.closing(last)
    return draft.between(first, last)
