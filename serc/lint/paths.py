"""The ways that a request can take through the script, and what goes wrong on them.

Abstract interpretation: a State is what is known of a request at a place, a block turns states into states. What a
function that takes the request over may do is unknown, and so is all that comes after it: no warning rests on that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.reading import tree
from serc.reading.walk import else_if, routes
from serc.resolve.effects import Effects, ends_route
from serc.resolve.routes import RouteGraph, head_of, key_of

_MOST_STATES: Final = 24
_Known = Literal["", "yes", "no"]


@dataclass(frozen=True)
class State:
    """What is known of a request. Spans tell where it came to pass.

    `only_ack`: in the block of an `if` that lets nothing but ACK in. `handled`: answered, forwarded, dropped on purpose, or
    given to a function that may do any of these. `trusted`: from somebody or to somewhere that was looked at. `decision`:
    the `if` whose condition failed on the way here.
    """

    method: str = ""
    only_ack: bool = False
    local: _Known = ""
    handled: bool = False
    trusted: bool = False
    reply: tree.Span | None = None
    relay: tree.Span | None = None
    relay_failed: bool = False
    credentials: tree.Span | None = None
    failed_auth: Literal["", "www", "proxy"] = ""
    rewritten: tree.Span | None = None
    ignored_lookup: tree.Span | None = None
    branch: bool = True
    failure: tree.Span | None = None
    decision: tree.Span | None = None


# What counts for requests that are forwarded afterwards.
_BEFORE_RELAY: Final = frozenset((Does.ARM, Does.RECORD_ROUTE, Does.APPEND_BRANCH, Does.EDIT))
_UNCHANGED: Final = frozenset(
    (
        *(Does.NOTHING, Does.LOG, Does.CHECK_HOPS, Does.EDIT, Does.EDIT_URI, Does.SET_FLAG, Does.TEST_FLAG),
        *(Does.ARM, Does.RECORD_ROUTE, Does.COPY),
    )
)
_ONLY_IF_TRUE: Final = frozenset(
    (Does.LOOKUP, Does.LOOSE_ROUTE, Does.VOUCH, Does.REWRITE, Does.MAY_REWRITE, Does.SETTLE)
)
_RELAYS: Final = frozenset((Does.RELAY, Does.RELAY_STATEFUL))
_ANYTHING: Final = State(handled=True, trusted=True)
States = frozenset[State]
_NONE: Final[States] = frozenset()


def check_paths(file: tree.File, effects: Effects, graph: RouteGraph, report: Report) -> None:
    paths = _Paths(file, effects, report)
    for route in routes(file):
        if key_of(route) == ("route", 0) and graph.defined[key_of(route)] is route:
            paths.main(route)
        elif route.kind == "failure_route":
            paths.failure(route)


class _Paths:
    def __init__(self, file: tree.File, effects: Effects, report: Report) -> None:
        self._effects = effects
        self._report = report
        self._bodies: dict[int, list[tree.Route]] = {}
        for route in routes(file):
            if route.kind == "route":
                self._bodies.setdefault(key_of(route)[1], []).append(route)
        self._running: list[int] = []
        self._known: dict[tuple[int, State], States] = {}
        # Forwardings behind which something was reported: all the rest follows from the same missing break.
        self._blamed: set[tree.Span] = set()

    def main(self, route: tree.Route) -> None:
        states = self._route_body(0, frozenset((State(),)), keep_ended=False)
        for state in sorted(states, key=lambda s: (s.decision or route.span)):
            if not state.handled and state.method != "ACK":
                self._unanswered(route, state)

    def failure(self, route: tree.Route) -> None:
        start = State(handled=True, trusted=True, branch=False, failure=head_of(route))
        self._block(route.body, frozenset((start,)))

    def _unanswered(self, route: tree.Route, state: State) -> None:
        related: tuple[Related, ...] = ()
        if state.decision is None:
            message = "requests are neither answered nor forwarded at the end of this route"
        else:
            message = "where this condition fails, the request is neither answered nor forwarded"
            related = (Related(head_of(route), "the script ends at the end of this route"),)
        hint = "the client repeats it until it gives up: answer it, forward it, or drop it with break"
        self._report.add(codes.UNANSWERED, state.decision or head_of(route), message, hint=hint, related=related)

    # --- statements --------------------------------------------------------------------------------------------------

    def _route_body(self, number: int, states: States, keep_ended: bool = True) -> States:
        """States behind the route; those that ended it by break are among them where the caller goes on."""
        out = states
        ended: States = _NONE
        self._running.append(number)
        for route in self._bodies[number]:
            out, stopped = self._block(route.body, out)
            ended |= stopped
        self._running.pop()
        return _bounded(out | ended) if keep_ended else out

    def _block(self, block: tree.Block, states: States) -> tuple[States, States]:
        """States that reach the end of the block, and those that ended the route."""
        ended: States = _NONE
        for statement in block.statements:
            if not states:
                break
            states, stopped = self._statement(statement, states)
            ended |= stopped
        return states, ended

    def _statement(self, statement: tree.Statement, states: States) -> tuple[States, States]:
        if isinstance(statement, tree.If):
            return self._if(statement, states)
        if isinstance(statement, tree.Block):
            return self._block(statement, states)
        if isinstance(statement, tree.Empty):
            return states, _NONE
        if ends_route(statement):
            return _NONE, frozenset(replace(s, handled=True) for s in states)
        if statement.name.name == "route":
            return self._route_call(statement, states), _NONE
        out = frozenset(self._plain_call(statement, self._effects.of(statement), state) for state in states)
        return _bounded(out), _NONE

    def _route_call(self, call: tree.Call, states: States) -> States:
        argument = call.arguments[0] if call.arguments else None
        number = argument.value if isinstance(argument, tree.Number) else -1
        if number not in self._bodies or number in self._running:  # a route that is missing was reported already
            return frozenset((_ANYTHING,))
        out: States = _NONE
        for state in states:
            key = (number, state)
            if key not in self._known:
                self._known[key] = self._route_body(number, frozenset((state,)))
            out |= self._known[key]
        return _bounded(out)

    def _if(self, node: tree.If, states: States) -> tuple[States, States]:
        out, ended = _NONE, _NONE
        link: tree.If | None = node
        while link is not None and states:  # a loop, since chains of `else if` can be long
            node = link
            yes, states = self._condition(node.condition, states)
            only_ack = bool(yes) and all(s.method == "ACK" for s in yes)
            reached, stopped = self._block(node.then, frozenset(_only_ack(s, only_ack) for s in yes))
            out = _bounded(out | frozenset(_only_ack(s, False) for s in reached))
            ended |= stopped
            link = else_if(node)
        if node.otherwise is not None:
            other, stopped = self._block(node.otherwise, states) if link is None else (_NONE, _NONE)
            return _bounded(out | other), ended | stopped
        # From `if` to the end of the condition.
        span = tree.Span(node.span.start, node.condition.span.end)
        return _bounded(out | frozenset(replace(s, decision=span) for s in states)), ended

    # --- conditions --------------------------------------------------------------------------------------------------

    def _condition(self, node: tree.Expression, states: States) -> tuple[States, States]:
        """States where it is true, and where it is false."""
        if isinstance(node, tree.Not):
            yes, no = self._condition(node.operand, states)
            return no, yes
        if isinstance(node, tree.And):
            yes, no = states, _NONE
            for operand in node.operands:
                yes, otherwise = self._condition(operand, yes)
                no = _bounded(no | otherwise)
            return yes, no
        if isinstance(node, tree.Or):
            yes, no = _NONE, states
            for operand in node.operands:
                otherwise, no = self._condition(operand, no)
                yes = _bounded(yes | otherwise)
            return yes, no
        if isinstance(node, tree.Compare):
            pairs = [_compared(node, state) for state in states]
        elif isinstance(node, tree.Number):
            return (states, _NONE) if node.value else (_NONE, states)
        elif isinstance(node, tree.Call) and node.name.name != "route":
            pairs = [self._tested_call(node, state) for state in states]
        else:
            out = self._route_call(node, states) if isinstance(node, tree.Call) else self._statement(node, states)[0]
            return out, out
        yes = frozenset(state for pair in pairs for state in pair[0])
        return _bounded(yes), _bounded(frozenset(state for pair in pairs for state in pair[1]))

    def _tested_call(self, call: tree.Call, state: State) -> tuple[list[State], list[State]]:
        """A call whose result is looked at."""
        does = self._effects.of(call)
        state = replace(state, ignored_lookup=None) if does is Does.LOOKUP else state
        after = self._call(call, does, state)
        if does in (Does.REPLY, Does.ERROR_REPLY, Does.ANSWER, Does.SAVE):
            return [after], [replace(state, handled=True)]
        if does in _RELAYS:
            return [after], [replace(state, handled=True, relay_failed=True)]
        if does in _ONLY_IF_TRUE:
            return [after], [state]
        if does is Does.AUTH_WWW:
            return [after], [replace(state, failed_auth="www")]
        if does is Does.AUTH_PROXY:
            return [after], [replace(state, failed_auth="proxy")]
        return [after], [after]

    def _plain_call(self, call: tree.Call, does: Does | None, state: State) -> State:
        """A call whose result is not looked at."""
        after = self._call(call, does, state)
        if does is Does.LOOKUP:
            return replace(after, ignored_lookup=call.span)
        if does in (Does.LOOSE_ROUTE, Does.VOUCH, Does.AUTH_WWW, Does.AUTH_PROXY):
            return replace(state, trusted=True)  # reported as an ignored result already
        return after

    # --- calls -------------------------------------------------------------------------------------------------------

    def _call(self, call: tree.Call, does: Does | None, state: State) -> State:
        """The state behind a call that succeeds."""
        span = call.span
        if does is None:
            return replace(_ANYTHING, method=state.method, failure=state.failure)
        if does in _BEFORE_RELAY and state.relay is not None and not state.relay_failed:
            self._too_late(call, state.relay)
        if does in _UNCHANGED:
            return state
        if does in (Does.REPLY, Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY, Does.ERROR_REPLY):
            return self._reply(call, does, state)
        if does in (Does.ANSWER, Does.SETTLE):
            return replace(state, handled=True)
        if does in _RELAYS:
            self._relayed(call, state)
            return replace(state, handled=True, relay=span)
        if does is Does.SAVE:
            return self._saved(call, state)
        if does is Does.MAY_REWRITE:
            return replace(state, trusted=True, local="", ignored_lookup=None)
        if does is Does.REVERT_URI:
            return replace(state, trusted=True, local="", rewritten=None, ignored_lookup=None)
        if does is Does.LOOKUP or does is Does.REWRITE:
            return replace(state, trusted=True, local="", rewritten=span, ignored_lookup=None)
        if does is Does.LOOSE_ROUTE:
            if state.rewritten is not None and state.failure is None:
                self._late_loose_route(call, state.rewritten)
            return replace(state, trusted=True, local="")
        if does is Does.AUTH_PROXY:
            return replace(state, trusted=True, credentials=span, failed_auth="")
        if does is Does.CONSUME_CREDENTIALS:
            return replace(state, credentials=None)
        if does is Does.APPEND_BRANCH:
            return replace(state, branch=True)
        return replace(state, trusted=True, failed_auth="")

    def _reply(self, call: tree.Call, does: Does, state: State) -> State:
        name = call.name.name
        if does in (Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY):
            self._challenge(call, does, state)
        if does is Does.ERROR_REPLY:
            return replace(state, handled=True)
        if state.only_ack and not state.relay_failed and state.failure is None:
            hint = "an ACK is never answered: end the route, or forward it"
            self._report.add(codes.REPLY_TO_ACK, call.span, f"{name} answers an ACK", hint=hint)
        if does is Does.REPLY and not _is_final(call):
            return state
        answered_late = state.relay is not None and not state.relay_failed and state.failure is None
        if answered_late and state.relay is not None and self._blame(state.relay):
            related = (Related(state.relay, "forwarded here"),)
            message = "the request is answered here though it was forwarded before"
            forwarding = self._effects.named(Does.RELAY_STATEFUL)
            hint = f"write if (!{forwarding}()) before it, or a break between them"
            self._report.add(codes.REPLY_THEN_RELAY, call.span, message, hint=hint, related=related)
        else:
            self._goes_on(call, state, "another one follows", "and answered again here")
        return replace(state, handled=True, reply=state.reply or call.span)

    def _saved(self, call: tree.Call, state: State) -> State:
        self._goes_on(call, state, "the registration is saved all the same", "and saved here")
        return replace(state, handled=True, reply=state.reply or call.span)

    def _goes_on(self, call: tree.Call, state: State, what: str, here: str) -> bool:
        """Reports that `call` follows a final answer, once for each answer; False if there was nothing to report."""
        if state.reply is None or not self._blame(state.reply):
            return False
        message = f"a final answer is sent, and {what}"
        related = (Related(call.span, here),)
        hint = "write break after the reply"
        self._report.add(codes.REPLY_THEN_RELAY, state.reply, message, hint=hint, related=related)
        return True

    def _challenge(self, call: tree.Call, does: Does, state: State) -> None:
        kind = "www" if does is Does.CHALLENGE_WWW else "proxy"
        if state.failed_auth and state.failed_auth != kind:
            code = "401" if kind == "www" else "407"
            verified_www = state.failed_auth == "www"
            reader = self._effects.named(Does.AUTH_WWW if verified_www else Does.AUTH_PROXY)
            right = self._effects.named(Does.CHALLENGE_WWW if verified_www else Does.CHALLENGE_PROXY)
            message = f"{call.name.name} answers {code}, which does not make clients send what {reader} reads"
            hint = f"write {right}"
            self._report.add(codes.CHALLENGE_MISMATCH, call.span, message, hint=hint)

    def _relayed(self, call: tree.Call, state: State) -> None:
        """A request is forwarded: everything that should have been done before."""
        span = call.span
        if state.reply is not None:
            if not self._goes_on(call, state, "the request is forwarded all the same", "and forwarded here"):
                return
        elif state.relay is not None and self._effects.of(call) is Does.RELAY_STATEFUL and not state.relay_failed:
            if self._blame(state.relay):
                related = (Related(state.relay, "first forwarded here"),)
                message, hint = "the request is forwarded a second time", "write break after the first"
                self._report.add(codes.RELAYED_TWICE, span, message, hint=hint, related=related)
        if state.ignored_lookup is not None:
            related = (Related(span, "forwarded here"),)
            lookup, reply = self._effects.named(Does.LOOKUP), self._effects.named(Does.REPLY)
            message = (
                f"the result of {lookup} is ignored: requests for users who are not registered come back to this server"
            )
            hint = f'write if (!{lookup}(…)) {{ {reply}("404", "Not Found"); break; }}'
            self._report.add(codes.IGNORED_RESULT, state.ignored_lookup, message, hint=hint, related=related)
        if state.credentials is not None:
            related = (Related(span, "forwarded here"),)
            message = "the credentials of the caller are forwarded to the callee"
            remove, verify = self._effects.named(Does.CONSUME_CREDENTIALS), self._effects.named(Does.AUTH_PROXY)
            hint = f"call {remove}() after {verify} succeeded"
            self._report.add(codes.CREDENTIALS_KEPT, state.credentials, message, hint=hint, related=related)
        if not state.branch and state.failure is not None and self._effects.of(call) is Does.RELAY_STATEFUL:
            related = (Related(state.failure, "in this failure_route"),)
            self._blame(span)
            message = "a failure_route forwards only to branches that it appended: there is none here"
            hint = f"call {self._effects.named(Does.APPEND_BRANCH)}() before it"
            self._report.add(codes.NO_BRANCH, span, message, hint=hint, related=related)
        if state.local == "no" and not state.trusted and _goes_where_the_uri_says(call):
            message = "open relay: requests of anybody for foreign domains are forwarded here"
            hint = f"ask for credentials with {self._effects.named(Does.AUTH_PROXY)}, or test src_ip, before it"
            self._report.add(codes.OPEN_RELAY, span, message, hint=hint)

    def _blame(self, span: tree.Span) -> bool:
        """Is this the first thing that is wrong after that reply or forwarding?"""
        first = span not in self._blamed
        self._blamed.add(span)
        return first

    def _too_late(self, call: tree.Call, relay: tree.Span) -> None:
        if not self._blame(relay):
            return
        related = (Related(relay, "forwarded here"),)
        message = f"{call.name.name} comes too late: the request was forwarded before"
        self._report.add(codes.TOO_LATE, call.span, message, hint="move it before the forwarding", related=related)

    def _late_loose_route(self, call: tree.Call, rewritten: tree.Span) -> None:
        related = (Related(rewritten, "rewritten here"),)
        name = call.name.name
        message = f"{name} comes after the destination was rewritten: requests within a dialog go astray"
        hint = f"call {name}() first"
        self._report.add(codes.LATE_LOOSE_ROUTE, call.span, message, hint=hint, related=related)


def _goes_where_the_uri_says(call: tree.Call) -> bool:
    """And not to a host that the script names."""
    first = call.arguments[0] if call.arguments else None
    return first is None or isinstance(first, tree.Word)


def _only_ack(state: State, only_ack: bool) -> State:
    return state if state.only_ack is only_ack else replace(state, only_ack=only_ack)


def _is_final(call: tree.Call) -> bool:
    """Is the code of this reply 200 or above? Yes if in doubt."""
    code = call.arguments[0] if call.arguments else None
    return not (isinstance(code, tree.String) and code.value.strip().startswith("1"))


def _compared(node: tree.Compare, state: State) -> tuple[list[State], list[State]]:
    """States where a comparison is true and where it is false; a way that is impossible has none."""
    name = node.operand.name
    equal = node.operator == "=="
    if name == "myself" and isinstance(node.value, tree.Word):
        name = node.value.name
    myself = node.operand.name == "myself" or isinstance(node.value, tree.Word) and node.value.name == "myself"
    if name in ("uri", "status"):
        state = replace(state, ignored_lookup=None)
    if node.operator in ("==", "!="):
        if name == "method":
            return _by_method(_text(node), state, equal)
        if name in ("uri", "status") and myself:
            return _by_domain(state, equal)
    if (
        name in ("src_ip", "from_uri", "src_port", "dst_ip", "uri", "status", "to_uri")
        and not myself
        or name == "src_ip"
    ):
        # Whoever tests these has thought of who may send what: the true side is nobody's open relay.
        vouched = replace(state, trusted=True)
        return ([vouched], [state]) if node.operator != "!=" else ([state], [vouched])
    return [state], [state]


def _by_method(method: str, state: State, equal: bool) -> tuple[list[State], list[State]]:
    same: list[State] = [replace(state, method=method)]
    other: list[State] = [state]
    if state.method:
        same, other = ([state], []) if state.method == method else ([], [state])
    return (same, other) if equal else (other, same)


def _by_domain(state: State, equal: bool) -> tuple[list[State], list[State]]:
    same: list[State] = [replace(state, local="yes")] if state.local != "no" else []
    other: list[State] = [replace(state, local="no")] if state.local != "yes" else []
    return (same, other) if equal else (other, same)


def _text(node: tree.Compare) -> str:
    value = node.value
    return (value.value if isinstance(value, tree.String) else getattr(value, "name", "")).upper()


def _bounded(states: States) -> States:
    """Too many to go on with each of them: nothing is known."""
    return states if len(states) <= _MOST_STATES else frozenset((_ANYTHING,))
