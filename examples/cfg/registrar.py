"""Routes of registrar.cfg, compiled by serc 0.1.0. Change registrar.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.modules.uri import Uri
from runtime.modules.usrloc import TableName, Usrloc
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, TRUE, verdict
from runtime.sip import methods

CONFIG: Final = Config(
    listen=(Listen("udp", "127.0.0.1", 5060),),
    fifo="/tmp/ser_fifo",
)

sl: Final = Sl()
tm: Final = Tm()
maxfwd: Final = Maxfwd()
rr: Final = Rr()
uri: Final = Uri()
usrloc: Final = Usrloc()
registrar: Final = Registrar(default_expires=600, max_expires=3600, max_contacts=5)

TABLE_1: Final = TableName(b"location")


def route(ctx: Context) -> int:
    """Main request route, registrar.cfg:26."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # registrar.cfg:27
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # registrar.cfg:28
        return STOP  # registrar.cfg:29
    if ctx.method == methods.REGISTER:  # registrar.cfg:32
        # Answers, whatever comes of it.
        registrar.save(ctx, TABLE_1)  # registrar.cfg:34
        return STOP  # registrar.cfg:35
    rr.record_route(ctx)  # registrar.cfg:38
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # registrar.cfg:41
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # registrar.cfg:43
            if ctx.method != methods.ACK:  # registrar.cfg:44
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # registrar.cfg:44
            return STOP  # registrar.cfg:45
        route_1(ctx)  # registrar.cfg:47
        return STOP  # registrar.cfg:48
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # registrar.cfg:52
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # registrar.cfg:53
        return STOP  # registrar.cfg:54
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_1):  # registrar.cfg:58
        sl.sl_send_reply(ctx, 404, b"Not Found")  # registrar.cfg:59
        return STOP  # registrar.cfg:60
    return route_1(ctx) or TRUE  # registrar.cfg:62


def route_1(ctx: Context) -> int:
    """route[1], registrar.cfg:65."""
    result = tm.t_relay(ctx)  # registrar.cfg:66
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # registrar.cfg:66
    return TRUE


# Which line of registrar.cfg each line of this file comes from: so errors name registrar.cfg.
# fmt: off
LINES: Final = {
    37: 27, 38: 28, 39: 29, 40: 32, 42: 34, 43: 35, 44: 38, 46: 41, 48: 43, 49: 44, 50: 44, 51: 45, 52: 47, 53: 48,
    55: 52, 56: 53, 57: 54, 59: 58, 60: 59, 61: 60, 62: 62, 67: 66, 68: 66, 69: 66, 70: 66, 71: 66,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar),
    request=route,
    prepared=(TABLE_1,),
    source="registrar.cfg",
    lines=LINES,
    format=1,
)
