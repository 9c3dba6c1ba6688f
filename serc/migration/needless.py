"""What other servers have to be asked for, and 0.9 does by itself, or has no use for: it goes, and nothing has to come in its place."""

from __future__ import annotations

from typing import Final

from serc.migration import losses
from serc.migration.draft import Draft, Fate
from serc.migration.extents import statement_at

_REFUSED: Final = "what is malformed is refused before ser.cfg sees it"
_NO_NEXT_HOP: Final = "no next hop is kept beside the URI here"
# `if` and one of these functions, with its negation, alone: what is done then never happens here.
_NEVER: Final[dict[tuple[str, str], str]] = {
    ("!", "sanity_check"): _REFUSED,
    ("", "t_precheck_trans"): "repetitions that come at the same time go to the same process",
    ("!", "isdsturiset"): _NO_NEXT_HOP,
    ("", "isdsturiset"): _NO_NEXT_HOP,
    ("", "t_is_branch_route"): "no route runs for a branch here",
}


def leave_needless(draft: Draft) -> None:
    """An `if` whose condition is never true here, with all that it does."""
    for at, end, _ in draft.calls():
        negation = "!" if draft.is_sign(at - 1, "!") else ""
        first = at - len(negation)
        why = _NEVER.get((negation, draft.text_at(at)))
        if why is None or draft.text_at(first - 2) != "if" or draft.closing(first - 1) != end + 1:
            continue
        found = statement_at(draft, draft.tokens[first - 2].start)
        if found is not None and not _has_else(draft, end + 2):
            draft.replace(found[0], "\n" * draft.source.text_of(found[0]).count("\n"))
            draft.say(at, f"{draft.text_at(at)}: {why}", Fate.NEEDLESS)


def _has_else(draft: Draft, at: int) -> bool:
    """Behind what begins there."""
    last = draft.closing(at) if draft.is_sign(at, "{") else at
    while last < len(draft.tokens) and not draft.is_sign(at, "{") and not draft.is_sign(last, ";"):
        last += 1
    return draft.text_at(last + 1) == "else"


def leave_globals(draft: Draft) -> None:
    """Global parameters of others of which there is something to say."""
    in_blocks = [(start, closing) for start, _, closing in draft.blocks()]
    for at, token in enumerate(draft.tokens[:-3]):
        known = losses.GLOBALS.get(token.text)
        if known is None or not draft.is_sign(at + 1, "=") or any(first <= at <= last for first, last in in_blocks):
            continue
        value = draft.text_at(at + 2)
        is_off = value.lower() in ("no", "off", "0", "false")
        last = at + 3 if draft.is_sign(at + 3, ";") else at + 2
        fate = Fate.NEEDLESS if is_off or known.is_needless else Fate.LOST
        text = "it is off, as it always is here" if is_off and not known.is_needless else known.why
        draft.leave_out(draft.between(at, last), f"{token.text}: {text}", fate)
