"""Routes of answer.cfg, compiled by serc 0.1.0. Change answer.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.sl import Sl
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, verdict
from runtime.sip import methods
from runtime.sip.regex import Regex

CONFIG: Final = Config(
    listen=(Listen("udp", "127.0.0.1", 5060),),
)

sl: Final = Sl()
maxfwd: Final = Maxfwd()

REGEX_1: Final = Regex(b"^sips?:404@", ignore_case=True)
REGEX_2: Final = Regex(b"^sips?:486@", ignore_case=True)
REGEX_3: Final = Regex(b"^sips?:503@", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, answer.cfg:13."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # answer.cfg:14
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # answer.cfg:15
        return STOP  # answer.cfg:16
    if ctx.method == methods.ACK:  # answer.cfg:18
        return STOP  # answer.cfg:18
    if ctx.method in (methods.OPTIONS, methods.MESSAGE, methods.NOTIFY):  # answer.cfg:19
        route_1(ctx)  # answer.cfg:20
        return STOP  # answer.cfg:21
    core.log(ctx, core.L_NOTICE, b"somebody asks for more than we have\n")  # answer.cfg:23
    return verdict(sl.sl_send_reply(ctx, 405, b"Method Not Allowed"))  # answer.cfg:24


# The user part says what the answer is to be.
def route_1(ctx: Context) -> int:
    """route[1], answer.cfg:28."""
    if core.uri_matches(ctx, REGEX_1):  # answer.cfg:29
        return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # answer.cfg:30
    if core.uri_matches(ctx, REGEX_2):  # answer.cfg:31
        return verdict(sl.sl_send_reply(ctx, 486, b"Busy Here"))  # answer.cfg:32
    if core.uri_matches(ctx, REGEX_3):  # answer.cfg:33
        return verdict(sl.sl_send_reply(ctx, 503, b"Service Unavailable"))  # answer.cfg:34
    return verdict(sl.sl_send_reply(ctx, 200, b"OK"))  # answer.cfg:36


# Which line of answer.cfg each line of this file comes from: so errors name answer.cfg.
# fmt: off
LINES: Final = {
    29: 14, 30: 15, 31: 16, 32: 18, 33: 18, 34: 19, 35: 20, 36: 21, 37: 23, 38: 24, 44: 29, 45: 30, 46: 31, 47: 32,
    48: 33, 49: 34, 50: 36,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, maxfwd),
    request=route,
    source="answer.cfg",
    lines=LINES,
    format=1,
)
