"""What every module of the server is: an object that routes.py makes and the engine calls."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from runtime.routing.context import Context
from runtime.routing.world import World


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

    def bind(self, world: World) -> None:
        """Called once in the master before it forks, in the order of loadmodule: find other modules, read files.

        Raises ModuleError where SER's module init would fail.
        """

    def start_worker(self, world: World) -> None:
        """Called in each worker after the fork (SER's child init)."""

    def on_request(self, ctx: Context) -> bool:
        """Pre-script callback: False drops the request, the script does not run."""
        return True

    def on_reply(self, ctx: Context) -> bool:
        """Response hook, last loaded first: False means the reply is consumed and is not forwarded statelessly."""
        return True

    def after_request(self, ctx: Context) -> None:
        """Post-script callback."""
