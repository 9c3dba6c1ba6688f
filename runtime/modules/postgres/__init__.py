"""postgres: PostgreSQL databases. Reference modules-more, A.1.2."""

from typing import Final

from runtime.spec.declare import ModuleSpec

EXPORTS: Final = ModuleSpec(name="postgres", summary="Database driver for postgres://user:password@host:port/database.")
