"""`reply_route` of Kamailio, and the onreply_route without a number of others: it runs for all replies, here only for those of forwarded requests."""

from __future__ import annotations

from typing import Final

from serc.migration.draft import Draft, Fate

_NUMBER: Final = "19"
_ARMS: Final = f't_on_reply("{_NUMBER}");'
_NOT_THERE: Final = f"it ran for all replies; here it runs where {_ARMS[:-1]} stands before the forwarding"

_AMID: Final = (
    "it runs for replies of forwarded requests to which no other onreply_route belongs: these cannot begin with what may end them"
)
_ENDS: Final = ("return", "exit", "drop", "break")


def rewrite_for_all_replies(draft: Draft, start: int, opening: int, closing: int) -> None:
    """It becomes onreply_route[19], which the main route arms first of all, and the beginning of all other onreply_routes. Where a request is
    forwarded without a transaction no such route runs.
    """
    kind = draft.text_at(start)
    last = _without_end(draft, opening, closing)
    if last == opening:
        draft.leave_out(draft.between(start, closing), f"{kind}: nothing is left in it", Fate.NEEDLESS)
        return
    head = draft.tokens[start].span
    draft.replace(head, f"onreply_route[{_NUMBER}]")
    main = next((at for first, at, _ in draft.blocks() if _is_main(draft, first, at)), None)
    if main is None or not _has_transactions(draft):
        draft.remark(start, f"{kind} is onreply_route[{_NUMBER}] now: {_NOT_THERE}")
        return
    draft.replace(draft.tokens[main].span, f"{{ {_ARMS}")
    if any(draft.text_at(at) in _ENDS for at in range(opening + 1, last + 1)):
        draft.remark(start, f"{kind} is onreply_route[{_NUMBER}] now: {_AMID}")
        return
    body = draft.in_one_line(opening + 1, last)
    for first, at, _ in draft.blocks():
        if draft.text_at(first) == "onreply_route" and at > first + 1:
            draft.replace(draft.tokens[at].span, f"{{ {body}")
    text = "it ran for all replies, and does so for those of forwarded requests, but for forward() and send()"
    draft.remark(start, f"{kind} is onreply_route[{_NUMBER}] now, and the beginning of all others: {text}")


def _without_end(draft: Draft, opening: int, closing: int) -> int:
    """The last token of the body without a `return` or `exit` that ends it anyway; `{` if nothing is in it."""
    last = closing - 1
    while last > opening and draft.is_sign(last, ";"):
        end = last - 1
        if draft.is_sign(end, ")"):
            end = draft.partner.get(end, end) - 1
        if draft.text_at(end) in ("return", "exit"):
            last = end - 1
        elif draft.text_at(last - 1) in (";", "{", "}"):
            last -= 1
        else:
            break
    return last


def _is_main(draft: Draft, first: int, opening: int) -> bool:
    return draft.text_at(first) in ("route", "request_route") and opening == first + 1


def _has_transactions(draft: Draft) -> bool:
    paths = [draft.text_at(at + 1).strip("\"'") for at, token in enumerate(draft.tokens) if token.text == "loadmodule"]
    return any(path.rpartition("/")[2].removesuffix(".so") == "tm" for path in paths)
