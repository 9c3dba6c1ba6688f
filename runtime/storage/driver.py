"""What the modules of databases have in common."""

from __future__ import annotations

import os

from runtime.routing.database import Database, Driver
from runtime.routing.world import World
from runtime.storage.database import StoredDatabase
from runtime.storage.errors import Refused
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
        found = self.parse(url)
        if not url and found.driver == "sqlite" and not os.path.exists(found.path):
            # Nobody has asked for SQLite by name: it is most likely that a driver or its URL is missing, which SER would say now.
            raise Refused(
                f"no url is set and no driver is loaded, and the file {found.path} of SQLite is not there either: serctl db create makes it"
            )
        return StoredDatabase(self.world, found)
