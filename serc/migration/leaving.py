"""exit, drop and return of other dialects: there they leave the script from a called route, too, and here the route alone.

Where something stands behind a call of such a route, a flag says that the script has been left: what leaves it sets
the flag, and the call is followed by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from serc.migration.armed import clear_in, free_flag
from serc.migration.draft import Draft
from serc.migration.extents import statement_at
from serc.reading.tree import Span

_LEAVING: Final = ("exit", "drop")
_ENDS: Final = (*_LEAVING, "return", "break")
# They answer, and end the route that calls them; of Kamailio's and OpenSER's functions of these names the caller ends with them, too.
_STOPS: Final = ("www_authorize", "proxy_authorize", "www_challenge", "proxy_challenge")
_LAST_FLAG: Final = 31


@dataclass(frozen=True)
class _Call:
    """A call of route(number) that is a statement: the tokens `route` and `)`, and the number of the route that it stands in, "" for
    those that nobody calls. `is_last`: nothing of that route runs behind it."""

    at: int
    end: int
    number: str
    caller: str
    is_last: bool


class _Routes:
    """Who calls whom, and who leaves the script."""

    def __init__(self, draft: Draft) -> None:
        self.draft: Final = draft
        self.calls: Final[list[_Call]] = []
        self.tested: Final[list[int]] = []
        self._words: Final[dict[str, set[str]]] = {}
        self._last: Final[dict[str, str]] = {}
        for start, opening, closing in draft.blocks():
            number = draft.text_at(start + 2) if draft.is_sign(start + 1, "[") else ""
            caller = number if draft.text_at(start) == "route" and number != "0" else ""
            self._look(caller, opening, closing)
        self.leaves: Final = self._leaving()

    def _look(self, caller: str, opening: int, closing: int) -> None:
        draft = self.draft
        for at in range(opening + 1, closing):
            word = draft.text_at(at)
            if draft.tokens[at].kind != "word":
                continue
            if word in _ENDS:
                self._words.setdefault(caller, set()).add(word)
                following = at + 1
                while draft.text_at(following) in ("(", ")", ";") or draft.tokens[following].kind == "number":
                    following += 1
                if following == closing and draft.text_at(at - 1) in (";", "{", "}"):  # and no `if` has the say
                    self._last[caller] = word
            if word == "route" and draft.is_sign(at + 1, "(") and at + 1 in draft.partner:
                end = draft.partner[at + 1]
                if draft.is_sign(end + 1, ";") and draft.text_at(at - 1) in (";", "{", "}", ")", "else"):
                    is_last = end + 2 == closing or draft.text_at(end + 2) in _ENDS
                    self.calls.append(_Call(at, end, draft.text_at(at + 2), caller, is_last))
                else:
                    self.tested.append(at)

    def _leaving(self) -> set[str]:
        """Routes that can leave the script, by themselves or by those that they call."""
        found = {number for number, words in self._words.items() if number and words & set(_LEAVING)}
        while more := {call.caller for call in self.calls if call.number in found and call.caller} - found:
            found |= more
        return found

    def always(self, number: str) -> bool:
        """Does every way through the route leave the script?"""
        words = self._words.get(number, set())
        return not words & {"return", "break"} and self._last.get(number) in _LEAVING


def rewrite_ends(draft: Draft) -> None:
    """Carried over are the ways of a request; the value of a route, where it is tested, is not."""
    routes = _Routes(draft)
    waiting = [call for call in routes.calls if call.number in routes.leaves and not call.is_last]
    flag = free_flag(draft, _LAST_FLAG) if any(not routes.always(call.number) for call in waiting) else ""
    if flag:
        clear_in(draft, ("failure_route", "onreply_route"), flag)
    for call in waiting:
        ending = "break;" if routes.always(call.number) else f"if (isflagset({flag})) break;"
        _append(draft, call, ending)
    for at in routes.tested:
        if draft.text_at(at + 2) in routes.leaves:
            draft.remark(
                at,
                f"what leaves the script in route({draft.text_at(at + 2)}) leaves that route alone: here it is tested",
            )
    for start, opening, closing in draft.blocks():
        number = draft.text_at(start + 2) if draft.is_sign(start + 1, "[") else ""
        is_called = draft.text_at(start) == "route" and number in routes.leaves
        for at in range(opening + 1, closing):
            if draft.tokens[at].kind == "word" and draft.text_at(at) in (*_LEAVING, "return"):
                _end(draft, at, number, flag if is_called else "")
            elif flag and is_called and draft.text_at(at) in _STOPS:
                _guard(draft, at, flag)


def _guard(draft: Draft, at: int, flag: str) -> None:
    """A challenge, and credentials that make no sense, end the route before what comes behind them: the flag is set until that is over."""
    found = statement_at(draft, draft.tokens[at].start)
    if found is not None:
        span = found[0]
        draft.replace(Span(span.start, span.start), f"setflag({flag}); ")
        draft.replace(Span(span.end, span.end), f" resetflag({flag});")


def _end(draft: Draft, at: int, number: str, flag: str) -> None:
    word = draft.text_at(at)
    last = draft.closing(at + 1) if draft.is_sign(at + 1, "(") else at
    value = draft.source.text_of(draft.between(at, last))[len(word) :].strip("() \t\n")
    if word == "return" and value not in ("", "1"):
        draft.remark(at, f"return({value}) is break now: route({number}) is no longer false where it is tested")
    whole = draft.between(at, last)
    if word == "return" or not flag:
        if word != "drop" or last > at:
            draft.replace(whole, "drop" if word == "drop" else "break")
    elif draft.text_at(at - 1) in (")", "else") and draft.is_sign(last + 1, ";"):
        draft.replace(draft.between(at, last + 1), f"{{ setflag({flag}); break; }}")
    else:
        draft.replace(whole, f"setflag({flag}); break")


def _append(draft: Draft, call: _Call, ending: str) -> None:
    """A statement behind a call."""
    text = draft.source.text_of(draft.between(call.at, call.end))
    whole = draft.between(call.at, call.end + 1)
    if draft.text_at(call.at - 1) in (")", "else"):
        draft.replace(whole, f"{{ {text}; {ending} }}")
    else:
        draft.replace(whole, f"{text}; {ending}")
