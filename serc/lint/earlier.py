"""What has happened to a request before each call: on some way there, and on every way.

A small companion of `paths`: it joins all ways that meet, so that it costs little however many there are, and knows less of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from runtime.spec.effects import Does
from runtime.spec.operands import Tells
from serc.lint.paths.state import PATTERN_OF_METHODS
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.effects import ends_route
from serc.resolve.routes import key_of

# What a call was: its effect, or its name; (SET_FLAG, 6) and the like for numbers.
Fact = Does | str | tuple[Does, int]
INVITE: Final = "INVITE"
CANCEL: Final = "CANCEL"
ACK: Final = "ACK"
REGISTER: Final = "REGISTER"
# "" stands for all methods that a script does not name.
METHODS: Final = frozenset((INVITE, CANCEL, ACK, REGISTER, "BYE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "NOTIFY", ""))
_NUMBERED: Final = frozenset((Does.SET_FLAG, Does.CLEAR_FLAG))
# A route is gone through with so many different pasts at most.
_MOST_RUNS: Final = 20


@dataclass(frozen=True)
class Past:
    """`some`: what has happened on one way at least, `all`: on all of them, `true`: calls that were true on all of them. `methods` that the
    request may have. `is_unknown`: more may have happened.
    """

    some: frozenset[Fact] = frozenset()
    all: frozenset[Fact] = frozenset()
    true: frozenset[tree.Call] = frozenset()
    methods: frozenset[str] = METHODS
    is_unknown: bool = False

    def __or__(self, other: Past) -> Past:
        return Past(
            self.some | other.some,
            self.all & other.all,
            self.true & other.true,
            self.methods | other.methods,
            self.is_unknown or other.is_unknown,
        )


# None: nothing comes here.
_Maybe = Past | None


def _joined(one: _Maybe, other: _Maybe) -> _Maybe:
    if one is None or other is None:
        return one or other
    return one | other


class Earlier:
    """The past of each call of the request routes, by its place, as `main` finds it: `before` has none of a call that nothing reaches."""

    def __init__(self, subject: Subject) -> None:
        self.before: Final[dict[tree.Span, Past]] = {}
        self._subject: Final = subject
        self._bodies: Final = {
            key_of(route)[1]: route.body
            for route in reversed(list(routes(subject.file)))
            if route.kind == "route" and route.span not in subject.broken
        }
        self._running: Final[list[int]] = []
        self._known: Final[dict[int, dict[Past, _Maybe]]] = {}
        if 0 in self._bodies:
            self._route(0, Past())

    def _route(self, number: int, past: Past) -> _Maybe:
        """What is behind a call of it."""
        known = self._known.setdefault(number, {})
        if number not in self._bodies or number in self._running:
            return replace(past, is_unknown=True)
        if past not in known:
            if len(known) >= _MOST_RUNS:
                past = Past(is_unknown=True)
            if past not in known:
                self._running.append(number)
                reached, ended = self._block(self._bodies[number], past)
                self._running.pop()
                known[past] = _joined(reached, ended)
        return known[past]

    # --- statements --------------------------------------------------------------------------------------------------

    def _block(self, block: tree.Block, past: _Maybe) -> tuple[_Maybe, _Maybe]:
        """At the end of the block, and where the route was ended on the way."""
        ended: _Maybe = None
        for statement in block.statements:
            if past is None:
                break
            past, stopped = self._statement(statement, past)
            ended = _joined(ended, stopped)
        return past, ended

    def _statement(self, statement: tree.Statement, past: Past) -> tuple[_Maybe, _Maybe]:
        if isinstance(statement, tree.If):
            return self._if(statement, past)
        if isinstance(statement, tree.Block):
            return self._block(statement, past)
        if isinstance(statement, tree.Empty):
            return past, None
        if ends_route(statement):
            self._note(statement, past)
            return None, past if statement.name.name == "break" else None
        return self._call(statement, past), None

    def _if(self, node: tree.If, past: Past) -> tuple[_Maybe, _Maybe]:
        out: _Maybe = None
        ended: _Maybe = None
        rest: _Maybe = past
        link: tree.If | None = node
        while link is not None and rest is not None:  # a loop, since chains of `else if` can be long
            yes, rest = self._condition(link.condition, rest)
            reached, stopped = self._block(link.then, yes)
            out, ended = _joined(out, reached), _joined(ended, stopped)
            otherwise = link.otherwise
            link = None
            if otherwise is not None:
                only = otherwise.statements[0] if len(otherwise.statements) == 1 else None
                if isinstance(only, tree.If):
                    link = only
                else:
                    rest, stopped = self._block(otherwise, rest)
                    ended = _joined(ended, stopped)
        return _joined(out, rest), ended

    # --- conditions --------------------------------------------------------------------------------------------------

    def _condition(self, node: tree.Expression, past: Past) -> tuple[_Maybe, _Maybe]:
        """Where it is true, and where it is false."""
        if isinstance(node, tree.Not):
            yes, no = self._condition(node.operand, past)
            return no, yes
        if isinstance(node, (tree.And, tree.Or)):
            goes_on: _Maybe = past
            left: _Maybe = None
            for operand in node.operands:
                if goes_on is None:
                    break
                yes, no = self._condition(operand, goes_on)
                goes_on, leaves = (yes, no) if isinstance(node, tree.And) else (no, yes)
                left = _joined(left, leaves)
            return (goes_on, left) if isinstance(node, tree.And) else (left, goes_on)
        if isinstance(node, tree.Compare):
            return self._compared(node, past)
        if isinstance(node, tree.Call):
            after = self._call(node, past)
            return None if after is None else replace(after, true=after.true | {node}), after
        if isinstance(node, tree.Number):
            return past, past
        reached, ended = self._statement(node, past)
        both = _joined(reached, ended)
        return both, both

    def _compared(self, node: tree.Compare, past: Past) -> tuple[_Maybe, _Maybe]:
        bound = self._subject.comparison(node)
        if bound.is_known and bound.operand.tells is Tells.METHOD and node.operator in ("==", "!="):
            name = getattr(node.value, "value", getattr(node.value, "name", "")).upper()
            named = frozenset((name if name in METHODS else "",))
            others = past.methods - named if name in METHODS else past.methods
            same = replace(past, methods=named) if named <= past.methods else None
            other = replace(past, methods=others) if others else None
            return (same, other) if node.operator == "==" else (other, same)
        if bound.is_known and bound.operand.tells is Tells.METHOD and isinstance(node.value, tree.String):
            named_all = PATTERN_OF_METHODS.fullmatch(node.value.value.upper())
            if node.operator == "=~" and named_all is not None:
                names = frozenset(named_all[1].split("|"))
                if names <= METHODS and names & past.methods:
                    yes = replace(past, methods=names & past.methods)
                    return yes, replace(past, methods=past.methods - names)
        return past, past

    # --- calls -------------------------------------------------------------------------------------------------------

    def _note(self, call: tree.Call, past: Past) -> None:
        seen = self.before.get(call.span)
        self.before[call.span] = past if seen is None else seen | past

    def _call(self, call: tree.Call, past: Past) -> _Maybe:
        self._note(call, past)
        argument = call.arguments[0] if call.arguments else None
        if call.name.name == "route":
            return self._route(argument.value if isinstance(argument, tree.Number) else -1, past)
        does = self._subject.effects.of(call)
        if does is None:
            return replace(past, is_unknown=True)
        facts: set[Fact] = {does, call.name.name}
        if does in _NUMBERED and isinstance(argument, tree.Number):
            facts.add((does, argument.value))
        true = past.true
        if does in (Does.REVERT_URI, Does.REWRITE, Does.MAY_REWRITE, Does.NEXT_TARGET, Does.LOOKUP):
            effects = self._subject.effects
            true = frozenset(each for each in true if effects.of(each) is not Does.LOOKUP)
        return replace(past, some=past.some | facts, all=past.all | facts, true=true)


def all_calls(subject: Subject) -> list[tree.Call]:
    """Those of every route, in the order of the text."""
    return [call for route in routes(subject.file) for call in calls(route.body)]
