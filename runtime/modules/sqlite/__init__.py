"""sqlite: databases in files, which need no server. Not in SER; Kamailio's db_sqlite is alike."""

from __future__ import annotations

import os
from typing import Final, final

from runtime.routing.database import Database
from runtime.spec.declare import ModuleSpec
from runtime.storage.driver import StoredDriver
from runtime.storage.errors import Refused, creation
from runtime.storage.url import embedded_url


@final
class Sqlite(StoredDriver):
    """SQLite. It is there also without a loadmodule, and then used where ser.cfg names no database."""

    def __init__(self) -> None:
        super().__init__("sqlite")

    def open(self, url: str) -> Database:
        if url:
            return super().open(url)
        embedded = embedded_url()
        found = self.parse(embedded)
        if found.driver == "sqlite" and not os.path.exists(found.path):
            # Nobody has asked for SQLite by name: it is most likely that a driver or its URL is missing, which SER would say now.
            raise Refused(
                f"no url is set and no driver is loaded, and SQLite has no file {found.path} either: run {creation(str(found))}"
            )
        return super().open(embedded)


EXPORTS: Final = ModuleSpec(
    name="sqlite",
    implementation="runtime.modules.sqlite:Sqlite",
    summary="Database driver for sqlite:///file; what is used where no URL is set and no other driver is loaded. Not in SER.",
)
