"""What the modules of databases have in common."""

from __future__ import annotations

from runtime.routing.database import Database, Driver
from runtime.routing.world import World
from runtime.storage.database import StoredDatabase
from runtime.storage.url import Url, parse_url


class StoredDriver(Driver):
    """A driver whose databases runtime.storage knows. `world` is there once it is bound: modules are, in the order of loadmodule."""

    world: World

    def bind(self, world: World) -> None:
        self.world = world

    def parse(self, url: str) -> Url:
        """Raises DatabaseError. Relative paths are meant from the folder of ser.cfg."""
        return parse_url(url, self.world.folder)

    def open(self, url: str) -> Database:
        return StoredDatabase(self.world, self.parse(url))
