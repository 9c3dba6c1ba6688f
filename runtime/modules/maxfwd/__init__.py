"""maxfwd: the Max-Forwards header. Reference modules-main, chapter 4; RFC 3261 16.3 and 16.6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.sip.edits import Edit
from runtime.sip.scan import decimal
from runtime.spec.declare import REQUEST, Arg, ArgumentKind, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.kinds import parse_integer
from runtime.spec.values import Doubt

_HIGHEST: Final = 65535
MINUS: Final = 45


@final
class Maxfwd(Module):
    """Checks, lowers and inserts Max-Forwards. `max_limit`: highest value that is forwarded, 0 for no limit."""

    def __init__(self, *, max_limit: int = 16) -> None:
        super().__init__("maxfwd")
        self.max_limit: Final[i64] = max_limit

    def mf_process_maxfwd_header(self, ctx: Context, limit: int) -> bool:
        """Lower Max-Forwards by one, at least to `max_limit`, or insert it with `limit`; False when it is 0 already, negative or empty.

        `limit` takes the place of a value that is no number or over 65535: left alone, it could circle for ever. The
        digits are overwritten in the received bytes, right-aligned, so later searches see them and a second call
        lowers again.
        """
        msg = ctx.message
        record = msg.max_forwards
        if record == 0:
            ctx.insert_before_headers(b"Max-Forwards: %d\r\n" % limit)
            return True
        start = msg.value_start(record)
        end = msg.value_end(record)
        value = decimal(msg.buf, start, end)
        if end <= start or msg.buf[start] == MINUS or value == 0:
            return False
        if value < 0 or value > _HIGHEST:
            ctx.log(-1, "ERROR:maxfwd:is_maxfwd_present: unable to parse the max forwards number !")
            ctx.edits.append(Edit(start, end, b"%d" % limit))
            return True
        value -= 1
        if self.max_limit != 0 and value > self.max_limit:
            value = self.max_limit
        msg.overwrite(start, _right_aligned(value, end - start))
        return True


_TEXTS: Final = [b"%d" % n for n in range(256)]


def _right_aligned(value: i64, width: i64) -> bytes:
    text = _TEXTS[value] if value < 256 else b"%d" % value
    if len(text) == width:
        return text
    return text.rjust(width)


def _limit_doubt(text: str) -> Doubt | None:
    if int(text) > 0:
        return None
    return Doubt("with 0 as the limit no request comes further than here", "write 10")


_LIMIT: Final = Arg(
    "limit",
    ArgumentKind[int](
        "integer", "a number from 0 to 255", lambda t: parse_integer(t, 0, 255), _limit_doubt, at_most="max_limit"
    ),
)

EXPORTS: Final = ModuleSpec(
    name="maxfwd",
    implementation="runtime.modules.maxfwd:Maxfwd",
    summary="Checks, lowers and inserts Max-Forwards.",
    functions=(
        function(
            "mf_process_maxfwd_header",
            Maxfwd.mf_process_maxfwd_header,
            _LIMIT,
            routes=REQUEST,
            does=Does.CHECK_HOPS,
            alone="not stop a looping request by itself",
            summary="Lower Max-Forwards or insert it with this value; false when it has reached 0.",
        ),
    ),
    params=(
        integer_param("max_limit", 16, "Highest value that is forwarded; 0 leaves values alone.", low=0, high=255),
    ),
)
