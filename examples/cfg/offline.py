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
registrar: Final = Registrar(max_contacts=5)
uri_db: Final = UriDb()
msilo: Final = Msilo(expire_time=604800, max_messages=50)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, offline.cfg:29."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # offline.cfg:30
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # offline.cfg:31
        return STOP  # offline.cfg:32
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # offline.cfg:36
        route_1(ctx)  # offline.cfg:37
        return STOP  # offline.cfg:38
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # offline.cfg:42
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # offline.cfg:43
        return STOP  # offline.cfg:44
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # offline.cfg:48
        # The phone hears its 200 first, and then what was kept for it.
        result = registrar.save(ctx, TABLE_1)  # offline.cfg:50
        if result == STOP:
            return STOP
        if result > 0:
            msilo.m_dump(ctx)  # offline.cfg:50
        return STOP  # offline.cfg:51
    # RFC 3428, 8: longer ones go over a call.
    if ctx.method == methods.MESSAGE and ctx.size > 4000:  # offline.cfg:55
        sl.sl_send_reply(ctx, 513, b"Message Too Large")  # offline.cfg:56
        return STOP  # offline.cfg:57
    rr.record_route(ctx)  # offline.cfg:60
    # What is kept is kept for those whom serctl add has added, and not for any name that somebody writes.
    if ctx.method == methods.MESSAGE and uri_db.does_uri_exist(ctx):  # offline.cfg:63
        core.setflag(ctx, 1)  # offline.cfg:63
    if registrar.lookup(ctx, TABLE_1):  # offline.cfg:65
        # Phones that do not take it leave it for later.
        if core.isflagset(ctx, 1):  # offline.cfg:67
            tm.t_on_failure(ctx, 1)  # offline.cfg:67
        route_1(ctx)  # offline.cfg:68
        return STOP  # offline.cfg:69
    if ctx.method == methods.MESSAGE and core.isflagset(ctx, 1):  # offline.cfg:72
        # A transaction absorbs repetitions: each message is kept once.
        result = tm.t_newtran(ctx)  # offline.cfg:74
        if result == STOP:
            return STOP
        if result > 0:
            if msilo.m_store(ctx, 1):  # offline.cfg:75
                tm.t_reply(ctx, 202, b"Accepted")  # offline.cfg:76
            else:
                tm.t_reply(ctx, 503, b"Service Unavailable")  # offline.cfg:78
        return STOP  # offline.cfg:81
    return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # offline.cfg:83


def route_1(ctx: Context) -> int:
    """route[1], offline.cfg:86."""
    result = tm.t_relay(ctx)  # offline.cfg:87
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # offline.cfg:87
    return TRUE


# No answer, or not now.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], offline.cfg:91."""
    if tm.t_check_status(ctx, REGEX_1):  # offline.cfg:92
        if msilo.m_store(ctx, 1):  # offline.cfg:93
            return verdict(tm.t_reply(ctx, 202, b"Accepted"))  # offline.cfg:93
        return TRUE
    return TRUE


# Which line of offline.cfg each line of this file comes from: so errors name offline.cfg.
# fmt: off
LINES: Final = {
    40: 30, 41: 31, 42: 32, 44: 36, 45: 37, 46: 38, 48: 42, 49: 43, 50: 44, 52: 48, 54: 50, 55: 50, 56: 50, 57: 50,
    58: 50, 59: 51, 61: 55, 62: 56, 63: 57, 64: 60, 66: 63, 67: 63, 68: 65, 70: 67, 71: 67, 72: 68, 73: 69, 74: 72,
    76: 74, 77: 74, 78: 74, 79: 74, 80: 75, 81: 76, 83: 78, 84: 81, 85: 83, 90: 87, 91: 87, 92: 87, 93: 87, 94: 87,
    101: 92, 102: 93, 103: 93,
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
