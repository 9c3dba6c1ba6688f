"""Routes of record_route.cfg, compiled by serc 0.1.0. Change record_route.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.destination import Destination
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, verdict
from runtime.sip import methods
from runtime.sip.address import Network

CONFIG: Final = Config(
    listen=(Listen("udp", "127.0.0.1", 5060),),
)

sl: Final = Sl()
maxfwd: Final = Maxfwd()
rr: Final = Rr()

NETWORK_1: Final = Network.parse("127.0.0.0/8")
HOST_1: Final = Destination(b"127.0.0.1", 5070)


def route(ctx: Context) -> int:
    """Main request route, record_route.cfg:16."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # record_route.cfg:17
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # record_route.cfg:18
        return STOP  # record_route.cfg:19
    if not core.source_in(ctx, NETWORK_1):  # record_route.cfg:21
        sl.sl_send_reply(ctx, 403, b"Forbidden")  # record_route.cfg:22
        return STOP  # record_route.cfg:23
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # record_route.cfg:27
        core.forward_uri(ctx, core.SAME, core.URI_PORT)  # record_route.cfg:28
        return STOP  # record_route.cfg:29
    if ctx.method != methods.REGISTER:  # record_route.cfg:32
        rr.record_route(ctx)  # record_route.cfg:32
    if core.uri_is_myself(ctx):  # record_route.cfg:33
        return verdict(core.forward(ctx, HOST_1, core.SAME))  # record_route.cfg:34
    return verdict(core.forward_uri(ctx, core.SAME, core.URI_PORT))  # record_route.cfg:36


# Which line of record_route.cfg each line of this file comes from: so errors name record_route.cfg.
# fmt: off
LINES: Final = {
    31: 17, 32: 18, 33: 19, 34: 21, 35: 22, 36: 23, 38: 27, 39: 28, 40: 29, 41: 32, 42: 32, 43: 33, 44: 34, 45: 36,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, maxfwd, rr),
    request=route,
    destinations=(HOST_1,),
    source="record_route.cfg",
    lines=LINES,
    format=1,
)
