"""CANCELs that nobody behind this server ever sees: what they are for, calls that ring, goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from runtime.spec.effects import Does
from runtime.spec.operands import Tells
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.earlier import Earlier, all_calls
from serc.lint.paths.state import UNNAMED, State
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import below, routes

CANCEL: Final = "CANCEL"
_INVITE: Final = "INVITE"
# What may be a CANCEL.
_MAY_BE: Final = frozenset(("", UNNAMED, CANCEL))


class HangUps:
    """Which requests are forwarded that begin something, and whether those that end it are."""

    def __init__(self) -> None:
        # Methods, and whether the domain is known to be another's.
        self._forwarded: Final[set[tuple[str, bool]]] = set()
        self._dropped: Final[dict[tree.Call, None]] = {}
        self._lost: Final[dict[tree.Call, None]] = {}

    def forwarded(self, state: State) -> None:
        """This may have been sent on. Within a dialog nothing is cancelled that goes this way."""
        if not state.in_dialog and state.failure is None:
            self._forwarded.add((state.method, state.foreign))

    def ended(self, call: tree.Call, states: Iterable[State]) -> None:
        """The route ends with `call` in these states."""
        if any(state.method == CANCEL and not state.handled and not state.limited for state in states):
            self._dropped.setdefault(call)
        if any(s.in_dialog and not s.method and not s.handled and not s.tagged and not s.limited for s in states):
            self._lost.setdefault(call)

    def report(self, subject: Subject, report: Report) -> None:
        for call in self._lost:
            message = "requests within a dialog end here, neither forwarded nor answered: who hangs up is not heard"
            hint = f"write {subject.effects.named(Does.RELAY_STATEFUL)}() before it"
            report.add(codes.UNANSWERED, call.span, message, hint=hint)
        if not self._forwarded or (CANCEL, False) in self._forwarded:
            return  # some are dropped on purpose, and others go on
        forward = subject.effects.named(Does.RELAY_STATEFUL)
        consequence = "the phones go on ringing"
        for call in self._dropped:
            message = f"a CANCEL ends here and is not forwarded: {consequence}"
            report.add(codes.ENDED_HERE, call.span, message, hint=f"write {forward}() before it")
        if self._dropped or not self._are_lost() or any(d.code is codes.ENDED_HERE for d in report.diagnostics):
            return
        refused = _refused(subject)
        if refused is not None:
            message = (
                f"a CANCEL is refused here, as all that is not asked for: when the caller hangs up early, {consequence}"
            )
            hint = f'write if (method == "CANCEL") {{ {forward}(); break; }} before it, and let ACK and BYE pass'
            report.add(codes.ENDED_HERE, refused.span, message, hint=hint)
            return
        place = _asked_for_invite(subject)
        if place is not None:
            message = f"an INVITE is forwarded, and no CANCEL is: when the caller hangs up early, {consequence}"
            hint = f'write if (method == "CANCEL") {{ {forward}(); break; }} as well'
            report.add(codes.ENDED_HERE, place.span, message, hint=hint)

    def _are_lost(self) -> bool:
        for is_foreign in (False, True):
            domains = (False, True) if is_foreign else (False,)
            known = {method for method, foreign in self._forwarded if foreign in domains}
            if (_INVITE, is_foreign) in self._forwarded and not known & _MAY_BE:
                return True
        return False


def _refused(subject: Subject) -> tree.Call | None:
    """An answer that CANCELs get and INVITEs do not."""
    earlier = Earlier(subject)
    for call in all_calls(subject):
        past = earlier.before.get(call.span)
        is_answer = subject.effects.of(call) in (Does.REPLY, Does.REPLY_STATEFUL)
        if is_answer and past is not None and CANCEL in past.methods and _INVITE not in past.methods:
            return call
    return None


def _asked_for_invite(subject: Subject) -> tree.Compare | None:
    """The first condition that lets INVITE through."""
    for route in routes(subject.file):
        for node in below(route.body):
            if (
                isinstance(node, tree.Compare)
                and subject.comparison(node).operand.tells is Tells.METHOD
                and node.operator == "=="
                and getattr(node.value, "value", getattr(node.value, "name", "")) == _INVITE
            ):
                return node
    return None
