"""sqlite: databases in files, which need no server. Not in SER; Kamailio's db_sqlite is alike."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.database import Database
from runtime.spec.declare import ModuleSpec
from runtime.storage.driver import StoredDriver
from runtime.storage.url import embedded_url


@final
class Sqlite(StoredDriver):
    """SQLite. It is there also without a loadmodule, and then used where ser.cfg names no database."""

    def __init__(self) -> None:
        super().__init__("sqlite")

    def open(self, url: str) -> Database:
        return super().open(url or embedded_url())


EXPORTS: Final = ModuleSpec(
    name="sqlite",
    implementation="runtime.modules.sqlite:Sqlite",
    summary="Database driver for sqlite:///file; what is used where no URL is set and no other driver is loaded. Not in SER.",
)
