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
rr: Final = Rr(signed=1)
usrloc: Final = Usrloc()
registrar: Final = Registrar()
msilo: Final = Msilo(expire_time=604800)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, offline.cfg:23."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # offline.cfg:24
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # offline.cfg:25
        return STOP  # offline.cfg:26
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # offline.cfg:30
        route_1(ctx)  # offline.cfg:31
        return STOP  # offline.cfg:32
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # offline.cfg:36
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # offline.cfg:37
        return STOP  # offline.cfg:38
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # offline.cfg:42
        # The phone hears its 200 first, and then what was kept for it.
        result = registrar.save(ctx, TABLE_1)  # offline.cfg:44
        if result == STOP:
            return STOP
        if result > 0:
            msilo.m_dump(ctx)  # offline.cfg:44
        return STOP  # offline.cfg:45
    rr.record_route(ctx)  # offline.cfg:48
    if registrar.lookup(ctx, TABLE_1):  # offline.cfg:50
        # Phones that do not take it leave it for later.
        if ctx.method == methods.MESSAGE:  # offline.cfg:52
            tm.t_on_failure(ctx, 1)  # offline.cfg:52
        route_1(ctx)  # offline.cfg:53
        return STOP  # offline.cfg:54
    if ctx.method == methods.MESSAGE:  # offline.cfg:57
        # A transaction absorbs repetitions: each message is kept once.
        result = tm.t_newtran(ctx)  # offline.cfg:59
        if result == STOP:
            return STOP
        if result > 0:
            if msilo.m_store(ctx, 0):  # offline.cfg:60
                tm.t_reply(ctx, 202, b"Accepted")  # offline.cfg:61
            else:
                tm.t_reply(ctx, 503, b"Service Unavailable")  # offline.cfg:63
        return STOP  # offline.cfg:66
    return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # offline.cfg:68


def route_1(ctx: Context) -> int:
    """route[1], offline.cfg:71."""
    result = tm.t_relay(ctx)  # offline.cfg:72
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # offline.cfg:72
    return TRUE


# No answer, or not now.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], offline.cfg:76."""
    if tm.t_check_status(ctx, REGEX_1):  # offline.cfg:77
        if msilo.m_store(ctx, 1):  # offline.cfg:78
            return verdict(tm.t_reply(ctx, 202, b"Accepted"))  # offline.cfg:78
        return TRUE
    return TRUE


# Which line of offline.cfg each line of this file comes from: so errors name offline.cfg.
# fmt: off
LINES: Final = {
    38: 24, 39: 25, 40: 26, 42: 30, 43: 31, 44: 32, 46: 36, 47: 37, 48: 38, 50: 42, 52: 44, 53: 44, 54: 44, 55: 44,
    56: 44, 57: 45, 58: 48, 59: 50, 61: 52, 62: 52, 63: 53, 64: 54, 65: 57, 67: 59, 68: 59, 69: 59, 70: 59, 71: 60,
    72: 61, 74: 63, 75: 66, 76: 68, 81: 72, 82: 72, 83: 72, 84: 72, 85: 72, 92: 77, 93: 78, 94: 78,
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
