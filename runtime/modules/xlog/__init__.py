"""xlog: formatted logging. Reference modules-main, chapter 14."""

from typing import Final

from runtime.modules.xlog.kinds import log_format, log_level
from runtime.spec.declare import EVERYWHERE, ModuleSpec, function, integer_param

EXPORTS: Final = ModuleSpec(
    name="xlog",
    summary="Log lines with parts of the message.",
    functions=(
        function("xlog", None, log_level(), log_format(), routes=EVERYWHERE, summary="Log at this level."),
        function("xdbg", None, log_format(), routes=EVERYWHERE, summary="Log for debugging."),
    ),
    params=(integer_param("buf_size", 4096, "Longest line in bytes; longer ones are not logged.", low=1),),
)
