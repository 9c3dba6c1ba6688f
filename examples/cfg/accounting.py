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
tm: Final = Tm(drop_stray_replies=1)
maxfwd: Final = Maxfwd()
rr: Final = Rr(signed=1)
usrloc: Final = Usrloc(use_domain=1, db_mode=1)
registrar: Final = Registrar(use_domain=1)
auth: Final = Auth()
auth_db: Final = AuthDb(use_domain=1)
uri_db: Final = UriDb()
acc: Final = Acc(db_flag=1, log_flag=1, db_missed_flag=2, failed_transactions=1, report_ack=0, log_fmt="miocfsurd")

TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")
TABLE_3: Final = AccountTable(b"missed_calls")


def route(ctx: Context) -> int:
    """Main request route, accounting.cfg:46."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # accounting.cfg:48
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # accounting.cfg:49
        return STOP  # accounting.cfg:50
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # accounting.cfg:54
        # The end of a call is what makes its length: a BYE from one side to the other. One that goes elsewhere ends
        # nothing of it, whatever
        # answers there.
        if ctx.method == methods.BYE and rr.comes_by_way(ctx) and rr.keeps_way(ctx):  # accounting.cfg:57
            core.setflag(ctx, 1)  # accounting.cfg:57
        # With tags of its own it may be another call.
        if ctx.method == methods.INVITE:  # accounting.cfg:59
            core.setflag(ctx, 1)  # accounting.cfg:59
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if ctx.method not in (methods.ACK, methods.BYE) and not rr.keeps_way(ctx):  # accounting.cfg:62
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:63
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:64
                return STOP  # accounting.cfg:65
        route_1(ctx)  # accounting.cfg:68
        return STOP  # accounting.cfg:69
    if ctx.method == methods.REGISTER:  # accounting.cfg:72
        route_2(ctx)  # accounting.cfg:73
        return STOP  # accounting.cfg:74
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # accounting.cfg:78
        sl.sl_send_reply(ctx, 200, b"OK")  # accounting.cfg:79
        return STOP  # accounting.cfg:80
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # accounting.cfg:84
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:85
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:86
            return STOP  # accounting.cfg:87
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # accounting.cfg:90
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:91
            return STOP  # accounting.cfg:92
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # accounting.cfg:97
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # accounting.cfg:98
        return STOP  # accounting.cfg:99
    rr.record_route(ctx)  # accounting.cfg:102
    if ctx.method == methods.INVITE:  # accounting.cfg:104
        core.setflag(ctx, 1)  # accounting.cfg:105
        core.setflag(ctx, 2)  # accounting.cfg:106
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # accounting.cfg:110
        # This answer comes from no transaction, which acc would write down. Who is not one of ours misses no calls.
        if ctx.method == methods.INVITE and uri_db.does_uri_exist(ctx):  # accounting.cfg:112
            acc.acc_db_request(ctx, b"404 Not Found", TABLE_3)  # accounting.cfg:112
        sl.sl_send_reply(ctx, 404, b"Not Found")  # accounting.cfg:113
        return STOP  # accounting.cfg:114
    return route_1(ctx) or TRUE  # accounting.cfg:116


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], accounting.cfg:120."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # accounting.cfg:122
    result = tm.t_relay(ctx)  # accounting.cfg:123
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # accounting.cfg:123
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], accounting.cfg:127."""
    if core.uri_is_not_myself(ctx):  # accounting.cfg:128
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # accounting.cfg:129
        return STOP  # accounting.cfg:130
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # accounting.cfg:132
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # accounting.cfg:133
        return STOP  # accounting.cfg:134
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # accounting.cfg:137
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:138
        return STOP  # accounting.cfg:139
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # accounting.cfg:142


# Which line of accounting.cfg each line of this file comes from: so errors name accounting.cfg.
# fmt: off
LINES: Final = {
    47: 48, 48: 49, 49: 50, 51: 54, 55: 57, 56: 57, 58: 59, 59: 59, 63: 62, 64: 63, 65: 63, 66: 63, 67: 63, 68: 64,
    69: 65, 70: 68, 71: 69, 72: 72, 73: 73, 74: 74, 76: 78, 77: 79, 78: 80, 80: 84, 81: 85, 82: 85, 83: 85, 84: 85,
    85: 86, 86: 87, 88: 90, 89: 91, 90: 92, 92: 97, 93: 98, 94: 99, 95: 102, 96: 104, 97: 105, 98: 106, 100: 110,
    102: 112, 103: 112, 104: 113, 105: 114, 106: 116, 114: 122, 115: 123, 116: 123, 117: 123, 118: 123, 119: 123,
    126: 128, 127: 129, 128: 130, 129: 132, 130: 132, 131: 132, 132: 132, 133: 133, 134: 134, 136: 137, 137: 138,
    138: 139, 140: 142,
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
