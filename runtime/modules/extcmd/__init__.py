"""extcmd: an instant-messaging client's protocol. Reference modules-more, A.2.9."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does

EXPORTS: Final = ModuleSpec(
    name="extcmd",
    summary="Passes requests to an instant-messaging client over TCP.",
    functions=(
        function("extcmd_dump_req", None, routes=REQUEST, does=Does.COPY, summary="Pass the request to the client."),
    ),
    params=(
        string_param("listen_address", None, "Address for the client.", mandatory=True),
        integer_param("listen_port", None, "Port for the client.", low=1, high=65535),
    ),
)
