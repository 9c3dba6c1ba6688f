"""mysql: MySQL databases. Reference modules-more, A.1.1."""

from typing import Final

from runtime.spec.declare import ModuleSpec, switch_param
from runtime.spec.params import seconds_param

EXPORTS: Final = ModuleSpec(
    name="mysql",
    summary="Database driver for mysql://user:password@host:port/database.",
    params=(
        seconds_param("ping_interval", 300, "Idleness after which the connection is tried first; 0 is never."),
        switch_param("auto_reconnect", 1, "Connect again when the connection is lost."),
    ),
)
