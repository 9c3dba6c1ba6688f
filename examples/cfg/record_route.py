"""Routes of record_route.cfg, compiled by serc 0.1.0. Change record_route.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.uri import Uri
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
uri: Final = Uri()

NETWORK_1: Final = Network.parse("127.0.0.0/8")
HOST_1: Final = Destination(b"127.0.0.1", 5070)


def route(ctx: Context) -> int:
    """Main request route, record_route.cfg:17."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # record_route.cfg:18
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # record_route.cfg:19
        return STOP  # record_route.cfg:20
    if not core.source_in(ctx, NETWORK_1):  # record_route.cfg:22
        sl.sl_send_reply(ctx, 403, b"Forbidden")  # record_route.cfg:23
        return STOP  # record_route.cfg:24
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # record_route.cfg:28
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # record_route.cfg:30
            if ctx.method != methods.ACK:  # record_route.cfg:31
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # record_route.cfg:31
            return STOP  # record_route.cfg:32
        core.forward_uri(ctx, core.SAME, core.URI_PORT)  # record_route.cfg:34
        return STOP  # record_route.cfg:35
    if ctx.method != methods.REGISTER:  # record_route.cfg:38
        rr.record_route(ctx)  # record_route.cfg:38
    if core.uri_is_myself(ctx):  # record_route.cfg:39
        return verdict(core.forward(ctx, HOST_1, core.SAME))  # record_route.cfg:40
    return verdict(core.forward_uri(ctx, core.SAME, core.URI_PORT))  # record_route.cfg:42


# Which line of record_route.cfg each line of this file comes from: so errors name record_route.cfg.
# fmt: off
LINES: Final = {
    33: 18, 34: 19, 35: 20, 36: 22, 37: 23, 38: 24, 40: 28, 42: 30, 43: 31, 44: 31, 45: 32, 46: 34, 47: 35, 48: 38,
    49: 38, 50: 39, 51: 40, 52: 42,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, maxfwd, rr, uri),
    request=route,
    destinations=(HOST_1,),
    source="record_route.cfg",
    lines=LINES,
    format=1,
)
