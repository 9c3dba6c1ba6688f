"""What a call does to what is known of a request, and what is wrong with calling it there."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from runtime.spec.effects import Does
from runtime.spec.operands import Tells
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, write
from serc.diagnostics.report import Code, Related, Report
from serc.diagnostics.suggest import nearest
from serc.lint.cures import Cures
from serc.lint.paths.challenges import Challenges
from serc.lint.paths.hang_ups import CANCEL, HangUps
from serc.lint.paths.recordings import Recordings
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
_OTHERS_NEED_IT: Final = "calls need it, or their later requests do not pass here"
# What ends a call for somebody behind this server, who never hears of it where it is answered and not forwarded.
_ENDS_CALLS: Final = {"CANCEL": "the phones go on ringing", "BYE": "the other side stays in the call"}
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
        self._cures = cures
        self._report = report
        self._challenges: Final = Challenges(effects, all_routes)
        self._recordings: Final = Recordings()
        # How often something was reported, or could have been: what a step does that does not change this depends on call and state alone.
        self.remarks = 0
        # Forwardings behind which something was reported: all the rest follows from the same missing break.
        self._blamed: set[tree.Span] = set()
        # Whether nothing but REGISTER comes to a Record-Route.
        self._recording: dict[tree.Call, bool] = {}
        # Answers to requests that have to reach somebody else.
        self._answered: dict[tree.Call, str] = {}
        # Calls that are taken by an answer without media.
        self._accepted: dict[tree.Call, None] = {}
        # Answers in transactions that are not there.
        self._without: list[tree.Call] = []
        self._openings: set[tree.Span] = set()
        self._preloads: set[tree.Span] = set()
        # Forwardings without a transaction, and whether nothing but CANCELs come to them.
        self._stateless: dict[tree.Call, bool] = {}
        # Flags that are set behind a forwarding: where something else is wrong there, that is what is to be told.
        self._late_flags: list[tuple[tree.Call, State]] = []
        self.hang_ups: Final = HangUps()
        # Calls of routes that answer some of the requests, and come back with others that wait for their fate.
        self.half_answered: Final[set[tree.Span]] = set()

    def call(self, call: tree.Call, does: Does | None, state: State) -> State:
        """The state behind a call that succeeds."""
        span = call.span
        if does is None:
            self.hang_ups.forwarded(state)
            return state.space.anything.but(method=state.method or UNNAMED, failure=state.failure)
        kept = state.transaction and state.failure is None and does in _BEFORE_TRANSACTION
        if (does in _BEFORE_RELAY or kept) and state.relay is not None and not state.relay_failed:
            self._too_late(call, state.relay, state.relayed_in)
        if state.saved is not None and does not in _CHECKS and does not in _BESIDE:
            state = state.but(saved=None)
        if does in _CHECKS and state.saved is not None and self._blame(state.saved):
            self._checked_late(call, state.saved)
        if does is Does.EDIT_CONTACT and state.saved is not None:
            self._changed_late(call, state.saved)
        if does is Does.EDIT_REPLY and state.reply is not None and self._blame(state.reply, state.replied_in):
            self._added_late(call, state.reply)
        if does is Does.SET_FLAG and state.relay is not None and not state.relay_failed and self._flag_is_late(call):
            self.remarks += 1
            self._late_flags.append((call, state))
        if does is Does.RECORD_ROUTE:
            return state if state.relay is not None or state.relay_failed else self._recorded(call, state)
        if does is Does.TEST_STATUS and not state.transaction:
            self._no_status(call)
        if does is Does.EDIT_URI and state.failure is not None:
            return state.but(edited=True)
        if does in _UNCHANGED:
            return state.but(tagged=True, preloaded=None) if _may_ask_for_tag(call, does) else state
        if does is Does.NEW_TRANSACTION:
            if state.relay is not None and not state.relay_failed:
                self._too_late(call, state.relay, state.relayed_in)
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
            self._early_branch(state.bare_branch, call)
        if does in (Does.LOOKUP, Does.REWRITE, Does.NEXT_TARGET):
            return state.but(trusted=True, local="", rewritten=span, ignored_lookup=None)
        if does is Does.LOOSE_ROUTE:
            if state.rewritten is not None and state.failure is None:
                self._late_loose_route(call, state.rewritten)
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
        name = call.name.name
        if does in (Does.CHALLENGE_WWW, Does.CHALLENGE_PROXY):
            self._challenge(call, does, state)
        if does is Does.ERROR_REPLY:
            return state.but(handled=True)
        if state.only_ack and not state.relay_failed and state.failure is None:
            hint = "an ACK is never answered: end the route, or forward it"
            self._tell(codes.REPLY_TO_ACK, call.span, f"{name} answers an ACK", hint=hint)
        if does in (Does.REPLY, Does.REPLY_STATEFUL) and not _is_final(call):
            return state
        if state.method == _INVITE and does is Does.REPLY and _is_success(call):
            self._accepted.setdefault(call)
        if state.method in _ENDS_CALLS and _is_success(call) and state.relay is None and state.failure is None:
            self._answered_here(call, state.method)
        if does is Does.REPLY and state.opened is not None:
            self._left_behind(state.opened, call, "answered without it here", self._effects.named(Does.REPLY_STATEFUL))
        may_be_late = state.failure is None or does is Does.REPLY_STATEFUL
        answered_late = state.relay is not None and not state.relay_failed and may_be_late
        if answered_late and state.relay is not None and self._blame(state.relay, state.relayed_in):
            related = (Related(state.relay, "forwarded here"),)
            message = "the request is answered here though it was forwarded before"
            forwarding = self._effects.named(Does.RELAY_STATEFUL)
            hint = f"write if (!{forwarding}()) before it, or a break between them"
            fix = self._cures.after(state.relay, "break;")
            self._tell(codes.REPLY_THEN_RELAY, call.span, message, hint=hint, related=related, fix=fix)
        else:
            self._goes_on(call, state, "another one follows", "and answered again here")
        if state.reply is not None:
            return state.but(handled=True)
        return state.but(handled=True, reply=call.span, replied_in=None)

    def _answered_here(self, call: tree.Call, method: str) -> None:
        """Told once for a call, however many ways lead to it."""
        self.remarks += 1
        self._answered.setdefault(call, method)

    def _saved(self, call: tree.Call, state: State) -> State:
        misspelt = state.method != _REGISTER and nearest(state.method, (_REGISTER,)) is not None  # which was said
        if state.method != _REGISTER and state.method.isalpha() | (not state.method) and not misspelt:
            message = f"{call.name.name} takes the contacts of any request: nothing lets only REGISTER come here"
            fix = self._cures.only_if(call.span, 'method == "REGISTER"')
            hint = 'write if (method == "REGISTER") before it'
            self._tell(codes.SAVE_ANY_METHOD, call.span, message, hint=hint, fix=fix)
        elif not state.trusted and not state.failed_auth and self._verifies:
            message = f"{call.name.name} takes the contacts of anybody here, though others have to prove who they are"
            verify, ask = self._effects.named(Does.AUTH_WWW), self._effects.named(Does.CHALLENGE_WWW)
            hint = f"write if (!{verify}(…)) {{ {ask}(…); break; }} before it"
            self._tell(codes.SAVE_UNVERIFIED, call.span, message, hint=hint)
            self._blame(call.span)  # a check that comes behind it comes too late
        elif not state.trusted and not state.failed_auth and self._bound_of_contacts:
            message = (
                f"{call.name.name} keeps any number of contacts of anybody here: a short REGISTER that only asks is answered with all of them, "
                "to whoever it says that it is from"
            )
            self._tell(codes.ANY_NUMBER, call.span, message, hint=f"write {self._bound_of_contacts}")
        self._goes_on(call, state, "the registration is saved all the same", "and saved here")
        state = state.but(handled=True, saved=state.saved or call.span)
        return state if state.reply is not None else state.but(reply=call.span, replied_in=None)

    def _checked_late(self, call: tree.Call, saved: tree.Span) -> None:
        related = (Related(saved, "the contacts are taken here"),)
        message = f"{call.name.name} comes too late: the contacts have been saved, and the answer has been sent"
        hint = f"move it before {self._effects.named(Does.SAVE)}"
        self._tell(codes.TOO_LATE, call.span, message, hint=hint, related=related)

    def _changed_late(self, call: tree.Call, saved: tree.Span) -> None:
        related = (Related(saved, "the contacts are taken here"),)
        name = self._effects.named(Does.SAVE)
        message = f"{call.name.name} comes too late: the contacts have been taken as they are"
        self._tell(codes.TOO_LATE, call.span, message, hint=f"call it before {name}", related=related)

    def _added_late(self, call: tree.Call, reply: tree.Span) -> None:
        related = (Related(reply, "answered here"),)
        message = f"{call.name.name} comes too late: the request has been answered, and the answer goes without it"
        self._tell(codes.TOO_LATE, call.span, message, hint="move it before the answer", related=related)

    def _flag_is_late(self, call: tree.Call) -> bool:
        """Is the flag one that a transaction takes along when it begins? Modules and the transaction's own routes look at those."""
        argument = call.arguments[0] if call.arguments else None
        return isinstance(argument, tree.Number) and argument.value in self._flags

    def _goes_on(self, call: tree.Call, state: State, what: str, here: str) -> bool:
        """Reports that `call` follows a final answer, once for each answer; False if there was nothing to report."""
        if state.reply is None or not self._blame(state.reply, state.replied_in):
            return False
        message = f"a final answer is sent, and {what}"
        related: tuple[Related, ...] = (Related(call.span, here),)
        hint, place = "write break after the reply", state.reply
        if state.replied_in is not None:
            related = (Related(state.reply, "the answer"), *related)
            message = message.replace("is sent", "is sent by the route that is called here")
            hint, place = "write break after the call", state.replied_in
        if state.replied_in in self.half_answered:
            hint = "write drop in the place of the break behind the answer: break ends that route alone, drop all of the script"
            self._tell(codes.REPLY_THEN_RELAY, place, message, hint=hint, related=related)
            return True
        fix = self._cures.after(place, "break;")
        self._tell(codes.REPLY_THEN_RELAY, place, message, hint=hint, related=related, fix=fix)
        return True

    def _challenge(self, call: tree.Call, does: Does, state: State) -> None:
        kind = "www" if does is Does.CHALLENGE_WWW else "proxy"
        if state.method == CANCEL and not state.handled:
            message = f"{call.name.name} asks for credentials in vain: a CANCEL cannot be sent again with them"
            hint = f"forward it with {self._effects.named(Does.RELAY_STATEFUL)}: it ends what was let through before"
            self._tell(codes.IN_VAIN, call.span, message, hint=hint)
        if state.failed_auth and state.failed_auth != kind:
            code = "401" if kind == "www" else "407"
            verified_www = state.failed_auth == "www"
            reader = self._effects.named(Does.AUTH_WWW if verified_www else Does.AUTH_PROXY)
            right = self._effects.named(Does.CHALLENGE_WWW if verified_www else Does.CHALLENGE_PROXY)
            message = f"{call.name.name} answers {code}, which does not make clients send what {reader} reads"
            hint = f"write {right}"
            fix = write(call.name.span, right, safe=False)
            self._tell(codes.CHALLENGE_MISMATCH, call.span, message, hint=hint, fix=fix)
        else:
            self._challenges.asked(call, state)

    def _no_transaction(self, call: tree.Call) -> None:
        self.remarks += 1
        if call not in self._without:
            self._without.append(call)

    def _tell_without(self, call: tree.Call, others: list[tree.Call]) -> None:
        """One transaction that is missing is one mistake, however many answers there are in it."""
        if any(d.code is codes.INVERTED_TEST and self._opens(d.span) for d in self._report.diagnostics):
            return
        opening, reply = self._effects.named(Does.NEW_TRANSACTION), self._effects.named(Does.REPLY)
        message = f"{call.name.name} answers in a transaction, and there is none here: nothing is sent"
        hint = f"call {opening}() first, or write {reply}"
        fix = write(call.name.span, reply, safe=False) if not others else None
        related = tuple(Related(other.span, "and here") for other in others)
        self._tell(codes.NO_TRANSACTION, call.span, message, hint=hint, fix=fix, related=related)

    def _opens(self, span: tree.Span) -> bool:
        return span in self._openings

    def _recorded(self, call: tree.Call, state: State) -> State:
        self._recordings.asked(call, state)
        self._recording[call] = self._recording.get(call, True) and state.method == _REGISTER
        if state.recorded is not None and state.recorded != call.span:
            related = (Related(state.recorded, "first asked for here"),)
            message = (
                f"{call.name.name} is called a second time: the request gets two Record-Route headers of this server"
            )
            self._tell(codes.RECORDED_TWICE, call.span, message, hint="remove one of the two", related=related)
        return state.but(recorded=state.recorded or call.span)

    def _no_status(self, call: tree.Call) -> None:
        message = f"{call.name.name} asks for the status of a transaction, and there is none here: this is never true"
        hint = "ask in a failure_route, or in an onreply_route"
        self._tell(codes.NO_TRANSACTION, call.span, message, hint=hint)

    def _left_behind(self, opened: tree.Span, call: tree.Call, what: str, better: str) -> None:
        related = (Related(opened, "the transaction is opened here"),)
        message = (
            f"{call.name.name} knows nothing of the transaction that was opened: it is {what.removesuffix(' here')}"
        )
        hint = f"write {better}, which uses it"
        is_like = self._effects.of(call) is Does.REPLY or not call.arguments
        fix = write(call.name.span, better, safe=False) if is_like else None
        self._tell(codes.TRANSACTION_LEFT, call.span, message, hint=hint, related=related, fix=fix)

    def _early_branch(self, branch: tree.Span, call: tree.Call) -> None:
        name = self._effects.named(Does.APPEND_BRANCH)
        related = (Related(call.span, "rewritten here"),)
        message = f"{name} comes before the URI is rewritten: the branch goes where the request has failed already"
        hint = f"call {name}() after the rewrite"
        self._tell(codes.BRANCH_TOO_EARLY, branch, message, hint=hint, related=related)

    def _same_branch(self, branch: tree.Span) -> None:
        name = self._effects.named(Does.APPEND_BRANCH)
        message = f"{name} adds the URI that has failed already: the request goes there once more"
        hint = f"rewrite it before {name}()"
        self._tell(codes.BRANCH_TOO_EARLY, branch, message, hint=hint)

    @cached_property
    def _has_transactions(self) -> bool:
        return any(self._effects.of(c) is Does.RELAY_STATEFUL for route in self._routes for c in calls(route.body))

    def _stateless_cancel(self, call: tree.Call) -> None:
        forward = self._effects.named(Does.RELAY_STATEFUL)
        message = f"{call.name.name} sends a CANCEL without the transaction of its INVITE: nobody knows it there, and the phones go on ringing"
        fix = write(call.span, f"{forward}()", safe=False)
        self._tell(codes.TRANSACTION_LEFT, call.span, message, hint=f"write {forward}()", fix=fix)

    def _relayed(self, call: tree.Call, state: State) -> None:
        """A request is forwarded: everything that should have been done before."""
        span = call.span
        self._recordings.forwarded(call, state)
        if state.opened is not None and self._effects.of(call) is Does.RELAY:
            better = self._effects.named(Does.RELAY_STATEFUL)
            self._left_behind(state.opened, call, "forwarded without it here", better)
        if state.reply is not None:
            # With the break that is missing nothing else of this happens.
            self._goes_on(call, state, "the request is forwarded all the same", "and forwarded here")
            return
        if state.relay is not None and self._effects.of(call) is Does.RELAY_STATEFUL and not state.relay_failed:
            if self._blame(state.relay, state.relayed_in):
                self._forwarded_twice(span, state.relay, state.relayed_in)
        if state.ignored_lookup is not None:
            related = (Related(span, "forwarded here"),)
            lookup, reply = self._effects.named(Does.LOOKUP), self._effects.named(Does.REPLY)
            message = (
                f"the result of {lookup} is ignored: requests for users who are not registered come back to this server"
            )
            hint = f'write if (!{lookup}(…)) {{ {reply}("404", "Not Found"); break; }}'
            tail = f') {{ {reply}("404", "Not Found"); break; }}'
            fix = self._cures.tested(state.ignored_lookup, "if (!", tail)
            self._tell(codes.IGNORED_RESULT, state.ignored_lookup, message, hint=hint, related=related, fix=fix)
        if state.credentials is not None and not any(d.code is codes.WRONG_ORDER for d in self._report.diagnostics):
            related = (Related(span, "forwarded here"),)
            message = "the credentials of the caller are forwarded to the callee"
            remove, verify = self._effects.named(Does.CONSUME_CREDENTIALS), self._effects.named(Does.AUTH_PROXY)
            hint = f"call {remove}() after {verify} succeeded"
            fix = self._cures.before(span, f"{remove}();")
            self._tell(codes.CREDENTIALS_KEPT, state.credentials, message, hint=hint, related=related, fix=fix)
        if not state.branch and state.failure is not None and self._effects.of(call) is Does.RELAY_STATEFUL:
            related = (Related(state.failure, "in this failure_route"),)
            self._blame(span)
            message = "a failure_route forwards only to branches that it appended: there is none here"
            branch = self._effects.named(Does.APPEND_BRANCH)
            fix = self._cures.before(span, f"{branch}();")
            hint = f"call {branch}() before it"
            self._tell(codes.NO_BRANCH, span, message, hint=hint, related=related, fix=fix)
        if state.bare_branch is not None and not state.edited and not call.arguments:
            self._same_branch(state.bare_branch)
        if state.method == CANCEL and self._effects.of(call) is Does.RELAY and self._has_transactions:
            self._stateless.setdefault(call, True)
        elif self._effects.of(call) is Does.RELAY:
            self._stateless[call] = False
        is_stateless = self._effects.of(call) is Does.RELAY and bool(call.arguments)
        if state.preloaded is not None and state.method not in _BEGIN_NOTHING:
            self._preloaded(state.preloaded, span)
        if (
            not state.trusted
            and state.method not in _NEVER_CHALLENGED
            and not any(d.code is codes.INVERTED_TEST for d in self._report.diagnostics)
            and _goes_where_the_uri_says(call)
            and (state.local == "no" or not state.local and is_stateless)
        ):
            message = "open relay: requests of anybody for foreign domains are forwarded here"
            hint = f"ask for credentials with {self._effects.named(Does.AUTH_PROXY)}, or test {self._effects.test_of(Tells.SENDER)}, before it"
            self._tell(codes.OPEN_RELAY, span, message, hint=hint)

    def _tell(
        self,
        code: Code,
        span: tree.Span,
        message: str,
        *,
        hint: str = "",
        related: tuple[Related, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        self.remarks += 1
        self._report.add(code, span, message, hint=hint, related=related, fix=fix)

    def _forwarded_twice(self, span: tree.Span, first: tree.Span, called: tree.Span | None) -> None:
        """`called`: the route that forwarded it first was called here, and came back."""
        related: tuple[Related, ...] = (Related(first, "first forwarded here"),)
        message, hint = "the request is forwarded a second time", "write break after the first"
        if called is None:
            fix = self._cures.after(first, "break;")
            self._tell(codes.RELAYED_TWICE, span, message, hint=hint, related=related, fix=fix)
            return
        related = (*related, Related(span, "and again here"))
        message = "the route that is called here forwards the request, and it is forwarded a second time"
        fix = self._cures.after(called, "break;")
        self._tell(codes.RELAYED_TWICE, called, message, hint="write break after it", related=related, fix=fix)

    def finish(self) -> None:
        """When all ways have been gone: what was to be told only if nothing else was."""
        for call in (each for each, is_vain in self._recording.items() if is_vain):
            message = f"{call.name.name} does nothing for a REGISTER: it begins no dialog"
            hint = f'was if (method != "REGISTER") meant? {_OTHERS_NEED_IT}'
            self._tell(codes.IN_VAIN, call.span, message, hint=hint)
        self._recordings.report(self._effects, self._routes, self._report)
        relays = any(self._effects.of(call) in RELAYS for route in self._routes for call in calls(route.body))
        for call, method in self._answered.items() if relays else ():
            if call.span not in self._blamed:  # where it is forwarded behind the answer, that is what was told
                forward = self._effects.named(Does.RELAY_STATEFUL)
                message = f"a {method} is answered here and not forwarded: {_ENDS_CALLS[method]}"
                self._tell(codes.ENDED_HERE, call.span, message, hint=f"write {forward}()")
        self._challenges.report(self._report)
        for call in self._accepted:
            message = f"{call.name.name} takes the call: the caller hears nothing, and has to pay for it"
            hint = "forward it, or refuse it with a code from 300 on"
            self._tell(codes.ENDED_HERE, call.span, message, hint=hint)
        for route in self._routes:
            here = [c for c in self._without if route.span.start <= c.span.start < route.span.end]
            if here:
                here.sort(key=lambda call: call.span.start)
                self._tell_without(here[0], here[1:])
        for call in (each for each, is_cancel in self._stateless.items() if is_cancel):
            self._stateless_cancel(call)
        for call, state in self._late_flags:
            if state.relay is not None and self._blame(state.relay, state.relayed_in):
                self._report_late(call, state.relay, state.relayed_in)

    def _blame(self, span: tree.Span, called: tree.Span | None = None) -> bool:
        """Is this the first thing that is wrong after that reply or forwarding, or after the call of a route that did it?"""
        self.remarks += 1
        first = span not in self._blamed and called not in self._blamed
        self._blamed.add(span)
        if called is not None:
            self._blamed.add(called)
        return first

    def _too_late(self, call: tree.Call, relay: tree.Span, called: tree.Span | None) -> None:
        if self._blame(relay, called):
            self._report_late(call, relay, called)

    def _report_late(self, call: tree.Call, relay: tree.Span, called: tree.Span | None) -> None:
        place = called or relay
        if self._cures.is_left(place, call.span):
            related: tuple[Related, ...] = (Related(call.span, "and goes on here"),)
            message = f"the request is forwarded here, and the script goes on: {call.name.name} comes too late"
            fix = self._cures.after(place, "break;")
            self._tell(codes.TOO_LATE, place, message, hint="write break after it", related=related, fix=fix)
            return
        related = (Related(relay, "forwarded here"),)
        message = f"{call.name.name} comes too late: the request was forwarded before"
        self._tell(codes.TOO_LATE, call.span, message, hint="move it before the forwarding", related=related)

    def _preloaded(self, loose: tree.Span, relay: tree.Span) -> None:
        """Told once for a loose_route, however many ways lead on from it."""
        self.remarks += 1
        if loose in self._preloads:
            return
        self._preloads.add(loose)
        related = (Related(relay, "forwarded here, without a question"),)
        name, test = self._effects.named(Does.LOOSE_ROUTE), self._effects.named(Does.IN_DIALOG)
        message = (
            f"who writes a Route into a new request chooses where this server sends it: {name} is true for those, too"
        )
        refusal = f'{self._effects.named(Does.REPLY)}("403", "Preloaded Route")'
        hint = f'write if (!{test}()) {{ if (method != "ACK") {refusal}; break; }} behind it'
        self._report.add(codes.PRELOADED_ROUTE, loose, message, hint=hint, related=related)

    def _late_loose_route(self, call: tree.Call, rewritten: tree.Span) -> None:
        related = (Related(rewritten, "rewritten here"),)
        name = call.name.name
        message = f"{name} comes after the destination was rewritten: requests within a dialog go astray"
        hint = f"call {name}() first"
        self._tell(codes.LATE_LOOSE_ROUTE, call.span, message, hint=hint, related=related)


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
