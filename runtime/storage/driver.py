"""What the modules of databases have in common."""

from __future__ import annotations

from runtime.routing.database import Database, Driver
from runtime.routing.world import World
from runtime.storage.database import StoredDatabase
from runtime.storage.url import Url, parse_url


class StoredDriver(Driver):
    """A driver whose databases runtime.storage knows."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._world: World | None = None

    def bind(self, world: World) -> None:
        self._world = world

    def parse(self, url: str) -> Url:
        """Raises DatabaseError. Relative paths are meant from the folder of ser.cfg."""
        return parse_url(url, self.world().folder)

    def open(self, url: str) -> Database:
        return StoredDatabase(self.world(), self.parse(url))

    def world(self) -> World:
        assert self._world is not None, "modules are bound in the order of loadmodule"
        return self._world
