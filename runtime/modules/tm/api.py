"""What other modules use of tm: `TM.of(world)`, in their `bind`; and the classes of call.py that they meet then."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.tm.call import Call as Call
from runtime.modules.tm.call import Observer as Observer
from runtime.modules.tm.call import Outcome as Outcome
from runtime.modules.tm.call import Watcher as Watcher
from runtime.modules.tm.uac import BadRequest as BadRequest
from runtime.modules.tm.uac import CannotSend as CannotSend
from runtime.modules.tm.uac import Draft as Draft
from runtime.modules.tm.write_request import AppendOwner
from runtime.routing.port import Port


class Api(AppendOwner):
    """tm as others see it."""

    def __init__(self) -> None:
        super().__init__("tm")
        self.observers: Final[list[Observer]] = []

    def observe(self, observer: Observer) -> None:
        """Show it every transaction that a request of this program opens."""
        self.observers.append(observer)

    def originate(self, draft: Draft, outcome: Outcome, now_ms: i64) -> None:
        """Send a request of another module's, in a transaction and with a Call-ID of its own; `outcome` hears how it ended.

        In a worker only. Raises BadRequest and CannotSend.
        """
        raise NotImplementedError


TM: Final = Port("tm", Api)
