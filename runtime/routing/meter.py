"""What is measured where somebody asked for metrics (--metrics), and nowhere else: how long messages and transactions take, and which routes run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.context import Context
from runtime.routing.edition import Edition
from runtime.routing.histogram import Histogram
from runtime.routing.onlooker import Onlooker
from runtime.routing.program import Route

_ROUTE: Final = re.compile(r"(route|failure_route|onreply_route)(?:_([0-9]+))?")


@mypyc_attr(native_class=False)
class CountedRoute:
    """A route that counts its runs in `counts`, under its name in ser.cfg."""

    def __init__(self, plain: Route, name: str, counts: dict[str, int]) -> None:
        self.plain: Final = plain
        self.name: Final = name
        self.counts: Final = counts

    def __call__(self, ctx: Context) -> int:
        self.counts[self.name] += 1
        return self.plain(ctx)

    def like(self, other: Route) -> CountedRoute:
        """Another form of the same route."""
        return CountedRoute(other, self.name, self.counts)


@final
class Meter(Onlooker):
    """The measurements of one process. `clock_us` is a clock that only goes forward."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us: Final = clock_us
        # By the identity of the Context.
        self._since_us: Final[dict[int, int]] = {}
        self._messages: Final[dict[str, Histogram]] = {}
        self._transactions: Final[dict[str, Histogram]] = {}
        self._routes: Final[dict[str, int]] = {}

    def now_us(self) -> int:
        return self._clock_us()

    def came(self, ctx: Context) -> None:
        self._since_us[id(ctx)] = self._clock_us()

    def done(self, ctx: Context) -> None:
        since_us = self._since_us.pop(id(ctx), 0)
        if since_us:
            message = ctx.message
            name = _method_of(message.method_name()) if message.is_request else "reply"
            _add(self._messages, name, self._clock_us() - since_us)

    def transaction(self, method: bytes, took_us: i64) -> None:
        """A server transaction has its final reply."""
        _add(self._transactions, _method_of(method), took_us)

    def count_routes(self, edition: Edition, namespace: dict[str, Any]) -> None:
        """From now on the routes of this program count their runs. `namespace` is what routes.py has at its top."""
        program = edition.program
        for name, value in list(namespace.items()):
            shown = _route_name(name)
            if shown and callable(value) and not isinstance(value, CountedRoute):
                self._routes.setdefault(shown, 0)
                namespace[name] = CountedRoute(value, shown, self._routes)
        request = edition.request
        if request is not None:
            edition.request = self._counted(request, "route")
        for kind, routes in (("failure_route", program.failure), ("onreply_route", program.onreply)):
            for number, route in list(routes.items()):
                routes[number] = self._counted(route, f"{kind}[{number}]")

    def _counted(self, route: Route, name: str) -> Route:
        if isinstance(route, CountedRoute):
            return route
        self._routes.setdefault(name, 0)
        return CountedRoute(route, name, self._routes)

    def tell(self, found: dict[str, int]) -> None:
        """Into the counts of the process."""
        for name, histogram in self._messages.items():
            histogram.tell(found, f"handling~{name}")
        for name, histogram in self._transactions.items():
            histogram.tell(found, f"transaction~{name}")
        for name, count in self._routes.items():
            found[f"~route~{name}"] = count


def _add(histograms: dict[str, Histogram], name: str, took_us: i64) -> None:
    histogram = histograms.get(name)
    if histogram is None:
        histogram = histograms[name] = Histogram()
    histogram.add(took_us)


_KNOWN: Final = frozenset(
    (b"INVITE ACK BYE CANCEL OPTIONS REGISTER INFO PRACK UPDATE SUBSCRIBE NOTIFY MESSAGE REFER PUBLISH").split()
)


def _method_of(method: bytes) -> str:
    """A label: anybody can invent methods, and nobody shall fill the memory with them."""
    return method.decode("ascii") if method in _KNOWN else "OTHER"


def _route_name(name: str) -> str:
    found = _ROUTE.fullmatch(name)
    if found is None:
        return ""
    return f"{found[1]}[{found[2]}]" if found[2] else found[1]
