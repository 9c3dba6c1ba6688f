"""Routes of redirect.cfg, compiled by serc 0.1.0. Change redirect.cfg, not this file."""

from typing import Final

from runtime.modules import core
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

REGEX_1: Final = Regex(b"^sip:alice@", ignore_case=True)
REGEX_2: Final = Regex(b"^sip:0[0-9]+@", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, redirect.cfg:13."""
    # There is no dialog in which an ACK or CANCEL could be answered.
    if ctx.method in (methods.ACK, methods.CANCEL):  # redirect.cfg:15
        return STOP  # redirect.cfg:15
    if core.uri_matches(ctx, REGEX_1):  # redirect.cfg:17
        core.set_hostport(ctx, b"desk.example.com:5060")  # redirect.cfg:18
        core.append_branch_uri(ctx, b"sip:alice@mobile.example.com", 500)  # redirect.cfg:19
        return verdict(sl.sl_send_reply(ctx, 302, b"Moved Temporarily"))  # redirect.cfg:20
    if core.uri_matches(ctx, REGEX_2):  # redirect.cfg:21
        # Numbers go to the gateway, without the leading zero.
        core.strip(ctx, 1)  # redirect.cfg:23
        core.prefix(ctx, b"+44")  # redirect.cfg:24
        core.set_hostport(ctx, b"gateway.example.com:5080")  # redirect.cfg:25
        return verdict(sl.sl_send_reply(ctx, 302, b"Moved Temporarily"))  # redirect.cfg:26
    return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # redirect.cfg:28


# Which line of redirect.cfg each line of this file comes from: so errors name redirect.cfg.
# fmt: off
LINES: Final = {
    27: 15, 28: 15, 29: 17, 30: 18, 31: 19, 32: 20, 33: 21, 35: 23, 36: 24, 37: 25, 38: 26, 39: 28,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl,),
    request=route,
    source="redirect.cfg",
    lines=LINES,
    format=1,
)
