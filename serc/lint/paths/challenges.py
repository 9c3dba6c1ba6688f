"""401 is the question of who gets a request, 407 of who forwards it. RFC 3261 22.2, 22.3."""

from __future__ import annotations

from runtime.spec.effects import Does
from serc.diagnostics import codes
from serc.diagnostics.report import Report
from serc.lint.paths.state import State
from serc.reading import tree
from serc.reading.walk import calls
from serc.resolve.effects import Effects

_REGISTER = "REGISTER"
_FOR_OTHERS = frozenset(("INVITE", "BYE", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER"))


class Challenges:
    """Which methods each question is asked of, on all ways that lead to it."""

    def __init__(self, effects: Effects, all_routes: list[tree.Route]) -> None:
        self._effects = effects
        # "" stands for any, and for a REGISTER that is for another server.
        self._methods: dict[tree.Call, set[str]] = {}
        self._verifies_as_proxy = any(
            effects.of(call) is Does.AUTH_PROXY for route in all_routes for call in calls(route.body)
        )

    def asked(self, call: tree.Call, state: State) -> None:
        self._methods.setdefault(call, set()).add("" if state.foreign else state.method)

    def report(self, report: Report) -> None:
        for call, methods in self._methods.items():
            as_proxy = self._effects.of(call) is Does.CHALLENGE_PROXY
            if as_proxy and methods == {_REGISTER}:
                does = (Does.AUTH_WWW, Does.CHALLENGE_WWW)
                why = f"a {_REGISTER} is for this server itself, and phones may not answer"
            elif not as_proxy and methods <= _FOR_OTHERS and self._verifies_as_proxy:
                does = (Does.AUTH_PROXY, Does.CHALLENGE_PROXY)
                why = f"{' and '.join(sorted(methods))} goes to others, and phones may have other credentials for those"
            else:
                continue
            verify, ask = map(self._effects.named, does)
            message = f"{call.name.name} asks as {'a proxy' if as_proxy else 'the one who is called'}: {why}"
            report.add(codes.CHALLENGE_MISMATCH, call.span, message, hint=f"write {verify} and {ask}")
