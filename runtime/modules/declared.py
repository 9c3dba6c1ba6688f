"""What stands in routes.py for a module that serc can check but that cannot run yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

from runtime.routing.context import Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.world import World


@final
class Declared(Module):
    """A module without its run-time part. The server refuses to start with it and says `missing`.

    `parameters` are the modparams of ser.cfg, for the reader of routes.py.
    """

    def __init__(self, name: str, missing: str, parameters: Mapping[str, object] | None = None) -> None:
        super().__init__(name)
        self.missing: Final = missing
        self.parameters: Final = dict(parameters or {})

    def bind(self, world: World) -> None:
        raise ModuleError(f"{self.missing}: docs/modules.md lists what does; take it out of ser.cfg for now")

    def call(self, ctx: Context, function: str, *arguments: bytes) -> bool:
        """A script function of the module; the server never gets so far."""
        raise ModuleError(f"{self.missing}: {function}")

    def call_may_stop(self, ctx: Context, function: str, *arguments: bytes) -> int:
        """The same for a function that can end the script."""
        raise ModuleError(f"{self.missing}: {function}")
