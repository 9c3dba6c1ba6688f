"""Routes of accounting.cfg, compiled by serc 0.1.0. Change accounting.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.acc import Acc
from runtime.modules.acc.tables import AccountTable
from runtime.modules.auth import Auth
from runtime.modules.auth_db import AuthDb
from runtime.modules.auth_db.tables import UserTable
from runtime.modules.maxfwd import Maxfwd
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

CONFIG: Final = Config(
    fifo="/tmp/ser_fifo",
)

sl: Final = Sl()
tm: Final = Tm()
maxfwd: Final = Maxfwd()
rr: Final = Rr(signed=1)
usrloc: Final = Usrloc(use_domain=1, db_mode=1)
registrar: Final = Registrar(use_domain=1)
auth: Final = Auth()
auth_db: Final = AuthDb(use_domain=1)
uri_db: Final = UriDb()
acc: Final = Acc(db_flag=1, log_flag=1, db_missed_flag=2, failed_transactions=1, report_ack=0)

TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")
TABLE_3: Final = AccountTable(b"missed_calls")


def route(ctx: Context) -> int:
    """Main request route, accounting.cfg:38."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # accounting.cfg:40
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # accounting.cfg:41
        return STOP  # accounting.cfg:42
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # accounting.cfg:46
        # The end of a call is what makes its length.
        if ctx.method == methods.BYE:  # accounting.cfg:48
            core.setflag(ctx, 1)  # accounting.cfg:48
        route_1(ctx)  # accounting.cfg:49
        return STOP  # accounting.cfg:50
    if ctx.method == methods.REGISTER:  # accounting.cfg:53
        route_2(ctx)  # accounting.cfg:54
        return STOP  # accounting.cfg:55
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # accounting.cfg:59
        sl.sl_send_reply(ctx, 200, b"OK")  # accounting.cfg:60
        return STOP  # accounting.cfg:61
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # accounting.cfg:65
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:66
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:67
            return STOP  # accounting.cfg:68
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # accounting.cfg:71
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:72
            return STOP  # accounting.cfg:73
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # accounting.cfg:76
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # accounting.cfg:80
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # accounting.cfg:81
        return STOP  # accounting.cfg:82
    rr.record_route(ctx)  # accounting.cfg:85
    if ctx.method == methods.INVITE:  # accounting.cfg:87
        core.setflag(ctx, 1)  # accounting.cfg:88
        core.setflag(ctx, 2)  # accounting.cfg:89
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # accounting.cfg:93
        # This answer comes from no transaction, which acc would write down.
        acc.acc_db_request(ctx, b"404 Not Found", TABLE_3)  # accounting.cfg:95
        sl.sl_send_reply(ctx, 404, b"Not Found")  # accounting.cfg:96
        return STOP  # accounting.cfg:97
    return route_1(ctx) or TRUE  # accounting.cfg:99


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], accounting.cfg:103."""
    result = tm.t_relay(ctx)  # accounting.cfg:104
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # accounting.cfg:104
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], accounting.cfg:108."""
    if core.uri_is_not_myself(ctx):  # accounting.cfg:109
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # accounting.cfg:110
        return STOP  # accounting.cfg:111
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # accounting.cfg:113
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # accounting.cfg:114
        return STOP  # accounting.cfg:115
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # accounting.cfg:118
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:119
        return STOP  # accounting.cfg:120
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # accounting.cfg:123


# Which line of accounting.cfg each line of this file comes from: so errors name accounting.cfg.
# fmt: off
LINES: Final = {
    47: 40, 48: 41, 49: 42, 51: 46, 53: 48, 54: 48, 55: 49, 56: 50, 57: 53, 58: 54, 59: 55, 61: 59, 62: 60, 63: 61,
    65: 65, 66: 66, 67: 66, 68: 66, 69: 66, 70: 67, 71: 68, 73: 71, 74: 72, 75: 73, 77: 76, 79: 80, 80: 81, 81: 82,
    82: 85, 83: 87, 84: 88, 85: 89, 87: 93, 89: 95, 90: 96, 91: 97, 92: 99, 98: 104, 99: 104, 100: 104, 101: 104,
    102: 104, 109: 109, 110: 110, 111: 111, 112: 113, 113: 113, 114: 113, 115: 113, 116: 114, 117: 115, 119: 118,
    120: 119, 121: 120, 123: 123,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, auth, auth_db, uri_db, acc),
    request=route,
    prepared=(TABLE_1, TABLE_2, TABLE_3),
    source="accounting.cfg",
    lines=LINES,
    format=1,
)
