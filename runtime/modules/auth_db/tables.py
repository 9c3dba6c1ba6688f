"""The tables of subscribers that routes name."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.database import Database, require_version
from runtime.routing.module import Module
from runtime.routing.prepared import Prepared
from runtime.routing.world import World

_LEAST_VERSION: Final = 3


class SubscriberModule(Module):
    """The module whose database has the tables; AuthDb is it."""

    def database(self) -> Database:
        raise NotImplementedError


@final
class UserTable(Prepared):
    """A table of subscribers; the server starts only if its version fits."""

    def __init__(self, name: bytes) -> None:
        self.name: Final = name.decode("latin-1")

    def prepare(self, world: World) -> None:
        owner = world.modules["auth_db"]
        assert isinstance(owner, SubscriberModule)
        require_version(owner.database(), "auth_db", self.name, _LEAST_VERSION)
