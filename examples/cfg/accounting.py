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
acc: Final = Acc(db_flag=1, log_flag=1, db_missed_flag=2, failed_transactions=1, report_ack=0, log_fmt="miocfsurd")

TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")
TABLE_3: Final = AccountTable(b"missed_calls")


def route(ctx: Context) -> int:
    """Main request route, accounting.cfg:44."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # accounting.cfg:46
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # accounting.cfg:47
        return STOP  # accounting.cfg:48
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # accounting.cfg:52
        # The end of a call is what makes its length: a BYE from one side to the other. One that goes elsewhere ends
        # nothing of it, whatever
        # answers there.
        if ctx.method == methods.BYE and rr.comes_by_way(ctx) and rr.keeps_way(ctx):  # accounting.cfg:55
            core.setflag(ctx, 1)  # accounting.cfg:55
        # With tags of its own it may be another call.
        if ctx.method == methods.INVITE:  # accounting.cfg:57
            core.setflag(ctx, 1)  # accounting.cfg:57
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if ctx.method not in (methods.ACK, methods.BYE) and not rr.keeps_way(ctx):  # accounting.cfg:60
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:61
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:62
                return STOP  # accounting.cfg:63
        route_1(ctx)  # accounting.cfg:66
        return STOP  # accounting.cfg:67
    if ctx.method == methods.REGISTER:  # accounting.cfg:70
        route_2(ctx)  # accounting.cfg:71
        return STOP  # accounting.cfg:72
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # accounting.cfg:76
        sl.sl_send_reply(ctx, 200, b"OK")  # accounting.cfg:77
        return STOP  # accounting.cfg:78
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # accounting.cfg:82
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:83
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:84
            return STOP  # accounting.cfg:85
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # accounting.cfg:88
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:89
            return STOP  # accounting.cfg:90
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # accounting.cfg:95
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # accounting.cfg:96
        return STOP  # accounting.cfg:97
    rr.record_route(ctx)  # accounting.cfg:100
    if ctx.method == methods.INVITE:  # accounting.cfg:102
        core.setflag(ctx, 1)  # accounting.cfg:103
        core.setflag(ctx, 2)  # accounting.cfg:104
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # accounting.cfg:108
        # This answer comes from no transaction, which acc would write down. Who is not one of ours misses no calls.
        if ctx.method == methods.INVITE and uri_db.does_uri_exist(ctx):  # accounting.cfg:110
            acc.acc_db_request(ctx, b"404 Not Found", TABLE_3)  # accounting.cfg:110
        sl.sl_send_reply(ctx, 404, b"Not Found")  # accounting.cfg:111
        return STOP  # accounting.cfg:112
    return route_1(ctx) or TRUE  # accounting.cfg:114


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], accounting.cfg:118."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # accounting.cfg:120
    result = tm.t_relay(ctx)  # accounting.cfg:121
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # accounting.cfg:121
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], accounting.cfg:125."""
    if core.uri_is_not_myself(ctx):  # accounting.cfg:126
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # accounting.cfg:127
        return STOP  # accounting.cfg:128
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # accounting.cfg:130
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # accounting.cfg:131
        return STOP  # accounting.cfg:132
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # accounting.cfg:135
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:136
        return STOP  # accounting.cfg:137
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # accounting.cfg:140


# Which line of accounting.cfg each line of this file comes from: so errors name accounting.cfg.
# fmt: off
LINES: Final = {
    47: 46, 48: 47, 49: 48, 51: 52, 55: 55, 56: 55, 58: 57, 59: 57, 63: 60, 64: 61, 65: 61, 66: 61, 67: 61, 68: 62,
    69: 63, 70: 66, 71: 67, 72: 70, 73: 71, 74: 72, 76: 76, 77: 77, 78: 78, 80: 82, 81: 83, 82: 83, 83: 83, 84: 83,
    85: 84, 86: 85, 88: 88, 89: 89, 90: 90, 92: 95, 93: 96, 94: 97, 95: 100, 96: 102, 97: 103, 98: 104, 100: 108,
    102: 110, 103: 110, 104: 111, 105: 112, 106: 114, 114: 120, 115: 121, 116: 121, 117: 121, 118: 121, 119: 121,
    126: 126, 127: 127, 128: 128, 129: 130, 130: 130, 131: 130, 132: 130, 133: 131, 134: 132, 136: 135, 137: 136,
    138: 137, 140: 140,
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
