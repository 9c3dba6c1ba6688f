"""rr: record routing and loose routing. Reference modules-main, chapter 3."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, RouteKind, function, integer_param, string_param
from runtime.spec.kinds import string

EXPORTS: Final = ModuleSpec(
    name="rr",
    summary="Record-Route headers, and routing by Route headers.",
    functions=(
        function("record_route", None, routes=REQUEST, summary="Stay in the path of the dialog's later requests."),
        function(
            "record_route_preset",
            None,
            string("address"),
            routes=REQUEST,
            summary="Insert a Record-Route with this host[:port][;params] instead of the own address.",
        ),
        function(
            "record_route_strict",
            None,
            routes=RouteKind(0),
            summary="Exported for no kind of route: unusable in SER 0.9.",
        ),
        function("loose_route", None, routes=REQUEST, summary="Route by the Route headers; true when they decided."),
    ),
    params=(
        integer_param("append_fromtag", 1, "Add the From tag to Record-Route as ftag.", low=0, high=1),
        integer_param("enable_double_rr", 1, "Two Record-Routes where interface or protocol change.", low=0, high=1),
        integer_param("enable_full_lr", 0, "Write ;lr=on in place of ;lr.", low=0, high=1),
        integer_param("add_username", 0, "Put the user of the request URI into Record-Route.", low=0, high=1),
        string_param("ignore_user", None, "User part that does not make a Route ours."),
    ),
)
