"""sl: stateless replies. Reference modules-main, chapter 2."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function
from runtime.spec.kinds import code, reason

EXPORTS: Final = ModuleSpec(
    name="sl",
    export_name="sl_module",
    summary="Replies without a transaction, and the absorption of their ACKs.",
    functions=(
        function("sl_send_reply", None, code(), reason(), routes=REQUEST, summary="Answer statelessly."),
        function("sl_reply_error", None, routes=REQUEST, summary="Answer with the last internal error."),
    ),
    fifo_commands=("sl_stats",),
)
