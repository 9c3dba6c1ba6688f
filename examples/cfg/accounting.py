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
rr: Final = Rr()
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
    """Main request route, accounting.cfg:36."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # accounting.cfg:38
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # accounting.cfg:39
        return STOP  # accounting.cfg:40
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # accounting.cfg:44
        # The end of a call is what makes its length.
        if ctx.method == methods.BYE:  # accounting.cfg:46
            core.setflag(ctx, 1)  # accounting.cfg:46
        route_1(ctx)  # accounting.cfg:47
        return STOP  # accounting.cfg:48
    if ctx.method == methods.REGISTER:  # accounting.cfg:51
        route_2(ctx)  # accounting.cfg:52
        return STOP  # accounting.cfg:53
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # accounting.cfg:57
        sl.sl_send_reply(ctx, 200, b"OK")  # accounting.cfg:58
        return STOP  # accounting.cfg:59
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # accounting.cfg:63
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:64
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:65
            return STOP  # accounting.cfg:66
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # accounting.cfg:69
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:70
            return STOP  # accounting.cfg:71
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # accounting.cfg:74
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # accounting.cfg:78
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # accounting.cfg:79
        return STOP  # accounting.cfg:80
    rr.record_route(ctx)  # accounting.cfg:83
    if ctx.method == methods.INVITE:  # accounting.cfg:85
        core.setflag(ctx, 1)  # accounting.cfg:86
        core.setflag(ctx, 2)  # accounting.cfg:87
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # accounting.cfg:91
        # This answer comes from no transaction, which acc would write down.
        acc.acc_db_request(ctx, b"404 Not Found", TABLE_3)  # accounting.cfg:93
        sl.sl_send_reply(ctx, 404, b"Not Found")  # accounting.cfg:94
        return STOP  # accounting.cfg:95
    return route_1(ctx) or TRUE  # accounting.cfg:97


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], accounting.cfg:101."""
    result = tm.t_relay(ctx)  # accounting.cfg:102
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # accounting.cfg:102
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], accounting.cfg:106."""
    if core.uri_is_not_myself(ctx):  # accounting.cfg:107
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # accounting.cfg:108
        return STOP  # accounting.cfg:109
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # accounting.cfg:111
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # accounting.cfg:112
        return STOP  # accounting.cfg:113
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # accounting.cfg:116
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:117
        return STOP  # accounting.cfg:118
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # accounting.cfg:121


# Which line of accounting.cfg each line of this file comes from: so errors name accounting.cfg.
# fmt: off
LINES: Final = {
    47: 38, 48: 39, 49: 40, 51: 44, 53: 46, 54: 46, 55: 47, 56: 48, 57: 51, 58: 52, 59: 53, 61: 57, 62: 58, 63: 59,
    65: 63, 66: 64, 67: 64, 68: 64, 69: 64, 70: 65, 71: 66, 73: 69, 74: 70, 75: 71, 77: 74, 79: 78, 80: 79, 81: 80,
    82: 83, 83: 85, 84: 86, 85: 87, 87: 91, 89: 93, 90: 94, 91: 95, 92: 97, 98: 102, 99: 102, 100: 102, 101: 102,
    102: 102, 109: 107, 110: 108, 111: 109, 112: 111, 113: 111, 114: 111, 115: 111, 116: 112, 117: 113, 119: 116,
    120: 117, 121: 118, 123: 121,
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
