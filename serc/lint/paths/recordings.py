"""Record-Route that is asked for, and not where calls are forwarded."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.paths.state import UNNAMED, State
from serc.reading import tree
from serc.reading.walk import calls
from serc.resolve.effects import Effects

_INVITE = "INVITE"


class Recordings:
    """What is known of it on all ways, of requests that may begin a call."""

    def __init__(self) -> None:
        # Record-Routes that a request can come to.
        self._asked: dict[tree.Call, None] = {}
        # Whether a call may have been recorded where it is forwarded, and the first forwarding of one.
        self._records = False
        self._unrecorded: tree.Call | None = None

    def asked(self, call: tree.Call, state: State) -> None:
        if state.failure is None:
            self._asked.setdefault(call)

    def forwarded(self, call: tree.Call, state: State) -> None:
        if not state.in_dialog and state.failure is None and state.method in ("", UNNAMED, _INVITE):
            self._records |= state.recorded is not None or state.method == UNNAMED
            self._unrecorded = self._unrecorded or call

    def report(self, effects: Effects, all_routes: list[tree.Route], report: Report) -> None:
        told = {d.span for d in report.diagnostics}
        is_told = any(call.span in told for call in self._asked)
        follows = any(effects.of(c) is Does.LOOSE_ROUTE for route in all_routes for c in calls(route.body))
        if self._records or self._unrecorded is None or is_told or not self._asked or not follows:
            return
        place = min(self._asked, key=lambda call: call.span.start)
        name = place.name.name
        related = (Related(self._unrecorded.span, "a call is forwarded here, without Record-Route"),)
        message = (
            f"{name} is never called for an INVITE that is forwarded: the later requests of calls do not pass here"
        )
        hint = f'write if (method != "REGISTER") {name}(); before the forwarding'
        report.add(codes.NO_RECORD_ROUTE, place.span, message, hint=hint, related=related)
