"""Routes of offline.cfg, compiled by serc 0.1.0. Change offline.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.msilo import Msilo
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.modules.uri_db import UriDb
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
uri_db: Final = UriDb()
msilo: Final = Msilo(expire_time=604800, max_messages=50)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, offline.cfg:27."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # offline.cfg:28
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # offline.cfg:29
        return STOP  # offline.cfg:30
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # offline.cfg:34
        route_1(ctx)  # offline.cfg:35
        return STOP  # offline.cfg:36
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # offline.cfg:40
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # offline.cfg:41
        return STOP  # offline.cfg:42
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # offline.cfg:46
        # The phone hears its 200 first, and then what was kept for it.
        result = registrar.save(ctx, TABLE_1)  # offline.cfg:48
        if result == STOP:
            return STOP
        if result > 0:
            msilo.m_dump(ctx)  # offline.cfg:48
        return STOP  # offline.cfg:49
    # RFC 3428, 8: longer ones go over a call.
    if ctx.method == methods.MESSAGE and ctx.size > 4000:  # offline.cfg:53
        sl.sl_send_reply(ctx, 513, b"Message Too Large")  # offline.cfg:54
        return STOP  # offline.cfg:55
    rr.record_route(ctx)  # offline.cfg:58
    # What is kept is kept for those whom serctl add has added, and not for any name that somebody writes.
    if ctx.method == methods.MESSAGE and uri_db.does_uri_exist(ctx):  # offline.cfg:61
        core.setflag(ctx, 1)  # offline.cfg:61
    if registrar.lookup(ctx, TABLE_1):  # offline.cfg:63
        # Phones that do not take it leave it for later.
        if core.isflagset(ctx, 1):  # offline.cfg:65
            tm.t_on_failure(ctx, 1)  # offline.cfg:65
        route_1(ctx)  # offline.cfg:66
        return STOP  # offline.cfg:67
    if core.isflagset(ctx, 1):  # offline.cfg:70
        # A transaction absorbs repetitions: each message is kept once.
        result = tm.t_newtran(ctx)  # offline.cfg:72
        if result == STOP:
            return STOP
        if result > 0:
            if msilo.m_store(ctx, 1):  # offline.cfg:73
                tm.t_reply(ctx, 202, b"Accepted")  # offline.cfg:74
            else:
                tm.t_reply(ctx, 503, b"Service Unavailable")  # offline.cfg:76
        return STOP  # offline.cfg:79
    return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # offline.cfg:81


def route_1(ctx: Context) -> int:
    """route[1], offline.cfg:84."""
    result = tm.t_relay(ctx)  # offline.cfg:85
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # offline.cfg:85
    return TRUE


# No answer, or not now.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], offline.cfg:89."""
    if tm.t_check_status(ctx, REGEX_1):  # offline.cfg:90
        if msilo.m_store(ctx, 1):  # offline.cfg:91
            return verdict(tm.t_reply(ctx, 202, b"Accepted"))  # offline.cfg:91
        return TRUE
    return TRUE


# Which line of offline.cfg each line of this file comes from: so errors name offline.cfg.
# fmt: off
LINES: Final = {
    40: 28, 41: 29, 42: 30, 44: 34, 45: 35, 46: 36, 48: 40, 49: 41, 50: 42, 52: 46, 54: 48, 55: 48, 56: 48, 57: 48,
    58: 48, 59: 49, 61: 53, 62: 54, 63: 55, 64: 58, 66: 61, 67: 61, 68: 63, 70: 65, 71: 65, 72: 66, 73: 67, 74: 70,
    76: 72, 77: 72, 78: 72, 79: 72, 80: 73, 81: 74, 83: 76, 84: 79, 85: 81, 90: 85, 91: 85, 92: 85, 93: 85, 94: 85,
    101: 90, 102: 91, 103: 91,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, uri_db, msilo),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1,),
    source="offline.cfg",
    lines=LINES,
    format=1,
)
