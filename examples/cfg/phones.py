"""Routes of phones.cfg, compiled by serc 0.1.0. Change phones.cfg, not this file."""

from typing import Final

from runtime.modules import core
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

TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")


def route(ctx: Context) -> int:
    """Main request route, phones.cfg:32."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # phones.cfg:34
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # phones.cfg:35
        return STOP  # phones.cfg:36
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # phones.cfg:40
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if ctx.method not in (methods.ACK, methods.BYE) and not rr.keeps_way(ctx):  # phones.cfg:43
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:44
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:45
                return STOP  # phones.cfg:46
        route_1(ctx)  # phones.cfg:49
        return STOP  # phones.cfg:50
    if ctx.method == methods.REGISTER:  # phones.cfg:53
        route_2(ctx)  # phones.cfg:54
        return STOP  # phones.cfg:55
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # phones.cfg:59
        sl.sl_send_reply(ctx, 200, b"OK")  # phones.cfg:60
        return STOP  # phones.cfg:61
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # phones.cfg:65
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:66
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:67
            return STOP  # phones.cfg:68
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # phones.cfg:71
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:72
            return STOP  # phones.cfg:73
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # phones.cfg:78
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # phones.cfg:79
        return STOP  # phones.cfg:80
    rr.record_route(ctx)  # phones.cfg:83
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # phones.cfg:86
        sl.sl_send_reply(ctx, 404, b"Not Found")  # phones.cfg:87
        return STOP  # phones.cfg:88
    return route_1(ctx) or TRUE  # phones.cfg:90


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], phones.cfg:94."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # phones.cfg:96
    result = tm.t_relay(ctx)  # phones.cfg:97
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # phones.cfg:97
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], phones.cfg:101."""
    if core.uri_is_not_myself(ctx):  # phones.cfg:102
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # phones.cfg:103
        return STOP  # phones.cfg:104
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # phones.cfg:106
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # phones.cfg:107
        return STOP  # phones.cfg:108
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # phones.cfg:111
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:112
        return STOP  # phones.cfg:113
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # phones.cfg:116


# Which line of phones.cfg each line of this file comes from: so errors name phones.cfg.
# fmt: off
LINES: Final = {
    43: 34, 44: 35, 45: 36, 47: 40, 51: 43, 52: 44, 53: 44, 54: 44, 55: 44, 56: 45, 57: 46, 58: 49, 59: 50, 60: 53,
    61: 54, 62: 55, 64: 59, 65: 60, 66: 61, 68: 65, 69: 66, 70: 66, 71: 66, 72: 66, 73: 67, 74: 68, 76: 71, 77: 72,
    78: 73, 80: 78, 81: 79, 82: 80, 83: 83, 85: 86, 86: 87, 87: 88, 88: 90, 96: 96, 97: 97, 98: 97, 99: 97, 100: 97,
    101: 97, 108: 102, 109: 103, 110: 104, 111: 106, 112: 106, 113: 106, 114: 106, 115: 107, 116: 108, 118: 111,
    119: 112, 120: 113, 122: 116,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, auth, auth_db, uri_db),
    request=route,
    prepared=(TABLE_1, TABLE_2),
    source="phones.cfg",
    lines=LINES,
    format=1,
)
