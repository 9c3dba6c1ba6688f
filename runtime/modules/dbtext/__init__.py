"""dbtext: tables in text files. Reference modules-more, A.1.3."""

from typing import Final

from runtime.spec.declare import ModuleSpec

EXPORTS: Final = ModuleSpec(name="dbtext", summary="Database driver for dbtext://directory, one text file a table.")
