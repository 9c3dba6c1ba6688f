"""What a call does to what is known of a request, and what is wrong with calling it there."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.diagnostics.suggest import nearest
from serc.lint.cures import Cures
from serc.lint.paths.challenges import Challenges
from serc.lint.paths.hang_ups import CANCEL, HangUps
from serc.lint.paths.recordings import Recordings
from serc.lint.paths.remarks import ENDS_CALLS, Remarks
from serc.lint.paths.state import UNNAMED, State
from serc.reading import tree
from serc.reading.walk import calls
from serc.resolve.effects import Effects

# What counts for requests that are forwarded afterwards.
_BEFORE_RELAY: Final = frozenset(
    (Does.ARM, Does.RECORD_ROUTE, Does.APPEND_BRANCH, Does.EDIT, Does.EDIT_BOTH_WAYS, Does.AUTH_WWW, Does.AUTH_PROXY)
)
# What a transaction that has begun knows nothing of any more.
_BEFORE_TRANSACTION: Final = frozenset((Does.EDIT_URI, Does.REWRITE))
_UNCHANGED: Final = frozenset(
    (
        *(
            Does.NOTHING,
            Does.IN_DIALOG,
            Does.LOG,
            Does.CHECK_HOPS,
            Does.EDIT,
            Does.EDIT_BOTH_WAYS,
            Does.EDIT_URI,
            Does.IDENTIFY,
            Does.IDENTIFY_CALLEE,
            Does.EDIT_REPLY,
            Does.SET_FLAG,
            Does.CLEAR_FLAG,
            Does.TEST_FLAG,
            Does.TEST_STATUS,
        ),
        *(Does.ARM, Does.COPY, Does.LIMIT, Does.EDIT_CONTACT),
    )
)
# Who verifies somebody does it before the contacts are taken.
_CHECKS: Final = frozenset((Does.IDENTIFY, Does.IDENTIFY_CALLEE, Does.AUTH_WWW, Does.AUTH_PROXY))
# They leave the question of who sent it open.
_BESIDE: Final = frozenset((Does.LOG, Does.TEST_FLAG, Does.CLEAR_FLAG, Does.EDIT_CONTACT, Does.CONSUME_CREDENTIALS))
ONLY_IF_TRUE: Final = frozenset(
    (
        *(Does.LOOKUP, Does.LOOSE_ROUTE, Does.VOUCH, Does.REWRITE, Does.MAY_REWRITE, Does.SETTLE),
        *(Does.NEW_TRANSACTION, Does.FIND_TRANSACTION),
    )
)
_REGISTER: Final = "REGISTER"
_INVITE: Final = "INVITE"
# Nobody can be asked for credentials by these. RFC 3261 22.1.
_NEVER_CHALLENGED: Final = frozenset(("ACK", "CANCEL"))
# They begin nothing: whoever sends one to a gateway gets no call. RFC 3261 15.1, RFC 3262, RFC 3311.
_BEGIN_NOTHING: Final = _NEVER_CHALLENGED | {"BYE", "PRACK", "UPDATE"}
RELAYS: Final = frozenset((Does.RELAY, Does.RELAY_STATEFUL))


class Steps:
    """Takes states from before a call to behind it, and reports."""

    def __init__(
        self,
        effects: Effects,
        cures: Cures,
        verifies: bool,
        flags: frozenset[int],
        all_routes: list[tree.Route],
        report: Report,
        signed: bool = False,
        bound_of_contacts: str = "",
    ) -> None:
        """`verifies`: somebody's credentials are verified somewhere. `flags`: those that a transaction is asked for. `signed`: only Routes of our own
        making are followed. `bound_of_contacts`: what would bound the contacts of a user, "" where they are bounded.
        """
        self._signed: Final = signed
        self._bound_of_contacts: Final = bound_of_contacts
        self._routes = all_routes
        self._flags = flags
        self._effects = effects
        self._verifies = verifies
        # What a step does that does not change the number of remarks depends on call and state alone.
        self.remarks: Final = Remarks(effects, cures, report)
        self._report = report
        self._challenges: Final = Challenges(effects, all_routes)
        self._recordings: Final = Recordings()
        # Whether nothing but REGISTER comes to a Record-Route.
        self._recording: dict[tree.Call, bool] = {}
        # Answers to requests that have to reach somebody else.
        self._answered: dict[tree.Call, str] = {}
        # Calls that are taken by an answer without media.
        self._accepted: dict[tree.Call, None] = {}
        # Answers in transactions that are not there.
        self._without: list[tree.Call] = []
        self._openings: set[tree.Span] = set()
        # Forwardings without a transaction, and whether nothing but CANCELs come to them.
        self._stateless: dict[tree.Call, bool] = {}
        # Flags that are set behind a forwarding: where something else is wrong there, that is what is to be told.
        self._late_flags: list[tuple[tree.Call, State]] = []
        self.hang_ups: Final = HangUps()

    def call(self, call: tree.Call, does: Does | None, state: State) -> State:
        """The state behind a call that succeeds."""
        if does is None:
            self.hang_ups.forwarded(state)
            return state.space.anything.but(method=state.method or UNNAMED, failure=state.failure)
        kept = state.transaction and state.failure is None and does in _BEFORE_TRANSACTION
        if (does in _BEFORE_RELAY or kept) and state.relay is not None and not state.relay_failed:
            self.remarks.too_late(call, state.relay, state.relayed_in)
        if state.saved is not None and does not in _CHECKS and does not in _BESIDE:
            state = state.but(saved=None)
        if does in _CHECKS and state.saved is not None and self.remarks.is_first(state.saved):
            self.remarks.checked_late(call, state.saved)
        if does is Does.EDIT_CONTACT and state.saved is not None:
            self.remarks.changed_late(call, state.saved)
        if does is Does.EDIT_REPLY and state.reply is not None and self.remarks.is_first(state.reply, state.replied_in):
            self.remarks.added_late(call, state.reply)
        if does is Does.SET_FLAG and state.relay is not None and not state.relay_failed and self._flag_is_late(call):
            self.remarks.count += 1
            self._late_flags.append((call, state))
        if does is Does.RECORD_ROUTE:
            return state if state.relay is not None or state.relay_failed else self._recorded(call, state)
        if does is Does.TEST_STATUS and not state.transaction:
            self.remarks.no_status(call)
        if does is Does.EDIT_URI and state.failure is not None:
            return state.but(edited=True)
        return self._behind(call, does, state)

    def _behind(self, call: tree.Call, does: Does, state: State) -> State:
        """What is known behind it."""
        span = call.span
        if does in _UNCHANGED:
            return state.but(tagged=True, preloaded=None) if _may_ask_for_tag(call, does) else state
        if does is Does.NEW_TRANSACTION:
            if state.relay is not None and not state.relay_failed:
                self.remarks.too_late(call, state.relay, state.relayed_in)
            self._openings.add(span)
            return state.but(transaction=True, opened=span)
        if does is Does.FIND_TRANSACTION:
            return state.but(transaction=True)
        if does is Does.REPLY_STATEFUL and not state.transaction:
            self._no_transaction(call)
        if does in (Does.REPLY, Does.REPLY_STATEFUL, Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY, Does.ERROR_REPLY):
            return self._reply(call, does, state)
        if does in (Does.ANSWER, Does.SETTLE):
            return state.but(handled=True)
        if does in RELAYS:
            self.hang_ups.forwarded(state)
            self._relayed(call, state)
            stateful = does is Does.RELAY_STATEFUL
            transaction = state.transaction or stateful
            return state.but(handled=True, relay=span, relayed_in=None, appended=None, transaction=transaction)
        if does is Does.SAVE:
            return self._saved(call, state)
        if does is Does.MAY_REWRITE:
            edited = state.edited or state.failure is not None
            return state.but(trusted=True, local="", ignored_lookup=None, edited=edited)
        if does is Does.REVERT_URI:
            edited = state.edited or state.failure is not None
            return state.but(trusted=True, local="", rewritten=None, ignored_lookup=None, edited=edited)
        if does is Does.NEXT_TARGET and state.failure is not None:
            return state.but(trusted=True, branch=True)
        if does in (Does.LOOKUP, Does.REWRITE) and state.bare_branch is not None:
            self.remarks.early_branch(state.bare_branch, call)
        if does in (Does.LOOKUP, Does.REWRITE, Does.NEXT_TARGET):
            return state.but(trusted=True, local="", rewritten=span, ignored_lookup=None)
        if does is Does.LOOSE_ROUTE:
            if state.rewritten is not None and state.failure is None:
                self.remarks.late_loose_route(call, state.rewritten)
            preloaded = None if state.trusted or state.tagged or self._signed else span
            return state.but(trusted=True).but(local="", in_dialog=True, preloaded=preloaded)
        if does is Does.AUTH_PROXY:
            # `handled` is no answer here: what an unknown function has done with it nobody knows.
            is_over = state.relay is not None or state.reply is not None or state.relay_failed
            return state.but(trusted=True, credentials=None if is_over else span, failed_auth="")
        if does is Does.CONSUME_CREDENTIALS:
            return state.but(credentials=None)
        if does is Does.APPEND_BRANCH:
            bare = call.span if state.failure is not None and state.rewritten is None and not call.arguments else None
            appended = call.span if state.failure is not None and state.relay is None else None
            return state.but(branch=True, bare_branch=bare, appended=appended)
        return state.but(trusted=True, failed_auth="")

    def _reply(self, call: tree.Call, does: Does, state: State) -> State:
        if does in (Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY):
            self._challenge(call, does, state)
        if does is Does.ERROR_REPLY:
            return state.but(handled=True)
        if state.only_ack and not state.relay_failed and state.failure is None:
            self.remarks.answers_ack(call)
        if does in (Does.REPLY, Does.REPLY_STATEFUL) and not _is_final(call):
            return state
        if state.method == _INVITE and does is Does.REPLY and _is_success(call):
            self._accepted.setdefault(call)
        if state.method in ENDS_CALLS and _is_success(call) and state.relay is None and state.failure is None:
            self._answered_here(call, state.method)
        if does is Does.REPLY and state.opened is not None:
            self.remarks.left_behind(
                state.opened, call, "answered without it here", self._effects.named(Does.REPLY_STATEFUL)
            )
        may_be_late = state.failure is None or does is Does.REPLY_STATEFUL
        answered_late = state.relay is not None and not state.relay_failed and may_be_late
        if answered_late and state.relay is not None and self.remarks.is_first(state.relay, state.relayed_in):
            self.remarks.answered_late(call, state.relay)
        else:
            self.remarks.goes_on(call, state, "another one follows", "and answered again here")
        if state.reply is not None:
            return state.but(handled=True)
        return state.but(handled=True, reply=call.span, replied_in=None)

    def _answered_here(self, call: tree.Call, method: str) -> None:
        """Told once for a call, however many ways lead to it."""
        self.remarks.count += 1
        self._answered.setdefault(call, method)

    def _saved(self, call: tree.Call, state: State) -> State:
        misspelt = state.method != _REGISTER and nearest(state.method, (_REGISTER,)) is not None  # which was said
        if state.method != _REGISTER and state.method.isalpha() | (not state.method) and not misspelt:
            self.remarks.saves_any_method(call)
        elif not state.trusted and not state.failed_auth and self._verifies:
            self.remarks.saves_unverified(call)
        elif not state.trusted and not state.failed_auth and self._bound_of_contacts:
            self.remarks.saves_any_number(call, self._bound_of_contacts)
        self.remarks.goes_on(call, state, "the registration is saved all the same", "and saved here")
        state = state.but(handled=True, saved=state.saved or call.span)
        return state if state.reply is not None else state.but(reply=call.span, replied_in=None)

    def _flag_is_late(self, call: tree.Call) -> bool:
        """Is the flag one that a transaction takes along when it begins? Modules and the transaction's own routes look at those."""
        argument = call.arguments[0] if call.arguments else None
        return isinstance(argument, tree.Number) and argument.value in self._flags

    def _challenge(self, call: tree.Call, does: Does, state: State) -> None:
        kind = "www" if does is Does.CHALLENGE_WWW else "proxy"
        if state.method == CANCEL and not state.handled:
            self.remarks.asks_in_vain(call)
        if state.failed_auth and state.failed_auth != kind:
            self.remarks.asks_for_others(call, kind, state.failed_auth)
        else:
            self._challenges.asked(call, state)

    def _no_transaction(self, call: tree.Call) -> None:
        self.remarks.count += 1
        if call not in self._without:
            self._without.append(call)

    def _recorded(self, call: tree.Call, state: State) -> State:
        self._recordings.asked(call, state)
        self._recording[call] = self._recording.get(call, True) and state.method == _REGISTER
        if state.recorded is not None and state.recorded != call.span:
            self.remarks.recorded_twice(call, state.recorded)
        return state.but(recorded=state.recorded or call.span)

    @cached_property
    def _has_transactions(self) -> bool:
        return any(self._effects.of(c) is Does.RELAY_STATEFUL for route in self._routes for c in calls(route.body))

    def _relayed(self, call: tree.Call, state: State) -> None:
        """A request is forwarded: everything that should have been done before."""
        span = call.span
        self._recordings.forwarded(call, state)
        if state.opened is not None and self._effects.of(call) is Does.RELAY:
            better = self._effects.named(Does.RELAY_STATEFUL)
            self.remarks.left_behind(state.opened, call, "forwarded without it here", better)
        if state.reply is not None:
            # With the break that is missing nothing else of this happens.
            self.remarks.goes_on(call, state, "the request is forwarded all the same", "and forwarded here")
            return
        if state.relay is not None and self._effects.of(call) is Does.RELAY_STATEFUL and not state.relay_failed:
            if self.remarks.is_first(state.relay, state.relayed_in):
                self.remarks.forwarded_twice(span, state.relay, state.relayed_in)
        if state.ignored_lookup is not None:
            self.remarks.ignored_lookup(state.ignored_lookup, span)
        if state.credentials is not None and not self.remarks.has_told(codes.WRONG_ORDER):
            self.remarks.credentials_kept(state.credentials, span)
        if not state.branch and state.failure is not None and self._effects.of(call) is Does.RELAY_STATEFUL:
            self.remarks.no_branch(span, state.failure)
        if state.bare_branch is not None and not state.edited and not call.arguments:
            self.remarks.same_branch(state.bare_branch)
        if state.method == CANCEL and self._effects.of(call) is Does.RELAY and self._has_transactions:
            self._stateless.setdefault(call, True)
        elif self._effects.of(call) is Does.RELAY:
            self._stateless[call] = False
        is_stateless = self._effects.of(call) is Does.RELAY and bool(call.arguments)
        if state.preloaded is not None and state.method not in _BEGIN_NOTHING:
            self.remarks.preloaded(state.preloaded, span)
        if (
            not state.trusted
            and state.method not in _NEVER_CHALLENGED
            and not self.remarks.has_told(codes.INVERTED_TEST)
            and _goes_where_the_uri_says(call)
            and (state.local == "no" or not state.local and is_stateless)
        ):
            self.remarks.open_relay(span)

    def finish(self) -> None:
        """When all ways have been gone: what was to be told only if nothing else was."""
        for call in (each for each, is_vain in self._recording.items() if is_vain):
            self.remarks.records_in_vain(call)
        self._recordings.report(self._effects, self._routes, self._report)
        relays = any(self._effects.of(call) in RELAYS for route in self._routes for call in calls(route.body))
        for call, method in self._answered.items() if relays else ():
            if not self.remarks.has_blamed(call.span):  # where it is forwarded behind the answer, that is what was told
                self.remarks.ended_here(call, method)
        self._challenges.report(self._report)
        for call in self._accepted:
            self.remarks.taken_here(call)
        for route in self._routes:
            here = [c for c in self._without if route.span.start <= c.span.start < route.span.end]
            if here and not self.remarks.has_told_of(codes.INVERTED_TEST, self._openings):
                here.sort(key=lambda call: call.span.start)
                self.remarks.no_transaction(here[0], here[1:])
        for call in (each for each, is_cancel in self._stateless.items() if is_cancel):
            self.remarks.stateless_cancel(call)
        for call, state in self._late_flags:
            if state.relay is not None and self.remarks.is_first(state.relay, state.relayed_in):
                self.remarks.report_late(call, state.relay, state.relayed_in)


def _may_ask_for_tag(call: tree.Call, does: Does) -> bool:
    """Does it, or does it look for a text such as `^To:.*;tag=`?"""
    texts = [a.value for a in call.arguments if isinstance(a, tree.String)] if does is Does.NOTHING else []
    return does is Does.IN_DIALOG or any("tag" in text for text in texts)


def _goes_where_the_uri_says(call: tree.Call) -> bool:
    """And not to a host that the script names."""
    first = call.arguments[0] if call.arguments else None
    return first is None or isinstance(first, tree.Word)


def _is_final(call: tree.Call) -> bool:
    """Is the code of this reply 200 or above? Yes if in doubt."""
    code = call.arguments[0] if call.arguments else None
    return not (isinstance(code, tree.String) and code.value.strip().startswith("1"))


def _is_success(call: tree.Call) -> bool:
    code = call.arguments[0] if call.arguments else None
    return isinstance(code, tree.String) and code.value.strip().startswith("2")
