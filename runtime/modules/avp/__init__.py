"""avp: attributes by name. Reference modules-main, chapter 15."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function
from runtime.spec.kinds import integer, string
from runtime.spec.kinds_avp import attribute

_ROUTES: Final = REQUEST | FAILURE

EXPORTS: Final = ModuleSpec(
    name="avp",
    summary="Sets and tests AVPs with string names.",
    functions=(
        function("set_sattr", None, attribute(), string("value"), routes=_ROUTES, summary="Add a string AVP."),
        function("set_iattr", None, attribute(), integer("value", 0), routes=_ROUTES, summary="Add an integer AVP."),
        function("flags2attr", None, routes=_ROUTES, summary='Keep the message flags in the AVP "flags".'),
        function("uri2attr", None, attribute(), routes=_ROUTES, summary="Keep the request URI in an AVP."),
        function("attr2uri", None, attribute(), routes=_ROUTES, summary="Make an AVP the request URI."),
        function("print_sattr", None, attribute(), routes=_ROUTES, summary="Log an AVP."),
        function("is_sattr_set", None, attribute(), routes=_ROUTES, summary="True if there is such an AVP."),
        function(
            "avp_exists", None, attribute(), string("value"), routes=_ROUTES, summary="True if it has this value."
        ),
    ),
)
