"""cpl: client of a CPL server, replaced by cpl-c. Reference modules-more, A.2.10."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_sip import host_mistake

EXPORTS: Final = ModuleSpec(
    name="cpl",
    export_name="cpl_module",
    summary="Runs CPL scripts at a CPL server; cpl-c does it itself.",
    functions=(
        function("cpl_run_script", None, routes=REQUEST, does=Does.TAKE_OVER, summary="Run the user's script."),
        function(
            "cpl_is_response_accept",
            None,
            routes=REQUEST,
            does=Does.NOTHING,
            summary="True if the script accepts the call.",
        ),
        function(
            "cpl_is_response_reject", None, routes=REQUEST, does=Does.NOTHING, summary="True if the script rejects it."
        ),
        function(
            "cpl_is_response_redirect",
            None,
            routes=REQUEST,
            does=Does.NOTHING,
            summary="True if the script redirects it.",
        ),
        function("cpl_update_contact", None, routes=REQUEST, does=Does.EDIT, summary="Take the script's contacts."),
    ),
    params=(
        string_param("cpl_server", "127.0.0.1", "Host of the CPL server.", check=host_mistake),
        integer_param("cpl_port", 18011, "Its port.", low=1, high=65535),
    ),
)
