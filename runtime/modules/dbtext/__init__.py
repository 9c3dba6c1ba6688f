"""dbtext: tables in text files. Reference modules-more, A.1.3."""

from __future__ import annotations

from typing import Final, final

from runtime.spec.declare import ModuleSpec
from runtime.storage.driver import StoredDriver


@final
class Dbtext(StoredDriver):
    """A folder with a file for each table."""

    def __init__(self) -> None:
        super().__init__("dbtext")


EXPORTS: Final = ModuleSpec(
    name="dbtext",
    implementation="runtime.modules.dbtext:Dbtext",
    summary="Database driver for dbtext://directory, one text file a table.",
)
