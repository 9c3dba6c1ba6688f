"""How long transactions take until their final reply, where that is measured (--metrics)."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm.call import Call, Observer, Watcher
from runtime.routing.context import Context
from runtime.routing.meter import Meter


@final
class Durations(Observer):
    """Sees all transactions."""

    def __init__(self, meter: Meter) -> None:
        self._meter: Final = meter

    def opened(self, call: Call, ctx: Context) -> Watcher | None:
        return _Duration(self._meter)


@final
class _Duration(Watcher):
    """Of one transaction."""

    def __init__(self, meter: Meter) -> None:
        self._meter: Final = meter
        self._since_ns: Final = meter.now_ns()
        self._is_over = False

    def replied(self, call: Call, status: i64, reply: bytes, is_own: bool) -> None:
        if status >= 200 and not self._is_over:
            self._is_over = True
            self._meter.transaction(call.message.method_name(), self._meter.now_ns() - self._since_ns)
