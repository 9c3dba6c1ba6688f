"""postgres: PostgreSQL databases. Reference modules-more, A.1.2."""

from __future__ import annotations

from typing import Final, final

from runtime.spec.declare import ModuleSpec
from runtime.storage.driver import StoredDriver


@final
class Postgres(StoredDriver):
    """PostgreSQL."""

    def __init__(self) -> None:
        super().__init__("postgres")


EXPORTS: Final = ModuleSpec(
    name="postgres",
    implementation="runtime.modules.postgres:Postgres",
    summary="Database driver for postgres://user:password@host:port/database.",
)
