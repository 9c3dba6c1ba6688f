"""The tables of accounts that routes name."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.prepared import Prepared
from runtime.routing.world import World


class AccountModule(Module):
    """The module that writes them; Acc is it."""

    def open_books(self, world: World) -> None:
        """Open the database, if it is not open yet. Raises ModuleError."""
        raise NotImplementedError


_ACC: Final = Port("acc", AccountModule)


@final
class AccountTable(Prepared):
    """A table; that a route names one is what opens the database where no flag does. Like SER, it does not look at the version."""

    def __init__(self, name: bytes) -> None:
        self.name: Final = name.decode("latin-1")

    def prepare(self, world: World) -> None:
        _ACC.of(world).open_books(world)
