"""dispatcher: load distribution. Reference modules-main, chapter 24."""

from typing import Final

from runtime.spec.declare import REQUEST, Argument, ArgumentKind, ModuleSpec, function, string_param, switch_param
from runtime.spec.kinds import integer, parse_integer
from runtime.spec.values import Doubt

_METHODS: Final = "0 hash of Call-ID, 1 hash of From URI"


def _method_doubt(text: str) -> Doubt | None:
    if text.strip() in ("0", "1"):
        return None
    return Doubt(f"algorithm {text} always takes the first destination of the set", _METHODS)


_ALGORITHM: Final = ArgumentKind("algorithm", f"an algorithm ({_METHODS})", parse_integer, _method_doubt)

EXPORTS: Final = ModuleSpec(
    name="dispatcher",
    summary="Spreads requests over the destinations of a list.",
    functions=(
        function(
            "ds_select_dst",
            None,
            integer("set", 0),
            Argument("algorithm", _ALGORITHM),
            routes=REQUEST,
            summary="Choose a destination out of a set.",
        ),
    ),
    params=(
        string_param("list_file", None, "List of sets; dispatcher.list beside ser.cfg if not set."),
        switch_param("force_dst", 0, "Replace a destination that is set already."),
    ),
)
