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
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is.
        if not rr.keeps_way(ctx):  # accounting.cfg:50
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:51
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:52
                return STOP  # accounting.cfg:53
            # It may be another call.
            if ctx.method == methods.INVITE:  # accounting.cfg:56
                core.setflag(ctx, 1)  # accounting.cfg:56
            auth.consume_credentials(ctx)  # accounting.cfg:57
        route_1(ctx)  # accounting.cfg:59
        return STOP  # accounting.cfg:60
    if ctx.method == methods.REGISTER:  # accounting.cfg:63
        route_2(ctx)  # accounting.cfg:64
        return STOP  # accounting.cfg:65
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # accounting.cfg:69
        sl.sl_send_reply(ctx, 200, b"OK")  # accounting.cfg:70
        return STOP  # accounting.cfg:71
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # accounting.cfg:75
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:76
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:77
            return STOP  # accounting.cfg:78
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # accounting.cfg:81
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:82
            return STOP  # accounting.cfg:83
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # accounting.cfg:86
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # accounting.cfg:90
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # accounting.cfg:91
        return STOP  # accounting.cfg:92
    rr.record_route(ctx)  # accounting.cfg:95
    if ctx.method == methods.INVITE:  # accounting.cfg:97
        core.setflag(ctx, 1)  # accounting.cfg:98
        core.setflag(ctx, 2)  # accounting.cfg:99
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # accounting.cfg:103
        # This answer comes from no transaction, which acc would write down.
        acc.acc_db_request(ctx, b"404 Not Found", TABLE_3)  # accounting.cfg:105
        sl.sl_send_reply(ctx, 404, b"Not Found")  # accounting.cfg:106
        return STOP  # accounting.cfg:107
    return route_1(ctx) or TRUE  # accounting.cfg:109


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], accounting.cfg:113."""
    result = tm.t_relay(ctx)  # accounting.cfg:114
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # accounting.cfg:114
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], accounting.cfg:118."""
    if core.uri_is_not_myself(ctx):  # accounting.cfg:119
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # accounting.cfg:120
        return STOP  # accounting.cfg:121
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # accounting.cfg:123
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # accounting.cfg:124
        return STOP  # accounting.cfg:125
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # accounting.cfg:128
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:129
        return STOP  # accounting.cfg:130
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # accounting.cfg:133


# Which line of accounting.cfg each line of this file comes from: so errors name accounting.cfg.
# fmt: off
LINES: Final = {
    47: 40, 48: 41, 49: 42, 51: 46, 53: 48, 54: 48, 56: 50, 57: 51, 58: 51, 59: 51, 60: 51, 61: 52, 62: 53, 64: 56,
    65: 56, 66: 57, 67: 59, 68: 60, 69: 63, 70: 64, 71: 65, 73: 69, 74: 70, 75: 71, 77: 75, 78: 76, 79: 76, 80: 76,
    81: 76, 82: 77, 83: 78, 85: 81, 86: 82, 87: 83, 89: 86, 91: 90, 92: 91, 93: 92, 94: 95, 95: 97, 96: 98, 97: 99,
    99: 103, 101: 105, 102: 106, 103: 107, 104: 109, 110: 114, 111: 114, 112: 114, 113: 114, 114: 114, 121: 119,
    122: 120, 123: 121, 124: 123, 125: 123, 126: 123, 127: 123, 128: 124, 129: 125, 131: 128, 132: 129, 133: 130,
    135: 133,
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
