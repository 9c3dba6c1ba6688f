"""diversion: the Diversion header. Reference modules-more, A.2.4."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, string_param
from runtime.spec.kinds import reason

EXPORTS: Final = ModuleSpec(
    name="diversion",
    summary="Adds Diversion headers.",
    functions=(
        function(
            "add_diversion",
            None,
            reason(),
            routes=REQUEST | FAILURE,
            summary="Add Diversion with the URI as received and this reason.",
        ),
    ),
    params=(string_param("suffix", "", "Taken and not used, as in SER."),),
)
