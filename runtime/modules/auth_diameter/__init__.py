"""auth_diameter: authentication by DIAMETER. Reference modules-more, A.8."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string
from runtime.spec.kinds_sip import host_mistake
from runtime.spec.kinds_words import identity

EXPORTS: Final = ModuleSpec(
    name="auth_diameter",
    summary="Verifies credentials and groups at a DIAMETER client.",
    needs=("sl",),
    functions=(
        function(
            "diameter_www_authorize",
            None,
            string("realm"),
            routes=REQUEST,
            does=Does.AUTH_WWW,
            may_stop=True,
            summary="True if Authorization is right; answers itself if not.",
        ),
        function(
            "diameter_proxy_authorize",
            None,
            string("realm"),
            routes=REQUEST,
            does=Does.AUTH_PROXY,
            may_stop=True,
            summary="True if Proxy-Authorization is right; answers itself if not.",
        ),
        function(
            "diameter_is_user_in",
            None,
            identity(),
            string("group"),
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the user is in the group.",
        ),
    ),
    params=(
        string_param("diameter_client_host", "localhost", "Host of the DIAMETER client.", check=host_mistake),
        integer_param("diameter_client_port", 3000, "Its port.", low=1, high=65535),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
