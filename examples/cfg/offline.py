"""Routes of offline.cfg, compiled by serc 0.1.0. Change offline.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.msilo import Msilo
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
tm: Final = Tm()
maxfwd: Final = Maxfwd()
rr: Final = Rr()
usrloc: Final = Usrloc()
registrar: Final = Registrar()
msilo: Final = Msilo(expire_time=604800)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, offline.cfg:21."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # offline.cfg:22
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # offline.cfg:23
        return STOP  # offline.cfg:24
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # offline.cfg:28
        route_1(ctx)  # offline.cfg:29
        return STOP  # offline.cfg:30
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # offline.cfg:34
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # offline.cfg:35
        return STOP  # offline.cfg:36
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # offline.cfg:40
        # The phone hears its 200 first, and then what was kept for it.
        result = registrar.save(ctx, TABLE_1)  # offline.cfg:42
        if result == STOP:
            return STOP
        if result > 0:
            msilo.m_dump(ctx)  # offline.cfg:42
        return STOP  # offline.cfg:43
    rr.record_route(ctx)  # offline.cfg:46
    if registrar.lookup(ctx, TABLE_1):  # offline.cfg:48
        # Phones that do not take it leave it for later.
        if ctx.method == methods.MESSAGE:  # offline.cfg:50
            tm.t_on_failure(ctx, 1)  # offline.cfg:50
        route_1(ctx)  # offline.cfg:51
        return STOP  # offline.cfg:52
    if ctx.method == methods.MESSAGE:  # offline.cfg:55
        # A transaction absorbs repetitions: each message is kept once.
        result = tm.t_newtran(ctx)  # offline.cfg:57
        if result == STOP:
            return STOP
        if result > 0:
            if msilo.m_store(ctx, 0):  # offline.cfg:58
                tm.t_reply(ctx, 202, b"Accepted")  # offline.cfg:59
            else:
                tm.t_reply(ctx, 503, b"Service Unavailable")  # offline.cfg:61
        return STOP  # offline.cfg:64
    return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # offline.cfg:66


def route_1(ctx: Context) -> int:
    """route[1], offline.cfg:69."""
    result = tm.t_relay(ctx)  # offline.cfg:70
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # offline.cfg:70
    return TRUE


# No answer, or not now.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], offline.cfg:74."""
    if tm.t_check_status(ctx, REGEX_1):  # offline.cfg:75
        if msilo.m_store(ctx, 1):  # offline.cfg:76
            return verdict(tm.t_reply(ctx, 202, b"Accepted"))  # offline.cfg:76
        return TRUE
    return TRUE


# Which line of offline.cfg each line of this file comes from: so errors name offline.cfg.
# fmt: off
LINES: Final = {
    38: 22, 39: 23, 40: 24, 42: 28, 43: 29, 44: 30, 46: 34, 47: 35, 48: 36, 50: 40, 52: 42, 53: 42, 54: 42, 55: 42,
    56: 42, 57: 43, 58: 46, 59: 48, 61: 50, 62: 50, 63: 51, 64: 52, 65: 55, 67: 57, 68: 57, 69: 57, 70: 57, 71: 58,
    72: 59, 74: 61, 75: 64, 76: 66, 81: 70, 82: 70, 83: 70, 84: 70, 85: 70, 92: 75, 93: 76, 94: 76,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, msilo),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1,),
    source="offline.cfg",
    lines=LINES,
    format=1,
)
