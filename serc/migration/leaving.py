"""exit, drop and return of other dialects: there they leave the script from a called route, too, and here the route alone.

Where something stands behind a call of such a route, a flag says that the script has been left: what leaves it sets
the flag, and the call is followed by a test.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from runtime.modules import catalogue
from serc.migration.armed import clear_in, free_flag
from serc.migration.draft import Draft
from serc.migration.extents import statement_at
from serc.reading.dialects import RENAMED
from serc.reading.tree import Span

_LEAVING: Final = ("exit", "drop")
_ENDS: Final = (*_LEAVING, "return", "break")
_FUNCTIONS: Final = [f for m in catalogue.names() if (spec := catalogue.find(m)) is not None for f in spec.functions]
_STOPPING: Final = frozenset(f.name for f in _FUNCTIONS if f.may_stop)
# They can end the route that calls them: a challenge was sent, a request is a repetition. Of Kamailio's and OpenSER's functions of these
# names the caller ends with them, too.
_STOPS: Final = _STOPPING | {old for old, new in RENAMED.items() if new.name in _STOPPING}
# Stands for what can end the route without a word.
_STOP: Final = "stop"
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
            if word in _STOPS and draft.is_sign(at + 1, "("):
                self._words.setdefault(caller, set()).add(_STOP)
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
        found = {number for number, words in self._words.items() if number and words & {*_LEAVING, _STOP}}
        while more := {call.caller for call in self.calls if call.number in found and call.caller} - found:
            found |= more
        return found

    @property
    def stops(self) -> set[str]:
        """Called routes that something can end without a word."""
        return {number for number, words in self._words.items() if number and _STOP in words}

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
        _append(draft, call, ending, flag if call.caller in routes.stops else "")
    for at in routes.tested:
        if draft.text_at(at + 2) in routes.leaves:
            draft.remark(
                at,
                f"what leaves the script in route({draft.text_at(at + 2)}) leaves that route alone: here it is tested",
            )
    for start, opening, closing in draft.blocks():
        number = draft.text_at(start + 2) if draft.is_sign(start + 1, "[") else ""
        is_called = draft.text_at(start) == "route" and number in routes.leaves
        guarded: set[Span] = set()
        for at in range(opening + 1, closing):
            if draft.tokens[at].kind == "word" and draft.text_at(at) in (*_LEAVING, "return"):
                _end(draft, at, number, flag if is_called else "")
            elif flag and is_called and draft.text_at(at) in _STOPS and draft.is_sign(at + 1, "("):
                _guard(draft, at, flag, guarded)


def _guard(draft: Draft, at: int, flag: str, guarded: set[Span]) -> None:
    """What may end the route before what comes behind it: the flag is set until that is over, be it in a block of the `if` that asks."""
    found = statement_at(draft, draft.tokens[at].start)
    if found is None or found[0] in guarded:
        return
    span = found[0]
    guarded.add(span)
    draft.replace(Span(span.start, span.start), f"setflag({flag}); ")
    behind = bisect_left(draft.tokens, span.end, key=lambda token: token.start)
    if draft.text_at(behind) not in _LEAVING:
        draft.replace(Span(span.end, span.end), f" resetflag({flag});")
    for opening in _blocks_of(draft, span):
        end = draft.tokens[opening].end
        draft.replace(Span(end, end), f" resetflag({flag});")


def _blocks_of(draft: Draft, span: Span) -> list[int]:
    """The braces that begin the blocks of an `if`, and of those behind its `else`, that ask for the flag: those with calls of routes."""
    found = []
    at = bisect_left(draft.tokens, span.start, key=lambda token: token.start)
    while draft.text_at(at) == "if" and draft.tokens[at].start < span.end:
        opening = at + 1
        while not draft.is_sign(opening, "{") and not draft.is_sign(opening, ";"):
            opening = draft.closing(opening) + 1 if draft.is_sign(opening, "(") else opening + 1
        last = opening
        if draft.is_sign(opening, "{"):
            last = draft.closing(opening)
            found += [opening] * _calls_routes(draft, opening, last)
        if draft.text_at(last + 1) != "else":
            break
        at = last + 2
        if draft.is_sign(at, "{"):
            found += [at] * _calls_routes(draft, at, draft.closing(at))
    return found


def _calls_routes(draft: Draft, opening: int, closing: int) -> bool:
    return any(draft.text_at(at) == "route" for at in range(opening, closing))


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


def _append(draft: Draft, call: _Call, ending: str, flag: str) -> None:
    """A statement behind a call."""
    text = draft.source.text_of(draft.between(call.at, call.end))
    whole = draft.between(call.at, call.end + 1)
    if draft.text_at(call.at - 1) in (")", "else"):
        clear = f"resetflag({flag}); " if flag and not ending.startswith("break") else ""
        draft.replace(whole, f"{{ {clear}{text}; {ending} }}")
    else:
        draft.replace(whole, f"{text}; {ending}")
