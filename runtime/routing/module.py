"""What every module of the server is: an object that routes.py makes and the engine calls.

A Module is configuration: what its parameters say, and what `bind` makes of them, which does not change later. What changes lives in
an object of its own that `World.keep` gives out (the state), so that another program can come in place of this one and find it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

from runtime.routing.command import Command
from runtime.routing.context import Context
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.transport import Send
from runtime.tx.timers import NEVER as NEVER

if TYPE_CHECKING:
    from runtime.routing.meter import Meter


class ModuleError(Exception):
    """A module cannot start: `str()` is one sentence for the administrator."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Module:
    """A loaded module. routes.py makes one object of it, with the modparams that ser.cfg sets as keyword arguments.

    A subclass sets, for each hook that it overrides, the flag of that hook: the engine calls nobody who has nothing to
    do. `name` is the name that loadmodule uses.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.filters_requests = False
        self.handles_replies = False
        self.ends_requests = False
        self.keeps_state = False

    def take_routes(
        self, failure: dict[int, Callable[[Context], int]], onreply: dict[int, Callable[[Context], int]]
    ) -> None:
        """Called once before `bind`: the failure and onreply routes of ser.cfg by their numbers."""

    def fixed(self) -> dict[str, object]:
        """The parameters that cannot change while the server runs, by their names: those after which the state was made."""
        return {}

    def api(self) -> object:
        """What other modules get to see of this one, by a Port. Called once, before `bind`."""
        return self

    def bind(self, world: World) -> None:
        """Called once in the master before it forks, in the order of loadmodule: find other modules, read files; and in each process
        when the program takes the place of another one. What lives longer than this object is asked of `world.keep`.

        Raises ModuleError where SER's module init would fail.
        """

    def prepare(self, world: World) -> None:
        """Called once where `bind` is, after that of every module: look at the others. Raises ModuleError."""

    def measure(self, meter: Meter) -> None:
        """Called before `start_worker` where somebody wants metrics: what takes time is measured from now on."""

    def start_worker(self, world: World) -> None:
        """Called in each worker after the fork (SER's child init), and there when the program takes the place of another one."""

    def end(self) -> None:
        """Called in the master when all other processes have ended, in the order of loadmodule: write down what is left."""

    def commands(self) -> list[Command]:
        """Called once, after `bind`: the module's commands of the FIFO, in SER's order."""
        return []

    def timers(self) -> list[Timer]:
        """Called once, after `bind`: what the module wants done again and again, in each worker or once per server."""
        return []

    def on_request(self, ctx: Context) -> bool:
        """Pre-script callback: False drops the request, the script does not run."""
        return True

    def on_reply(self, ctx: Context) -> bool:
        """Response hook, last loaded first: False means the reply is consumed and is not forwarded statelessly."""
        return True

    def after_request(self, ctx: Context) -> None:
        """Post-script callback."""

    def on_cancel(self, cancel: Context, invite: Context) -> bool:
        """A CANCEL has come for an INVITE whose main route waits, undecided: answer both, with 200 and 487, and return True. False
        from all who end requests: they are answered without state."""
        return False

    def statistics(self) -> dict[str, int]:
        """What this process has counted since it started, or has now, by names of letters, digits and `_`: for the log and for metrics."""
        return {}

    # What follows is asked only of a module that `keeps_state`: it remembers messages from one to the next. All messages of
    # a Call-ID reach it in one process.

    def next_timer_ms(self, now_ms: i64) -> i64:
        """Milliseconds until `on_timer` has something to do, NEVER if nothing is waiting."""
        return NEVER

    def on_timer(self, now_ms: i64) -> None:
        """Do what is due; what is to be sent goes into the outbox of the world."""

    def knows(self, ctx: Context) -> bool:
        """True if this request belongs to something that has begun before, as a repetition does."""
        return False

    def absorbs(self, ctx: Context) -> bool:
        """The main route of this request is about to wait: True if it is a repetition of one that has begun before, and has been
        dealt with as such."""
        return False

    def under_way(self) -> int:
        """How much has begun and not come to its end: a server that is told to end waits for it, for a while."""
        return 0

    def on_send_failure(self, failed: Send, now_ms: i64) -> None:
        """The kernel did not take `failed`, which this module may have had sent."""
