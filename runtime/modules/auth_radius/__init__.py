"""auth_radius: digest authentication by RADIUS. Reference modules-more, A.7.1."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string
from runtime.spec.params import radius_config_param

EXPORTS: Final = ModuleSpec(
    name="auth_radius",
    summary="Verifies digest credentials at a RADIUS server.",
    needs=("sl", "auth"),
    functions=(
        function(
            "radius_www_authorize",
            None,
            string("realm"),
            routes=REQUEST,
            does=Does.AUTH_WWW,
            alone="nothing else",
            may_stop=True,
            summary='True if Authorization is right; realm "" is taken from the request.',
        ),
        function(
            "radius_proxy_authorize",
            None,
            string("realm"),
            routes=REQUEST,
            does=Does.AUTH_PROXY,
            alone="nothing else",
            may_stop=True,
            summary='True if Proxy-Authorization is right; realm "" is taken from the request.',
        ),
    ),
    params=(
        radius_config_param(),
        integer_param("service_type", -1, "Service-Type; -1 is Sip-Session."),
    ),
)
