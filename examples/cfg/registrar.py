"""Routes of registrar.cfg, compiled by serc 0.1.0. Change registrar.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
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
rr: Final = Rr(signed=1)
usrloc: Final = Usrloc()
registrar: Final = Registrar(default_expires=600, max_expires=3600, max_contacts=5)

TABLE_1: Final = TableName(b"location")


def route(ctx: Context) -> int:
    """Main request route, registrar.cfg:27."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # registrar.cfg:28
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # registrar.cfg:29
        return STOP  # registrar.cfg:30
    if ctx.method == methods.REGISTER:  # registrar.cfg:33
        # Answers, whatever comes of it.
        registrar.save(ctx, TABLE_1)  # registrar.cfg:35
        return STOP  # registrar.cfg:36
    rr.record_route(ctx)  # registrar.cfg:39
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # registrar.cfg:42
        route_1(ctx)  # registrar.cfg:43
        return STOP  # registrar.cfg:44
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # registrar.cfg:48
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # registrar.cfg:49
        return STOP  # registrar.cfg:50
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_1):  # registrar.cfg:54
        sl.sl_send_reply(ctx, 404, b"Not Found")  # registrar.cfg:55
        return STOP  # registrar.cfg:56
    return route_1(ctx) or TRUE  # registrar.cfg:58


def route_1(ctx: Context) -> int:
    """route[1], registrar.cfg:61."""
    result = tm.t_relay(ctx)  # registrar.cfg:62
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # registrar.cfg:62
    return TRUE


# Which line of registrar.cfg each line of this file comes from: so errors name registrar.cfg.
# fmt: off
LINES: Final = {
    35: 28, 36: 29, 37: 30, 38: 33, 40: 35, 41: 36, 42: 39, 44: 42, 45: 43, 46: 44, 48: 48, 49: 49, 50: 50, 52: 54,
    53: 55, 54: 56, 55: 58, 60: 62, 61: 62, 62: 62, 63: 62, 64: 62,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar),
    request=route,
    prepared=(TABLE_1,),
    source="registrar.cfg",
    lines=LINES,
    format=1,
)
