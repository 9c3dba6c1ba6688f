"""What is measured where somebody asked for metrics (--metrics), and nowhere else: how long messages and transactions
take, and which routes run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.routing.edition import Edition
from runtime.routing.histogram import Histogram
from runtime.routing.onlooker import Onlooker
from runtime.routing.program import Route

_ROUTE: Final = re.compile(r"(route|failure_route|onreply_route)(?:_([0-9]+))?")


@final
class Runs:
    """How often a route has run, whichever program it was of."""

    def __init__(self) -> None:
        self.count: i64 = 0


@final
class CountedRoute:
    """A route that counts its runs."""

    def __init__(self, plain: Route, runs: Runs) -> None:
        self.plain: Final = plain
        self._runs: Final = runs

    def __call__(self, ctx: Context) -> int:
        self._runs.count += 1
        return self.plain(ctx)

    def like(self, other: Route) -> CountedRoute:
        """Another form of the same route."""
        return CountedRoute(other, self._runs)


@final
class Meter(Onlooker):
    """The measurements of one process. `clock_ns` is a clock that only goes forward."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns: Final = clock_ns
        # The message in hand, and when it came; those that wait by the identity of their Context.
        self._in_hand: Context | None = None
        self._since_ns: i64 = 0
        self._waiting_since_ns: Final[dict[int, int]] = {}
        self._messages: Final[dict[bytes, Histogram]] = {}
        self._transactions: Final[dict[bytes, Histogram]] = {}
        self._routes: Final[dict[str, Runs]] = {}

    def now_ns(self) -> int:
        return self._clock_ns()

    def came(self, ctx: Context) -> None:
        before = self._in_hand
        if before is not None:
            self._waiting_since_ns[id(before)] = int(self._since_ns)
        self._in_hand = ctx
        self._since_ns = self._clock_ns()

    def done(self, ctx: Context) -> None:
        since_ns = self._since_ns
        if ctx is self._in_hand:
            self._in_hand = None
        else:
            since_ns = self._waiting_since_ns.pop(id(ctx), 0)
        if since_ns:
            message = ctx.message
            name = message.method_name() if message.is_request else _REPLY
            _add(self._messages, name, (self._clock_ns() - since_ns) // 1000)

    def transaction(self, method: bytes, took_ns: i64) -> None:
        """A server transaction has its final reply."""
        _add(self._transactions, method, took_ns // 1000)

    def count_routes(self, edition: Edition, namespace: dict[str, Any]) -> None:
        """From now on the routes of this program count their runs. `namespace` is what routes.py has at its top."""
        program = edition.program
        for name, value in list(namespace.items()):
            shown = _route_name(name)
            if shown and callable(value) and not isinstance(value, CountedRoute):
                namespace[name] = self._counted(value, shown)
        request = edition.request
        if request is not None:
            edition.request = self._counted(request, "route")
        for kind, routes in (("failure_route", program.failure), ("onreply_route", program.onreply)):
            for number, route in list(routes.items()):
                routes[number] = self._counted(route, f"{kind}[{number}]")

    def _counted(self, route: Route, name: str) -> Route:
        if isinstance(route, CountedRoute):
            return route
        return CountedRoute(route, self._routes.setdefault(name, Runs()))

    def tell(self, found: dict[str, int]) -> None:
        """Into the counts of the process."""
        for name, histogram in self._messages.items():
            histogram.tell(found, f"handling~{name.decode('ascii') or 'reply'}")
        for name, histogram in self._transactions.items():
            histogram.tell(found, f"transaction~{name.decode('ascii')}")
        for route, runs in self._routes.items():
            found[f"~route~{route}"] = int(runs.count)


def _add(histograms: dict[bytes, Histogram], name: bytes, took_us: i64) -> None:
    histogram = histograms.get(name)
    if histogram is None:
        # Anybody can invent methods, and nobody shall fill the memory with them.
        label = name if name in _LABELS else _OTHER
        histogram = histograms.get(label)
        if histogram is None:
            histogram = histograms[label] = Histogram()
    histogram.add(took_us)


# No method has this name.
_REPLY: Final = b""
_OTHER: Final = b"OTHER"
_LABELS: Final = frozenset(
    (b"INVITE ACK BYE CANCEL OPTIONS REGISTER INFO PRACK UPDATE SUBSCRIBE NOTIFY MESSAGE REFER PUBLISH").split()
    + [_REPLY]
)


def _route_name(name: str) -> str:
    found = _ROUTE.fullmatch(name)
    if found is None:
        return ""
    return f"{found[1]}[{found[2]}]" if found[2] else found[1]
