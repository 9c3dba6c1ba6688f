"""Statements that get a route of their own: what leaves a loop or a `switch` by `break` ends that route there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from runtime.spec.kinds_words import LAST_ROUTE
from serc.migration.draft import Draft

_ROUTES: Final = ("route", "failure_route", "onreply_route", "branch_route")
NO_NUMBER: Final = f"all of the {LAST_ROUTE} routes that 0.9 can have are taken"
RETURNS: Final = "it returns from the route that it stands in, which what is called from there cannot"


def free_route(draft: Draft) -> str:
    """The highest number that no route has; "" if all are taken. Numbers that are called, and missing, are not taken by another."""
    used = {draft.text_at(at + 2) for at in range(len(draft.tokens) - 2) if draft.text_at(at) in _ROUTES}
    return next((str(n) for n in range(LAST_ROUTE, 0, -1) if str(n) not in used), "")


def returns(draft: Draft, first: int, last: int) -> bool:
    """Is there a `return` that ends more than the statements themselves? In the main route it is the same as `exit`, which is known how to carry over."""
    return any(
        draft.tokens[at].kind == "word" and draft.text_at(at) == "return" for at in range(first, last + 1)
    ) and not _is_main(draft, first)


def _is_main(draft: Draft, at: int) -> bool:
    return any(
        draft.text_at(start) == "route" and opening == start + 1
        for start, opening, closing in draft.blocks()
        if opening < at < closing
    )


def text_apart(draft: Draft, first: int, last: int) -> str:
    """The tokens as they stand in another route: `return` is `exit` where it was in the main route."""
    if last < first:
        return ""
    written = []
    place = draft.tokens[first].start
    for at in range(first, last + 1):
        token = draft.tokens[at]
        if token.kind == "word" and token.text == "return":
            written += [draft.source.text[place : token.start], "exit"]
            end = draft.closing(at + 1) if draft.is_sign(at + 1, "(") else at
            place = draft.tokens[end].end
    return "".join((*written, draft.source.text[place : draft.tokens[last].end]))


def call_instead(
    draft: Draft, first: int, last: int, number: str, text: str, places: Iterable[tuple[int, int, int]]
) -> None:
    """`route(number);` in the place of the tokens, and the route at the end of the file. Lines stay where they are. `places` as for `append_route`."""
    whole = draft.between(first, last)
    draft.replace(whole, f"route({number});" + "\n" * draft.source.text_of(whole).count("\n"))
    draft.append_route(text, places)
