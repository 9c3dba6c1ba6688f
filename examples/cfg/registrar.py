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
rr: Final = Rr()
usrloc: Final = Usrloc()
registrar: Final = Registrar(default_expires=600, max_expires=3600, max_contacts=5)

TABLE_1: Final = TableName(b"location")


def route(ctx: Context) -> int:
    """Main request route, registrar.cfg:25."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # registrar.cfg:26
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # registrar.cfg:27
        return STOP  # registrar.cfg:28
    if ctx.method == methods.REGISTER:  # registrar.cfg:31
        # Answers, whatever comes of it.
        registrar.save(ctx, TABLE_1)  # registrar.cfg:33
        return STOP  # registrar.cfg:34
    rr.record_route(ctx)  # registrar.cfg:37
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # registrar.cfg:40
        route_1(ctx)  # registrar.cfg:41
        return STOP  # registrar.cfg:42
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # registrar.cfg:46
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # registrar.cfg:47
        return STOP  # registrar.cfg:48
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_1):  # registrar.cfg:52
        sl.sl_send_reply(ctx, 404, b"Not Found")  # registrar.cfg:53
        return STOP  # registrar.cfg:54
    return route_1(ctx) or TRUE  # registrar.cfg:56


def route_1(ctx: Context) -> int:
    """route[1], registrar.cfg:59."""
    result = tm.t_relay(ctx)  # registrar.cfg:60
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # registrar.cfg:60
    return TRUE


# Which line of registrar.cfg each line of this file comes from: so errors name registrar.cfg.
# fmt: off
LINES: Final = {
    35: 26, 36: 27, 37: 28, 38: 31, 40: 33, 41: 34, 42: 37, 44: 40, 45: 41, 46: 42, 48: 46, 49: 47, 50: 48, 52: 52,
    53: 53, 54: 54, 55: 56, 60: 60, 61: 60, 62: 60, 63: 60, 64: 60,
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
