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
            _check_rights(self.parse(url).path, self.world.owner)
            return super().open(url)
        embedded = embedded_url()
        found = self.parse(embedded)
        if found.driver == "sqlite" and not os.path.exists(found.path):
            # Nobody has asked for SQLite by name: it is most likely that a driver or its URL is missing, which SER would say now.
            raise Refused(
                f"no url is set and no driver is loaded, and SQLite has no file {found.path} either: run {creation(str(found))}"
            )
        if found.driver == "sqlite":
            _check_rights(found.path, self.world.owner)
        return super().open(embedded)


def _check_rights(path: str, owner: tuple[int, int]) -> None:
    """`owner` is user and group that the server will have, -1 for what stays as it is. Raises Refused where a file that is there cannot be
    used by them."""
    path = os.path.abspath(path)
    if not os.path.exists(path):
        return
    for place in (path, os.path.dirname(path)):
        if not _may_write(place, owner):
            who = (
                "this user"
                if owner[0] < 0
                else f"user {owner[0]} with group {owner[1]}" if owner[1] >= 0 else f"user {owner[0]}"
            )
            raise Refused(
                f"sqlite:{path}: {who} may not write {place}: SQLite needs that even to read; give the file and its folder to the server's user"
            )


def _may_write(path: str, owner: tuple[int, int]) -> bool:
    uid, gid = owner
    if uid <= 0:
        return os.access(path, os.W_OK, effective_ids=True)
    status = os.stat(path)
    if status.st_uid == uid:
        return status.st_mode & 0o200 != 0
    return status.st_mode & (0o020 if gid >= 0 and status.st_gid == gid else 0o002) != 0


EXPORTS: Final = ModuleSpec(
    name="sqlite",
    implementation="runtime.modules.sqlite:Sqlite",
    summary="Database driver for sqlite:///file; what is used where no URL is set and no other driver is loaded. Not in SER.",
)
