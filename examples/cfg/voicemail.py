"""Routes of voicemail.cfg, compiled by serc 0.1.0. Change voicemail.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.modules.usrloc import TableName, Usrloc
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, TRUE, verdict
from runtime.sip import methods
from runtime.sip.regex import Regex

CONFIG: Final = Config(
    fifo="/tmp/ser_fifo",
)

sl: Final = Sl()
tm: Final = Tm(fr_inv_timer=20)
maxfwd: Final = Maxfwd()
rr: Final = Rr()
usrloc: Final = Usrloc()
registrar: Final = Registrar()

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480|486", True)


def route(ctx: Context) -> int:
    """Main request route, voicemail.cfg:21."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # voicemail.cfg:22
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # voicemail.cfg:23
        return STOP  # voicemail.cfg:24
    if rr.loose_route(ctx):  # voicemail.cfg:28
        route_1(ctx)  # voicemail.cfg:29
        return STOP  # voicemail.cfg:30
    if core.uri_is_not_myself(ctx):  # voicemail.cfg:34
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # voicemail.cfg:35
        return STOP  # voicemail.cfg:36
    if ctx.method == methods.REGISTER:  # voicemail.cfg:40
        registrar.save(ctx, TABLE_1)  # voicemail.cfg:41
        return STOP  # voicemail.cfg:42
    rr.record_route(ctx)  # voicemail.cfg:45
    if not registrar.lookup(ctx, TABLE_1):  # voicemail.cfg:48
        if ctx.method == methods.INVITE:  # voicemail.cfg:49
            core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:50
            route_1(ctx)  # voicemail.cfg:51
        else:
            sl.sl_send_reply(ctx, 404, b"Not Found")  # voicemail.cfg:53
        return STOP  # voicemail.cfg:55
    if ctx.method == methods.INVITE:  # voicemail.cfg:59
        tm.t_on_failure(ctx, 1)  # voicemail.cfg:59
    return route_1(ctx) or TRUE  # voicemail.cfg:60


def route_1(ctx: Context) -> int:
    """route[1], voicemail.cfg:63."""
    result = tm.t_relay(ctx)  # voicemail.cfg:64
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # voicemail.cfg:64
    return TRUE


def failure_route_1(ctx: Context) -> int:
    """failure_route[1], voicemail.cfg:68."""
    if tm.t_check_status(ctx, REGEX_1):  # voicemail.cfg:69
        core.revert_uri(ctx)  # voicemail.cfg:71
        core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:72
        core.append_branch(ctx)  # voicemail.cfg:73
        return tm.t_relay(ctx)  # voicemail.cfg:74
    return TRUE


# Which line of voicemail.cfg each line of this file comes from: so errors name voicemail.cfg.
# fmt: off
LINES: Final = {
    36: 22, 37: 23, 38: 24, 39: 28, 40: 29, 41: 30, 42: 34, 43: 35, 44: 36, 45: 40, 46: 41, 47: 42, 48: 45, 49: 48,
    50: 49, 51: 50, 52: 51, 54: 53, 55: 55, 56: 59, 57: 59, 58: 60, 63: 64, 64: 64, 65: 64, 66: 64, 67: 64, 73: 69,
    74: 71, 75: 72, 76: 73, 77: 74,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1,),
    source="voicemail.cfg",
    lines=LINES,
    format=1,
)
