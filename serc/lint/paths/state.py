"""What is known of a request at a place of the script, and what a comparison tells of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from runtime.spec.operands import Tells, TextOperand
from serc.reading import tree
from serc.resolve.bound import BoundComparison

_MOST_STATES: Final = 24
# A pattern that names methods.
PATTERN_OF_METHODS: Final = re.compile(r"\^?\(?([A-Z]{3,9}(?:\|[A-Z]{3,9})*)\)?\$?")
_Known = Literal["", "yes", "no"]
UNNAMED: Final = "?"


@dataclass(eq=False, slots=True, kw_only=True)
class State:
    """What is known of a request. Spans tell where it came to pass.

    There is one for each knowledge in a `Space`, so that two are equal only if they are the same. `but` makes others; nothing is
    written to one.

    `method` is "" where nothing is known and "?" where the script has looked at it in a way that tells no name.
    `only_ack`: in the block of an `if` that lets nothing but ACK in. `handled`: answered, forwarded, dropped on
    purpose, or given to a function that may do any of these. `trusted`: from somebody or to somewhere that was looked
    at. `foreign`: it came for another domain, wherever it goes by now. `in_dialog`: a Route leads it. `tagged`: its To tag was
    asked for, and is there or may be. `preloaded`: the call that found a Route which nobody has asked anything about since. `limited`: its sender sends too
    much. `decision`: the `if` whose condition failed on the way here. `bare_branch`: a branch that was appended in a
    failure_route before the URI was rewritten. `edited`: something else may have changed the URI of that. `saved`: contacts were taken here, just before. `replied_in`,
    `relayed_in`: the call of a route, gone on after, in which that happened. `appended`: a branch of a failure_route
    that nothing was forwarded to yet. `transaction`: there is one, or may be; `opened`: by a function that does
    nothing else. `left`: what is known of flags that tell that a called route has ended the script (leaving.py).
    """

    method: str = ""
    only_ack: bool = False
    local: _Known = ""
    foreign: bool = False
    in_dialog: bool = False
    tagged: bool = False
    preloaded: tree.Span | None = None
    limited: bool = False
    handled: bool = False
    trusted: bool = False
    reply: tree.Span | None = None
    saved: tree.Span | None = None
    replied_in: tree.Span | None = None
    relay: tree.Span | None = None
    relayed_in: tree.Span | None = None
    relay_failed: bool = False
    credentials: tree.Span | None = None
    failed_auth: Literal["", "www", "proxy"] = ""
    rewritten: tree.Span | None = None
    recorded: tree.Span | None = None
    ignored_lookup: tree.Span | None = None
    branch: bool = True
    bare_branch: tree.Span | None = None
    edited: bool = False
    appended: tree.Span | None = None
    transaction: bool = False
    opened: tree.Span | None = None
    failure: tree.Span | None = None
    decision: tree.Span | None = None
    left: int = 0
    space: Space
    serial: int
    facts: tuple[_Value, ...]

    def __hash__(self) -> int:
        """The same in every run, so that sets have the same order."""
        return self.serial

    def but(self, **changes: _Value) -> State:
        """What is known besides where `changes` say otherwise."""
        return self.space.changed(self, tuple(changes.items()))


_Value = str | bool | int | tree.Span | None
_FACTS: Final = tuple(each.name for each in fields(State) if each.name not in ("space", "serial", "facts"))
_PLACE: Final = {name: place for place, name in enumerate(_FACTS)}
_UNKNOWN: Final[tuple[Any, ...]] = tuple(each.default for each in fields(State) if each.name in _PLACE)
States = frozenset[State]
NONE: Final[States] = frozenset()


class Space:
    """All states of one file, each made once: most ways through a script come to the same knowledge again and again."""

    def __init__(self) -> None:
        self._states: dict[tuple[_Value, ...], State] = {}
        self._changed: dict[tuple[State, tuple[tuple[str, _Value], ...]], State] = {}
        self.nothing: Final = self._the_one(_UNKNOWN)
        # What a function may do of which nothing is known.
        self.anything: Final = self.nothing.but(
            method=UNNAMED, handled=True, trusted=True, transaction=True, edited=True
        )

    def changed(self, state: State, changes: tuple[tuple[str, _Value], ...]) -> State:
        found = self._changed.get((state, changes))
        if found is None:
            facts = list(state.facts)
            for name, value in changes:
                facts[_PLACE[name]] = value
                if name == "trusted" and value:
                    facts[_PLACE["preloaded"]] = None  # somebody has asked
            if facts[_PLACE["handled"]]:
                facts[_PLACE["decision"]] = None  # matters only where nothing has been done with the request
            found = self._changed[state, changes] = self._the_one(tuple(facts))
        return found

    def _the_one(self, facts: tuple[_Value, ...]) -> State:
        found = self._states.get(facts)
        if found is None:
            named: dict[str, Any] = dict(zip(_FACTS, facts, strict=True))
            found = self._states[facts] = State(**named, space=self, serial=len(self._states), facts=facts)
        return found

    def bounded(self, states: States) -> States:
        """Too many to go on with each of them: nothing is known."""
        return states if len(states) <= _MOST_STATES else frozenset((self.anything,))


def in_ack_block(state: State, only_ack: bool) -> State:
    return state if state.only_ack is only_ack else state.but(only_ack=only_ack)


def compared(node: tree.Compare, bound: BoundComparison, state: State) -> tuple[list[State], list[State]]:
    """States where a comparison is true and where it is false; a way that is impossible has none."""
    tells = bound.operand.tells
    if state.saved is not None:
        state = state.but(saved=None)
    equal = node.operator == "=="
    if not bound.is_known:
        either = state.but(method=state.method or UNNAMED, trusted=True, local="", ignored_lookup=None)
        return [either], [either]
    if tells is Tells.METHOD:
        named = PATTERN_OF_METHODS.fullmatch(_text(node)) if node.operator == "=~" else None
        if named is not None and _are_methods(bound, named[1].split("|")):
            return [state.but(method=each) for each in named[1].split("|")], [state]
        if not equal and node.operator != "!=":
            return [state.but(method=state.method or UNNAMED)], [state]
        return _by_method(_text(node), state, equal)
    if tells is Tells.DESTINATION:
        if not _is_of_addresses(_text(node)):
            state = state.but(ignored_lookup=None)
        if bound.with_myself:
            return _by_domain(state, equal)
    if tells is Tells.SENDER or tells in (Tells.PARTY, Tells.DESTINATION) and not bound.with_myself:
        # Whoever tests these has thought of who may send what: the true side is nobody's open relay.
        vouched = state.but(trusted=True)
        return ([vouched], [state]) if node.operator != "!=" else ([state], [vouched])
    return [state], [state]


def _are_methods(bound: BoundComparison, names: list[str]) -> bool:
    """And not the beginnings of some."""
    operand = bound.operand
    return (
        isinstance(operand, TextOperand) and operand.numbered is not None and set(names) <= set(operand.numbered.words)
    )


def _by_method(method: str, state: State, equal: bool) -> tuple[list[State], list[State]]:
    same: list[State] = [state.but(method=method)]
    other: list[State] = [state]
    if state.method and state.method != UNNAMED:
        same, other = ([state], []) if state.method == method else ([], [state])
    return (same, other) if equal else (other, same)


def _by_domain(state: State, equal: bool) -> tuple[list[State], list[State]]:
    same: list[State] = [state.but(local="yes")] if state.local != "no" else []
    other: list[State] = [state.but(local="no", foreign=True)] if state.local != "yes" else []
    return (same, other) if equal else (other, same)


def _text(node: tree.Compare) -> str:
    value = node.value
    return (value.value if isinstance(value, tree.String) else getattr(value, "name", "")).upper()


def _is_of_addresses(text: str) -> bool:
    """Do URIs of users who were not found look like others to this pattern, such as one for private addresses?"""
    return bool(text) and "@" in text and not any(c.isalpha() for c in text.replace("SIP", ""))
