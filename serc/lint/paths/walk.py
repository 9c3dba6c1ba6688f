"""The ways that a request can take through the script, and what goes wrong on them.

Abstract interpretation: a State is what is known of a request at a place, a block turns states into states. What a
function that takes the request over may do is unknown, and so is all that comes after it: no warning rests on that.
"""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.paths.ahead import Ahead
from serc.lint.paths.leaving import ALL_CLEAR, Leaving
from serc.lint.paths.state import NONE, UNNAMED, Space, State, States, compared, in_ack_block
from serc.lint.paths.steps import ONLY_IF_TRUE, RELAYS, Steps
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, else_if, routes
from serc.resolve.effects import ends_route
from serc.resolve.routes import head_of, key_of

# A route is gone through with so many different states at most: else a file of n calls and n statements costs n * n.
_MOST_RUNS: Final = 60
# Its name in SER.
_MOST_CONTACTS: Final = "max_contacts"


def check_paths(subject: Subject, report: Report) -> None:
    paths = _Walk(subject, report)
    for route in routes(subject.file):
        if route.span in subject.broken:
            continue
        if key_of(route) == ("route", 0) and subject.graph.defined[key_of(route)] is route:
            paths.main(route)
        elif route.kind == "failure_route":
            paths.failure(route)
    paths.finish()


class _Walk:
    def __init__(self, subject: Subject, report: Report) -> None:
        self._subject = subject
        self._effects = subject.effects
        self._report = report
        self._bodies: dict[int, list[tree.Route]] = {}
        for route in routes(subject.file):
            if route.kind == "route" and route.span not in subject.broken:
                self._bodies.setdefault(key_of(route)[1], []).append(route)
        self._running: list[int] = []
        self._loose_route_ahead = Ahead(Does.LOOSE_ROUTE, subject.file, subject.effects, subject.graph)
        self._known: dict[int, dict[State, States]] = {}
        self._alone: dict[int, bool] = {}
        self._statements: dict[tuple[int, States], tuple[States, States]] = {}
        effects = {self._effects.of(call) for route in routes(subject.file) for call in calls(route.body)}
        verifies = bool(effects & {Does.AUTH_WWW, Does.AUTH_PROXY})
        self._forwards = Does.RELAY_STATEFUL in effects
        self._leaving = Leaving(subject.effects, routes(subject.file))
        self._space = Space()
        self._steps = Steps(
            subject.effects,
            subject.cures,
            verifies,
            self._flags_of_transactions(),
            list(routes(subject.file)),
            report,
            self._signs_routes(),
            self._bound_of_contacts(),
        )

    def _signs_routes(self) -> bool:
        """Does the module that follows Routes know those that it has written itself?"""
        return any(
            module.parameters.get("signed")
            for module in self._subject.bound.modules.loaded
            if any(f.does is Does.LOOSE_ROUTE for f in module.spec.functions)
        )

    def _bound_of_contacts(self) -> str:
        """The parameter that says how many contacts a user can have, where it sets no bound; "" where it does."""
        for module in self._subject.bound.modules.loaded:
            param = module.spec.param(_MOST_CONTACTS)
            saves = any(f.does is Does.SAVE for f in module.spec.functions)
            if saves and param is not None and module.parameters.get(param.name, param.default) == 0:
                return f'modparam("{module.spec.name}", "{param.name}", 5)'
        return ""

    def _flags_of_transactions(self) -> frozenset[int]:
        """Flags that modules look for in a transaction: it has those that the request had when it was forwarded."""
        return frozenset(
            value
            for module in self._subject.bound.modules.loaded
            for param in module.spec.params
            if param.name.endswith("flag")
            and "tm" in module.spec.needs
            and isinstance(value := module.parameters.get(param.name), int)
            and value > 0
        )

    def main(self, route: tree.Route) -> None:
        states = self._route_body(0, frozenset((self._space.nothing.but(left=ALL_CLEAR),)), keep_ended=False)
        left = [state for state in states if not state.handled and state.method != "ACK"]
        last = max((state.decision for state in left if state.decision is not None), default=None)
        for state in sorted(left, key=lambda s: (s.decision or route.span)):
            if state.decision is None or last is None or not self._subject.cures.is_sibling(state.decision, last):
                self._unanswered(route, state)

    def failure(self, route: tree.Route) -> None:
        start = self._space.nothing.but(
            handled=True, trusted=True, branch=False, failure=head_of(route), transaction=True, method=UNNAMED
        )
        states, ended = self._block(route.body, frozenset((start,)))
        ways = states | ended
        left = [state.appended for state in ways if state.appended is not None]
        if left and self._forwards and all(state.appended is not None or not state.branch for state in ways):
            self._never_forwarded(min(left))

    def _never_forwarded(self, branch: tree.Span) -> None:
        forward = self._effects.named(Does.RELAY_STATEFUL)
        message = "a branch is appended, and nothing is forwarded to it: the caller gets the failure"
        hint = f"call {forward}() behind it"
        fix = self._subject.cures.after(branch, f"{forward}();")
        self._report.add(codes.NO_BRANCH, branch, message, hint=hint, fix=fix)

    def finish(self) -> None:
        self._steps.finish()
        if any(d.code is codes.UNANSWERED for d in self._report.diagnostics):
            return  # what is not forwarded there is said
        self._steps.hang_ups.report(self._subject, self._report)

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
        ended: States = NONE
        self._running.append(number)
        for route in self._bodies[number]:
            if route is not self._bodies[number][0]:
                out = frozenset(
                    (self._space.anything,)
                )  # a second body was reported, and may be meant for another number
            out, stopped = self._block(route.body, out)
            ended |= stopped
        self._running.pop()
        return self._space.bounded(out | ended) if keep_ended else out

    def _block(self, block: tree.Block, states: States) -> tuple[States, States]:
        """States that reach the end of the block, and those that ended the route."""
        ended: set[State] = set()
        for statement in block.statements:
            if not states:
                break
            states, stopped = self._statement(statement, states)
            ended |= stopped
        return states, frozenset(ended)

    def _statement(self, statement: tree.Statement, states: States) -> tuple[States, States]:
        """What is known for the same statement and states is not found out again, unless there was something to report, or another
        route is called: how far that one is followed depends on what has been before.
        """
        key = id(statement), states
        found = self._statements.get(key)
        if found is None:
            remarks = self._steps.remarks.count
            found = self._followed(statement, states)
            if self._steps.remarks.count == remarks and self._calls_no_route(statement):
                self._statements[key] = found
        return found

    def _calls_no_route(self, statement: tree.Statement) -> bool:
        alone = self._alone.get(id(statement))
        if alone is None:
            alone = not any(call.name.name == "route" for call in calls(statement))
            self._alone[id(statement)] = alone
        return alone

    def _followed(self, statement: tree.Statement, states: States) -> tuple[States, States]:
        if isinstance(statement, tree.If):
            return self._if(statement, states)
        if isinstance(statement, tree.Block):
            return self._block(statement, states)
        if isinstance(statement, tree.Empty):
            return states, NONE
        if ends_route(statement):
            self._steps.hang_ups.ended(statement, states)
            return NONE, frozenset(s.but(handled=True) for s in states)
        if statement.name.name == "route":
            return self._route_call(statement, states), NONE
        out = frozenset(self._plain_call(statement, self._effects.of(statement), state) for state in states)
        return self._space.bounded(out), NONE

    def _route_call(self, call: tree.Call, states: States) -> States:
        argument = call.arguments[0] if call.arguments else None
        number = argument.value if isinstance(argument, tree.Number) else -1
        if number not in self._bodies or number in self._running:  # a route that is missing was reported already
            return frozenset((self._space.anything,))
        known = self._known.setdefault(number, {})
        out: States = NONE
        for state in states:
            if state not in known:
                if len(known) >= _MOST_RUNS:
                    return frozenset((self._space.anything,))
                known[state] = self._route_body(number, frozenset((in_ack_block(state, False),)))
            if state.reply is None and {
                each.reply is None for each in known[state] if not each.handled or each.reply
            } == {True, False}:
                self._steps.remarks.half_answered.add(call.span)
            out |= frozenset(in_ack_block(_went_on(state, each, call.span), state.only_ack) for each in known[state])
        return self._space.bounded(frozenset(self._without_rewrite(call, state) for state in out))

    def _without_rewrite(self, call: tree.Call, state: State) -> State:
        """Behind a call: where the URI was rewritten matters to a loose_route that comes later, and to branches of a failure_route."""
        if state.rewritten is None or state.failure is not None or not self._running:
            return state
        return state if self._loose_route_ahead.after(call, ("route", self._running[-1])) else state.but(rewritten=None)

    def _if(self, node: tree.If, states: States) -> tuple[States, States]:
        out, ended = NONE, NONE
        link: tree.If | None = node
        while link is not None and states:  # a loop, since chains of `else if` can be long
            node = link
            before = states
            yes, states = self._condition(node.condition, states)
            only_ack = all(s.method == "ACK" for s in yes) and _narrows_to_ack(before)
            reached, stopped = self._block(node.then, frozenset(in_ack_block(s, only_ack) for s in yes))
            out = self._space.bounded(out | frozenset(in_ack_block(s, False) for s in reached))
            ended |= stopped
            link = else_if(node)
        if node.otherwise is not None:
            other, stopped = self._block(node.otherwise, states) if link is None else (NONE, NONE)
            return self._space.bounded(out | other), ended | stopped
        # From `if` to the end of the condition.
        span = tree.Span(node.span.start, node.condition.span.end)
        return self._space.bounded(out | frozenset(s.but(decision=span) for s in states)), ended

    # --- conditions --------------------------------------------------------------------------------------------------

    def _condition(self, node: tree.Expression, states: States) -> tuple[States, States]:
        """States where it is true, and where it is false."""
        if isinstance(node, tree.Not):
            yes, no = self._condition(node.operand, states)
            return no, yes
        if isinstance(node, tree.And):
            yes, no = states, NONE
            for operand in node.operands:
                yes, otherwise = self._condition(operand, yes)
                no = self._space.bounded(no | otherwise)
            return yes, no
        if isinstance(node, tree.Or):
            yes, no = NONE, states
            for operand in node.operands:
                otherwise, no = self._condition(operand, no)
                yes = self._space.bounded(yes | otherwise)
            return yes, no
        if isinstance(node, tree.Compare):
            bound = self._subject.comparison(node)
            pairs = [compared(node, bound, state) for state in states]
        elif isinstance(node, tree.Number):
            # Reported already. What is behind it is there to try something out.
            any_way = frozenset(s.but(method=s.method or UNNAMED, trusted=True) for s in states)
            return (any_way, NONE) if node.value else (NONE, any_way)
        elif isinstance(node, tree.Call) and node.name.name != "route":
            pairs = [self._tested_call(node, state) for state in states]
        else:
            out = self._route_call(node, states) if isinstance(node, tree.Call) else self._statement(node, states)[0]
            return out, out
        yes = frozenset(state for pair in pairs for state in pair[0])
        return self._space.bounded(yes), self._space.bounded(frozenset(state for pair in pairs for state in pair[1]))

    def _tested_call(self, call: tree.Call, state: State) -> tuple[list[State], list[State]]:
        """A call whose result is looked at."""
        does = self._effects.of(call)
        left = self._leaving.tested(call, does, state)
        if left is not None:
            return left
        state = state.but(ignored_lookup=None) if does is Does.LOOKUP else state
        if does is Does.REPLY_STATEFUL:  # who looks at the result knows what to do without a transaction
            state = state.but(transaction=True)
        after = self._without_rewrite(call, self._steps.call(call, does, state))
        if does in (Does.REPLY, Does.REPLY_STATEFUL, Does.ERROR_REPLY, Does.ANSWER, Does.SAVE):
            return [after], [state.but(handled=True)]
        if does in RELAYS:
            return [after], [state.but(handled=True, relay_failed=True)]
        if does in ONLY_IF_TRUE:
            return [after], [state]
        if does is Does.AUTH_WWW:
            return [after], [state.but(failed_auth="www")]
        if does is Does.AUTH_PROXY:
            return [after], [state.but(failed_auth="proxy")]
        if does is Does.LIMIT:
            return [after], [state.but(limited=True)]
        return [after], [after]

    def _plain_call(self, call: tree.Call, does: Does | None, state: State) -> State:
        """A call whose result is not looked at."""
        after = self._leaving.after(call, does, self._without_rewrite(call, self._steps.call(call, does, state)))
        if does is Does.LOOKUP:
            return after.but(ignored_lookup=call.span)
        if does in (Does.LOOSE_ROUTE, Does.VOUCH, Does.AUTH_WWW, Does.AUTH_PROXY):
            return state.but(trusted=True)  # reported as an ignored result already
        return after


def _narrows_to_ack(states: States) -> bool:
    """Is an `if` that lets ACK alone in what keeps others out? Not where only ACKs come from elsewhere, as into a route."""
    return any(s.method != "ACK" or s.only_ack for s in states)


def _went_on(before: State, after: State, call: tree.Span) -> State:
    """The state behind a call of a route, which tells where an answer or a forwarding within it can be ended."""
    if after.reply is not None and before.reply is None:
        after = after.but(replied_in=call)
    if after.relay is not None and after.relay != before.relay:
        after = after.but(relayed_in=call)
    return after
