"""`t_is_set("failure_route")`: has a route been armed for what follows? Nothing tells that here, but a flag that stands beside each arming."""

from __future__ import annotations

from functools import partial
from typing import Final

from serc.migration.draft import Draft

_ARMS: Final = {
    "failure_route": ("t_on_failure", "t_on_branch_failure"),
    "onreply_route": ("t_on_reply",),
    "branch_route": ("t_on_branch",),
}
_HIGHEST: Final = 30


def rewrite_armed(draft: Draft) -> None:
    """Where nothing else arms a route of that kind, whoever asks finds none; else a flag tells."""
    for kind in _ARMS:
        draft.step(partial(_rewrite, kind=kind))


def _rewrite(draft: Draft, kind: str) -> None:
    asked = [(at, end) for at, end, _ in draft.calls() if _asks(draft, at, kind)]
    bodies = [_body(draft, at, end) for at, end in asked]
    armed = [
        (at, end)
        for at, end, _ in draft.calls()
        if draft.text_at(at) in _ARMS[kind] and not any(body and body[0] <= at <= body[1] for body in bodies)
    ]
    if asked and armed:
        _by_flag(draft, kind, asked, armed)
        return
    for at, end in asked:
        if draft.is_sign(at - 1, "!") and draft.text_at(at - 3) == "if" and draft.closing(at - 2) == end + 1:
            draft.replace(draft.between(at - 3, end + 1), "")
        else:
            draft.replace(draft.between(at, end), "0")


def _asks(draft: Draft, at: int, kind: str) -> bool:
    return draft.text_at(at) == "t_is_set" and draft.text_at(at + 2).strip("\"'") == kind


def _body(draft: Draft, at: int, end: int) -> tuple[int, int] | None:
    """What is done where none is armed, of `if (!t_is_set(…))`, also with more conditions; None for other uses."""
    if not draft.is_sign(at - 1, "!"):
        return None
    opening = at - 2
    while opening > 0 and not (draft.is_sign(opening, "(") and draft.text_at(opening - 1) == "if"):
        if draft.text_at(opening) in (";", "{", "}"):
            return None
        opening -= 1
    first = draft.closing(opening) + 1
    if first <= end:
        return None
    last = draft.closing(first) if draft.is_sign(first, "{") else first
    while not draft.is_sign(first, "{") and last < len(draft.tokens) - 1 and not draft.is_sign(last, ";"):
        last += 1
    return first, last


def _by_flag(draft: Draft, kind: str, asked: list[tuple[int, int]], armed: list[tuple[int, int]]) -> None:
    flag = free_flag(draft, _HIGHEST)
    for at, end in asked:
        draft.replace(draft.between(at, end), f"isflagset({flag})")
    for at, end in armed:
        text = draft.source.text_of(draft.between(at, end))
        is_off = draft.text_at(at + 2).strip("\"'") == "0"
        also = f"{'re' * is_off}setflag({flag})"
        if draft.text_at(at - 1) in (")", "else") and draft.is_sign(end + 1, ";"):
            draft.replace(draft.between(at, end + 1), f"{{ {text}; {also}; }}")
        else:
            draft.replace(draft.between(at, end), f"{text}; {also}")
    # A route that runs for a failure has been armed, and is not armed any more.
    if kind == "failure_route":
        clear_in(draft, (kind,), flag)
    draft.remark(
        asked[0][0], f't_is_set("{kind}") is isflagset({flag}) now: the flag is set wherever such a route is armed'
    )


def free_flag(draft: Draft, highest: int) -> str:
    """The highest that nobody uses."""
    used = {token.text for token in draft.tokens if token.kind == "number"}
    return str(next((n for n in range(highest, 0, -1) if str(n) not in used), highest))


def clear_in(draft: Draft, kinds: tuple[str, ...], flag: str) -> None:
    """A transaction has the flags of its request: routes of these kinds begin without this one."""
    for start, opening, _ in draft.blocks():
        if draft.text_at(start) in kinds:
            draft.replace(draft.tokens[opening].span, f"{{ resetflag({flag});")
