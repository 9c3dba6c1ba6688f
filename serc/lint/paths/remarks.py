"""What is said of a call, with its cure; steps.py decides of which one."""

from __future__ import annotations

from typing import Final

from runtime.spec.effects import Does
from runtime.spec.operands import Tells
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, write
from serc.diagnostics.report import Code, Related, Report
from serc.lint.cures import Cures
from serc.lint.paths.state import State
from serc.reading import tree
from serc.resolve.effects import Effects

_OTHERS_NEED_IT: Final = "calls need it, or their later requests do not pass here"
# What ends a call for somebody behind this server, who never hears of it where it is answered and not forwarded.
ENDS_CALLS: Final = {"CANCEL": "the phones go on ringing", "BYE": "the other side stays in the call"}


class Remarks:
    """Tells what is wrong. Of what follows from one missing break the first thing is told (`is_first`)."""

    def __init__(self, effects: Effects, cures: Cures, report: Report) -> None:
        self._effects: Final = effects
        self._cures: Final = cures
        self._report: Final = report
        # How often something was reported, or could have been.
        self.count = 0
        # Answers and forwardings behind which something was reported: all the rest follows from the same missing break.
        self._blamed: Final[set[tree.Span]] = set()
        self._preloads: Final[set[tree.Span]] = set()
        # Calls of routes that answer some of the requests, and come back with others that wait for their fate.
        self.half_answered: Final[set[tree.Span]] = set()

    def is_first(self, span: tree.Span, called: tree.Span | None = None) -> bool:
        """Is this the first thing that is wrong after that reply or forwarding, or after the call of a route that did it?"""
        self.count += 1
        first = span not in self._blamed and called not in self._blamed
        self._blamed.add(span)
        if called is not None:
            self._blamed.add(called)
        return first

    def has_blamed(self, span: tree.Span) -> bool:
        return span in self._blamed

    def has_told(self, code: Code) -> bool:
        """Also by another check."""
        return any(d.code is code for d in self._report.diagnostics)

    def has_told_of(self, code: Code, spans: set[tree.Span]) -> bool:
        return any(d.code is code and d.span in spans for d in self._report.diagnostics)

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
        self.count += 1
        self._report.add(code, span, message, hint=hint, related=related, fix=fix)

    # --- what a call comes too late for --------------------------------------------------------------------------------

    def too_late(self, call: tree.Call, relay: tree.Span, called: tree.Span | None) -> None:
        if self.is_first(relay, called):
            self.report_late(call, relay, called)

    def report_late(self, call: tree.Call, relay: tree.Span, called: tree.Span | None) -> None:
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

    def checked_late(self, call: tree.Call, saved: tree.Span) -> None:
        related = (Related(saved, "the contacts are taken here"),)
        message = f"{call.name.name} comes too late: the contacts have been saved, and the answer has been sent"
        hint = f"move it before {self._effects.named(Does.SAVE)}"
        self._tell(codes.TOO_LATE, call.span, message, hint=hint, related=related)

    def changed_late(self, call: tree.Call, saved: tree.Span) -> None:
        related = (Related(saved, "the contacts are taken here"),)
        name = self._effects.named(Does.SAVE)
        message = f"{call.name.name} comes too late: the contacts have been taken as they are"
        self._tell(codes.TOO_LATE, call.span, message, hint=f"call it before {name}", related=related)

    def added_late(self, call: tree.Call, reply: tree.Span) -> None:
        related = (Related(reply, "answered here"),)
        message = f"{call.name.name} comes too late: the request has been answered, and the answer goes without it"
        self._tell(codes.TOO_LATE, call.span, message, hint="move it before the answer", related=related)

    def answered_late(self, call: tree.Call, relay: tree.Span) -> None:
        related = (Related(relay, "forwarded here"),)
        message = "the request is answered here though it was forwarded before"
        forwarding = self._effects.named(Does.RELAY_STATEFUL)
        hint = f"write if (!{forwarding}()) before it, or a break between them"
        fix = self._cures.after(relay, "break;")
        self._tell(codes.REPLY_THEN_RELAY, call.span, message, hint=hint, related=related, fix=fix)

    def late_loose_route(self, call: tree.Call, rewritten: tree.Span) -> None:
        related = (Related(rewritten, "rewritten here"),)
        name = call.name.name
        message = f"{name} comes after the destination was rewritten: requests within a dialog go astray"
        hint = f"call {name}() first"
        self._tell(codes.LATE_LOOSE_ROUTE, call.span, message, hint=hint, related=related)

    def goes_on(self, call: tree.Call, state: State, what: str, here: str) -> None:
        """`call` follows a final answer, if there was one; told once for each answer."""
        if state.reply is None or not self.is_first(state.reply, state.replied_in):
            return
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
            return
        fix = self._cures.after(place, "break;")
        self._tell(codes.REPLY_THEN_RELAY, place, message, hint=hint, related=related, fix=fix)

    def forwarded_twice(self, span: tree.Span, first: tree.Span, called: tree.Span | None) -> None:
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

    # --- answers -------------------------------------------------------------------------------------------------------

    def answers_ack(self, call: tree.Call) -> None:
        hint = "an ACK is never answered: end the route, or forward it"
        self._tell(codes.REPLY_TO_ACK, call.span, f"{call.name.name} answers an ACK", hint=hint)

    def ended_here(self, call: tree.Call, method: str) -> None:
        forward = self._effects.named(Does.RELAY_STATEFUL)
        message = f"a {method} is answered here and not forwarded: {ENDS_CALLS[method]}"
        self._tell(codes.ENDED_HERE, call.span, message, hint=f"write {forward}()")

    def taken_here(self, call: tree.Call) -> None:
        message = f"{call.name.name} takes the call: the caller hears nothing, and has to pay for it"
        hint = "forward it, or refuse it with a code from 300 on"
        self._tell(codes.ENDED_HERE, call.span, message, hint=hint)

    def no_transaction(self, call: tree.Call, others: list[tree.Call]) -> None:
        """One transaction that is missing is one mistake, however many answers there are in it."""
        opening, reply = self._effects.named(Does.NEW_TRANSACTION), self._effects.named(Does.REPLY)
        message = f"{call.name.name} answers in a transaction, and there is none here: nothing is sent"
        hint = f"call {opening}() first, or write {reply}"
        fix = write(call.name.span, reply, safe=False) if not others else None
        related = tuple(Related(other.span, "and here") for other in others)
        self._tell(codes.NO_TRANSACTION, call.span, message, hint=hint, fix=fix, related=related)

    def no_status(self, call: tree.Call) -> None:
        message = f"{call.name.name} asks for the status of a transaction, and there is none here: this is never true"
        hint = "ask in a failure_route, or in an onreply_route"
        self._tell(codes.NO_TRANSACTION, call.span, message, hint=hint)

    def left_behind(self, opened: tree.Span, call: tree.Call, what: str, better: str) -> None:
        related = (Related(opened, "the transaction is opened here"),)
        message = (
            f"{call.name.name} knows nothing of the transaction that was opened: it is {what.removesuffix(' here')}"
        )
        hint = f"write {better}, which uses it"
        is_like = self._effects.of(call) is Does.REPLY or not call.arguments
        fix = write(call.name.span, better, safe=False) if is_like else None
        self._tell(codes.TRANSACTION_LEFT, call.span, message, hint=hint, related=related, fix=fix)

    # --- who it is -----------------------------------------------------------------------------------------------------

    def asks_in_vain(self, call: tree.Call) -> None:
        message = f"{call.name.name} asks for credentials in vain: a CANCEL cannot be sent again with them"
        hint = f"forward it with {self._effects.named(Does.RELAY_STATEFUL)}: it ends what was let through before"
        self._tell(codes.IN_VAIN, call.span, message, hint=hint)

    def asks_for_others(self, call: tree.Call, kind: str, verified: str) -> None:
        """`kind` is that of the challenge, `verified` that of what was verified before it."""
        code = "401" if kind == "www" else "407"
        verified_www = verified == "www"
        reader = self._effects.named(Does.AUTH_WWW if verified_www else Does.AUTH_PROXY)
        right = self._effects.named(Does.CHALLENGE_WWW if verified_www else Does.CHALLENGE_PROXY)
        message = f"{call.name.name} answers {code}, which does not make clients send what {reader} reads"
        hint = f"write {right}"
        fix = write(call.name.span, right, safe=False)
        self._tell(codes.CHALLENGE_MISMATCH, call.span, message, hint=hint, fix=fix)

    def saves_any_method(self, call: tree.Call) -> None:
        message = f"{call.name.name} takes the contacts of any request: nothing lets only REGISTER come here"
        fix = self._cures.only_if(call.span, 'method == "REGISTER"')
        hint = 'write if (method == "REGISTER") before it'
        self._tell(codes.SAVE_ANY_METHOD, call.span, message, hint=hint, fix=fix)

    def saves_unverified(self, call: tree.Call) -> None:
        message = f"{call.name.name} takes the contacts of anybody here, though others have to prove who they are"
        verify, ask = self._effects.named(Does.AUTH_WWW), self._effects.named(Does.CHALLENGE_WWW)
        hint = f"write if (!{verify}(…)) {{ {ask}(…); break; }} before it"
        self._tell(codes.SAVE_UNVERIFIED, call.span, message, hint=hint)
        self.is_first(call.span)  # a check that comes behind it comes too late

    def saves_any_number(self, call: tree.Call, bound: str) -> None:
        message = (
            f"{call.name.name} keeps any number of contacts of anybody here: a short REGISTER that only asks is answered with all of them, "
            "to whoever it says that it is from"
        )
        self._tell(codes.ANY_NUMBER, call.span, message, hint=f"write {bound}")

    def credentials_kept(self, verified: tree.Span, relay: tree.Span) -> None:
        related = (Related(relay, "forwarded here"),)
        message = "the credentials of the caller are forwarded to the callee"
        remove, verify = self._effects.named(Does.CONSUME_CREDENTIALS), self._effects.named(Does.AUTH_PROXY)
        hint = f"call {remove}() after {verify} succeeded"
        fix = self._cures.before(relay, f"{remove}();")
        self._tell(codes.CREDENTIALS_KEPT, verified, message, hint=hint, related=related, fix=fix)

    def preloaded(self, loose: tree.Span, relay: tree.Span) -> None:
        """Told once for a loose_route, however many ways lead on from it."""
        self.count += 1
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

    def open_relay(self, relay: tree.Span) -> None:
        message = "open relay: requests of anybody for foreign domains are forwarded here"
        hint = f"ask for credentials with {self._effects.named(Does.AUTH_PROXY)}, or test {self._effects.test_of(Tells.SENDER)}, before it"
        self._tell(codes.OPEN_RELAY, relay, message, hint=hint)

    # --- where it goes -------------------------------------------------------------------------------------------------

    def records_in_vain(self, call: tree.Call) -> None:
        message = f"{call.name.name} does nothing for a REGISTER: it begins no dialog"
        hint = f'was if (method != "REGISTER") meant? {_OTHERS_NEED_IT}'
        self._tell(codes.IN_VAIN, call.span, message, hint=hint)

    def recorded_twice(self, call: tree.Call, first: tree.Span) -> None:
        related = (Related(first, "first asked for here"),)
        message = f"{call.name.name} is called a second time: the request gets two Record-Route headers of this server"
        self._tell(codes.RECORDED_TWICE, call.span, message, hint="remove one of the two", related=related)

    def ignored_lookup(self, lookup_call: tree.Span, relay: tree.Span) -> None:
        related = (Related(relay, "forwarded here"),)
        lookup, reply = self._effects.named(Does.LOOKUP), self._effects.named(Does.REPLY)
        message = (
            f"the result of {lookup} is ignored: requests for users who are not registered come back to this server"
        )
        hint = f'write if (!{lookup}(…)) {{ {reply}("404", "Not Found"); break; }}'
        tail = f') {{ {reply}("404", "Not Found"); break; }}'
        fix = self._cures.tested(lookup_call, "if (!", tail)
        self._tell(codes.IGNORED_RESULT, lookup_call, message, hint=hint, related=related, fix=fix)

    def early_branch(self, branch: tree.Span, call: tree.Call) -> None:
        name = self._effects.named(Does.APPEND_BRANCH)
        related = (Related(call.span, "rewritten here"),)
        message = f"{name} comes before the URI is rewritten: the branch goes where the request has failed already"
        hint = f"call {name}() after the rewrite"
        self._tell(codes.BRANCH_TOO_EARLY, branch, message, hint=hint, related=related)

    def same_branch(self, branch: tree.Span) -> None:
        name = self._effects.named(Does.APPEND_BRANCH)
        message = f"{name} adds the URI that has failed already: the request goes there once more"
        hint = f"rewrite it before {name}()"
        self._tell(codes.BRANCH_TOO_EARLY, branch, message, hint=hint)

    def no_branch(self, relay: tree.Span, failure: tree.Span) -> None:
        related = (Related(failure, "in this failure_route"),)
        self.is_first(relay)
        message = "a failure_route forwards only to branches that it appended: there is none here"
        branch = self._effects.named(Does.APPEND_BRANCH)
        fix = self._cures.before(relay, f"{branch}();")
        hint = f"call {branch}() before it"
        self._tell(codes.NO_BRANCH, relay, message, hint=hint, related=related, fix=fix)

    def stateless_cancel(self, call: tree.Call) -> None:
        forward = self._effects.named(Does.RELAY_STATEFUL)
        message = f"{call.name.name} sends a CANCEL without the transaction of its INVITE: nobody knows it there, and the phones go on ringing"
        fix = write(call.span, f"{forward}()", safe=False)
        self._tell(codes.TRANSACTION_LEFT, call.span, message, hint=f"write {forward}()", fix=fix)
