"""Routes of offline.cfg, compiled by serc 0.1.0. Change offline.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.msilo import Msilo
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.modules.uri import Uri
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
uri: Final = Uri()
usrloc: Final = Usrloc()
registrar: Final = Registrar()
msilo: Final = Msilo(expire_time=604800)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, offline.cfg:22."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # offline.cfg:23
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # offline.cfg:24
        return STOP  # offline.cfg:25
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # offline.cfg:29
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # offline.cfg:31
            if ctx.method != methods.ACK:  # offline.cfg:32
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # offline.cfg:32
            return STOP  # offline.cfg:33
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
    rr.record_route(ctx)  # offline.cfg:52
    if registrar.lookup(ctx, TABLE_1):  # offline.cfg:54
        # Phones that do not take it leave it for later.
        if ctx.method == methods.MESSAGE:  # offline.cfg:56
            tm.t_on_failure(ctx, 1)  # offline.cfg:56
        route_1(ctx)  # offline.cfg:57
        return STOP  # offline.cfg:58
    if ctx.method == methods.MESSAGE:  # offline.cfg:61
        # A transaction absorbs repetitions: each message is kept once.
        result = tm.t_newtran(ctx)  # offline.cfg:63
        if result == STOP:
            return STOP
        if result > 0:
            if msilo.m_store(ctx, 0):  # offline.cfg:64
                tm.t_reply(ctx, 202, b"Accepted")  # offline.cfg:65
            else:
                tm.t_reply(ctx, 503, b"Service Unavailable")  # offline.cfg:67
        return STOP  # offline.cfg:70
    return verdict(sl.sl_send_reply(ctx, 404, b"Not Found"))  # offline.cfg:72


def route_1(ctx: Context) -> int:
    """route[1], offline.cfg:75."""
    result = tm.t_relay(ctx)  # offline.cfg:76
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # offline.cfg:76
    return TRUE


# No answer, or not now.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], offline.cfg:80."""
    if tm.t_check_status(ctx, REGEX_1):  # offline.cfg:81
        if msilo.m_store(ctx, 1):  # offline.cfg:82
            return verdict(tm.t_reply(ctx, 202, b"Accepted"))  # offline.cfg:82
        return TRUE
    return TRUE


# Which line of offline.cfg each line of this file comes from: so errors name offline.cfg.
# fmt: off
LINES: Final = {
    40: 23, 41: 24, 42: 25, 44: 29, 46: 31, 47: 32, 48: 32, 49: 33, 50: 35, 51: 36, 53: 40, 54: 41, 55: 42, 57: 46,
    59: 48, 60: 48, 61: 48, 62: 48, 63: 48, 64: 49, 65: 52, 66: 54, 68: 56, 69: 56, 70: 57, 71: 58, 72: 61, 74: 63,
    75: 63, 76: 63, 77: 63, 78: 64, 79: 65, 81: 67, 82: 70, 83: 72, 88: 76, 89: 76, 90: 76, 91: 76, 92: 76, 99: 81,
    100: 82, 101: 82,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, msilo),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1,),
    source="offline.cfg",
    lines=LINES,
    format=1,
)
