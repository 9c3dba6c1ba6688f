"""maxfwd: the Max-Forwards header. Reference modules-main, chapter 4."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param
from runtime.spec.kinds import integer

EXPORTS: Final = ModuleSpec(
    name="maxfwd",
    summary="Checks, lowers and inserts Max-Forwards.",
    functions=(
        function(
            "mf_process_maxfwd_header",
            None,
            integer("limit", 0, 255),
            routes=REQUEST,
            summary="Lower Max-Forwards or insert it with this value; false when it has reached 0.",
        ),
    ),
    params=(
        integer_param("max_limit", 16, "Highest value that is forwarded; 0 leaves values alone.", low=0, high=255),
    ),
)
