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
from runtime.modules.uri import Uri
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
uri: Final = Uri()
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
    """Main request route, accounting.cfg:37."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # accounting.cfg:39
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # accounting.cfg:40
        return STOP  # accounting.cfg:41
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # accounting.cfg:45
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # accounting.cfg:47
            if ctx.method != methods.ACK:  # accounting.cfg:48
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # accounting.cfg:48
            return STOP  # accounting.cfg:49
        # The end of a call is what makes its length.
        if ctx.method == methods.BYE:  # accounting.cfg:52
            core.setflag(ctx, 1)  # accounting.cfg:52
        route_1(ctx)  # accounting.cfg:53
        return STOP  # accounting.cfg:54
    if ctx.method == methods.REGISTER:  # accounting.cfg:57
        route_2(ctx)  # accounting.cfg:58
        return STOP  # accounting.cfg:59
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # accounting.cfg:63
        sl.sl_send_reply(ctx, 200, b"OK")  # accounting.cfg:64
        return STOP  # accounting.cfg:65
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # accounting.cfg:69
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # accounting.cfg:70
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # accounting.cfg:71
            return STOP  # accounting.cfg:72
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # accounting.cfg:75
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:76
            return STOP  # accounting.cfg:77
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # accounting.cfg:80
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # accounting.cfg:84
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # accounting.cfg:85
        return STOP  # accounting.cfg:86
    rr.record_route(ctx)  # accounting.cfg:89
    if ctx.method == methods.INVITE:  # accounting.cfg:91
        core.setflag(ctx, 1)  # accounting.cfg:92
        core.setflag(ctx, 2)  # accounting.cfg:93
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # accounting.cfg:97
        # This answer comes from no transaction, which acc would write down.
        acc.acc_db_request(ctx, b"404 Not Found", TABLE_3)  # accounting.cfg:99
        sl.sl_send_reply(ctx, 404, b"Not Found")  # accounting.cfg:100
        return STOP  # accounting.cfg:101
    return route_1(ctx) or TRUE  # accounting.cfg:103


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], accounting.cfg:107."""
    result = tm.t_relay(ctx)  # accounting.cfg:108
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # accounting.cfg:108
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], accounting.cfg:112."""
    if core.uri_is_not_myself(ctx):  # accounting.cfg:113
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # accounting.cfg:114
        return STOP  # accounting.cfg:115
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # accounting.cfg:117
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # accounting.cfg:118
        return STOP  # accounting.cfg:119
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # accounting.cfg:122
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # accounting.cfg:123
        return STOP  # accounting.cfg:124
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # accounting.cfg:127


# Which line of accounting.cfg each line of this file comes from: so errors name accounting.cfg.
# fmt: off
LINES: Final = {
    49: 39, 50: 40, 51: 41, 53: 45, 55: 47, 56: 48, 57: 48, 58: 49, 60: 52, 61: 52, 62: 53, 63: 54, 64: 57, 65: 58,
    66: 59, 68: 63, 69: 64, 70: 65, 72: 69, 73: 70, 74: 70, 75: 70, 76: 70, 77: 71, 78: 72, 80: 75, 81: 76, 82: 77,
    84: 80, 86: 84, 87: 85, 88: 86, 89: 89, 90: 91, 91: 92, 92: 93, 94: 97, 96: 99, 97: 100, 98: 101, 99: 103, 105: 108,
    106: 108, 107: 108, 108: 108, 109: 108, 116: 113, 117: 114, 118: 115, 119: 117, 120: 117, 121: 117, 122: 117,
    123: 118, 124: 119, 126: 122, 127: 123, 128: 124, 130: 127,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, auth, auth_db, uri_db, acc),
    request=route,
    prepared=(TABLE_1, TABLE_2, TABLE_3),
    source="accounting.cfg",
    lines=LINES,
    format=1,
)
