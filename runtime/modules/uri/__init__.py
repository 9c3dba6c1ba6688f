"""uri: tests and changes of URIs. Reference modules-main, chapter 10."""

from typing import Final

from runtime.spec.declare import REQUEST, Argument, ModuleSpec, function
from runtime.spec.kinds import some_text, string

_USER: Final = Argument("user", some_text("user", "the name of a user"))
_PARAMETER: Final = Argument("parameter", some_text("parameter", "the name of a URI parameter"))

EXPORTS: Final = ModuleSpec(
    name="uri",
    summary="Tests and changes of URIs, without a database.",
    functions=(
        function("is_user", None, _USER, routes=REQUEST, summary="True if this user was authenticated."),
        function("has_totag", None, routes=REQUEST, summary="True if To has a tag: a request in a dialog."),
        function("uri_param", None, _PARAMETER, routes=REQUEST, summary="True if the URI has it, without a value."),
        function("uri_param", None, _PARAMETER, string("value"), routes=REQUEST, summary="True if it has this value."),
        function("add_uri_param", None, string("parameter"), routes=REQUEST, summary="Add a parameter to the URI."),
        function("tel2sip", None, routes=REQUEST, summary="Make a sip URI of a tel URI."),
    ),
)
