"""The tables of subscribers that routes name."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.database import Database, require_version
from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.prepared import Prepared
from runtime.routing.world import World

_LEAST_VERSION: Final = 3


class SubscriberModule(Module):
    """The module whose database has the tables; AuthDb is it."""

    database: Database


SUBSCRIBERS: Final = Port("auth_db", SubscriberModule)


@final
class UserTable(Prepared):
    """A table of subscribers; the server starts only if its version fits."""

    def __init__(self, name: bytes) -> None:
        self.name: Final = name.decode("latin-1")

    def prepare(self, world: World) -> None:
        require_version(SUBSCRIBERS.of(world).database, "auth_db", self.name, _LEAST_VERSION)
