"""`$du` of Kamailio and OpenSIPS: where a request goes next, whatever its URI says. Here that is said where it is forwarded."""

from __future__ import annotations

import re
from typing import Final

from serc.migration.draft import Draft

_PLACE: Final = re.compile(r'"sip:([\w.-]+)(?::(\d+))?(?:;transport=(udp|tcp))?"', re.IGNORECASE)
_WHY: Final = (
    'a next hop that is set here, and used elsewhere: 0.9 has t_relay_to_udp("HOST", "PORT") for it, in the place of t_relay()'
)
_GONE: Final = ("$null", "null", "NULL", '""')


def rewrite_next_hop(draft: Draft) -> None:
    """Where t_relay follows in the same block, it is told the place; else the assignment is left out."""
    for at in range(len(draft.tokens)):
        if not _is_assignment(draft, at):
            continue
        end = _end(draft, at)
        value = draft.source.text_of(draft.between(at + 3, end)) if end >= at + 3 else ""
        whole = draft.between(at, end)
        found = _PLACE.fullmatch(value)
        # It may be all that an `if` does: then what follows runs without it, too.
        is_alone = draft.text_at(at - 1) in (")", "else")
        relay = None if found is None or is_alone else _relay_behind(draft, end + 1)
        if found is not None and relay is not None:
            host, port, proto = found[1], found[2] or "5060", (found[3] or "udp").lower()
            draft.replace(draft.between(at, end + 1), "")
            draft.replace(draft.between(relay, relay + 2), f't_relay_to_{proto}("{host}", "{port}")')
        elif value in _GONE:
            draft.leave_out(whole, f"$du = {value}: here no next hop is kept that would have to be forgotten")
        else:
            draft.leave_out(whole, f"$du: {_WHY}")


def _is_assignment(draft: Draft, at: int) -> bool:
    return draft.tokens[at].text == "$" and draft.text_at(at + 1) == "du" and draft.is_sign(at + 2, "=")


def _end(draft: Draft, at: int) -> int:
    """The last token of the statement."""
    while at < len(draft.tokens) - 2 and draft.text_at(at + 1) not in (";", "}"):
        at += 1
    return at


def _relay_behind(draft: Draft, at: int) -> int | None:
    """The t_relay() that is met on every way through the rest of the block; None where there is none, or a route may do it before."""
    while at < len(draft.tokens) - 1 and not draft.is_sign(at, "}"):
        word = draft.text_at(at)
        if draft.is_sign(at, "{"):
            at = draft.closing(at)
        elif word in ("$", "route", "else") or word == "t_relay" and not draft.is_sign(at + 2, ")"):
            return None
        elif word == "t_relay":
            return at
        at += 1
    return None
