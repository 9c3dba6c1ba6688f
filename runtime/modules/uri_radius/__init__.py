"""uri_radius: existence of users by RADIUS. Reference modules-more, A.7.3."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.params import radius_config_param

EXPORTS: Final = ModuleSpec(
    name="uri_radius",
    summary="Asks a RADIUS server whether a user exists.",
    functions=(
        function(
            "radius_does_uri_exist",
            None,
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the URI's user exists.",
        ),
    ),
    params=(
        radius_config_param(),
        integer_param("service_type", -1, "Service-Type; -1 is Call-Check."),
    ),
)
