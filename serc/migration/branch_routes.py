"""branch_route of OpenSER and Kamailio: it runs for each branch that is sent. Here it is a route that runs once, for the request."""

from __future__ import annotations

from typing import Final

from serc.migration.draft import Draft

_NAME: Final = "branch_"
_WHY: Final = "it ran for each branch, behind t_relay; here it runs for the request, once, where t_on_branch stood"


def rewrite_branch_routes(draft: Draft) -> None:
    """Those that leave out single branches are not carried over: their `drop` would end the request."""
    carried: set[str] = set()
    for start, opening, closing in draft.blocks():
        words = {token.text for token in draft.tokens[opening:closing] if token.kind == "word"}
        if draft.text_at(start) != "branch_route" or "drop" in words or not draft.is_sign(start + 1, "["):
            continue
        name = _name(draft, start + 2, opening - 2)
        carried.add(name)
        draft.replace(draft.between(start, opening - 1), f"route[{_NAME}{name}]")
        draft.remark(start, f"branch_route[{name}] is a route now: {_WHY}")
        for at in range(opening, closing):
            if draft.text_at(at) == "exit" and draft.tokens[at].kind == "word":
                draft.replace(draft.tokens[at].span, "return")
    for at, end, arguments in draft.calls():
        if draft.text_at(at) != "t_on_branch" or len(arguments) != 1:
            continue
        name = _name(draft, *arguments[0])
        if name in carried:
            draft.replace(draft.between(at, end), f"route({_NAME}{name})")


def _name(draft: Draft, first: int, last: int) -> str:
    return draft.source.text_of(draft.between(first, last)).strip("\"' ") if first <= last else ""
