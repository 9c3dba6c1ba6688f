"""avp_radius: AVPs by RADIUS. Reference modules-more, A.7.4."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.kinds_words import keyword
from runtime.spec.params import radius_config_param

EXPORTS: Final = ModuleSpec(
    name="avp_radius",
    summary="Loads AVPs from a RADIUS server.",
    functions=(
        function(
            "avp_load_radius",
            None,
            keyword("party", "caller", "callee", "digest"),
            routes=REQUEST | FAILURE,
            does=Does.NOTHING,
            summary="Load the AVPs of the caller, the callee or the authenticated user.",
        ),
    ),
    params=(
        radius_config_param(),
        integer_param("caller_service_type", -1, "Service-Type for callers; -1 is SIP-Caller-AVPs."),
        integer_param("callee_service_type", -1, "Service-Type for callees; -1 is SIP-Callee-AVPs."),
    ),
)
