"""flatstore: append-only files for accounting. Reference modules-more, A.1.4."""

from typing import Final

from runtime.spec.declare import ModuleSpec, switch_param

EXPORTS: Final = ModuleSpec(
    name="flatstore",
    summary="Database driver for flatstore:directory, which only appends rows; for acc.",
    params=(switch_param("flush", 1, "Write each row out at once."),),
    fifo_commands=("flat_rotate",),
)
