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
            auth.consume_credentials(ctx)  # phones.cfg:48
        route_1(ctx)  # phones.cfg:50
        return STOP  # phones.cfg:51
    if ctx.method == methods.REGISTER:  # phones.cfg:54
        route_2(ctx)  # phones.cfg:55
        return STOP  # phones.cfg:56
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # phones.cfg:60
        sl.sl_send_reply(ctx, 200, b"OK")  # phones.cfg:61
        return STOP  # phones.cfg:62
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # phones.cfg:66
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:67
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:68
            return STOP  # phones.cfg:69
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # phones.cfg:72
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:73
            return STOP  # phones.cfg:74
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # phones.cfg:77
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # phones.cfg:81
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # phones.cfg:82
        return STOP  # phones.cfg:83
    rr.record_route(ctx)  # phones.cfg:86
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # phones.cfg:89
        sl.sl_send_reply(ctx, 404, b"Not Found")  # phones.cfg:90
        return STOP  # phones.cfg:91
    return route_1(ctx) or TRUE  # phones.cfg:93


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], phones.cfg:97."""
    result = tm.t_relay(ctx)  # phones.cfg:98
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # phones.cfg:98
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], phones.cfg:102."""
    if core.uri_is_not_myself(ctx):  # phones.cfg:103
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # phones.cfg:104
        return STOP  # phones.cfg:105
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # phones.cfg:107
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # phones.cfg:108
        return STOP  # phones.cfg:109
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # phones.cfg:112
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:113
        return STOP  # phones.cfg:114
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # phones.cfg:117


# Which line of phones.cfg each line of this file comes from: so errors name phones.cfg.
# fmt: off
LINES: Final = {
    43: 34, 44: 35, 45: 36, 47: 40, 51: 43, 52: 44, 53: 44, 54: 44, 55: 44, 56: 45, 57: 46, 58: 48, 59: 50, 60: 51,
    61: 54, 62: 55, 63: 56, 65: 60, 66: 61, 67: 62, 69: 66, 70: 67, 71: 67, 72: 67, 73: 67, 74: 68, 75: 69, 77: 72,
    78: 73, 79: 74, 81: 77, 83: 81, 84: 82, 85: 83, 86: 86, 88: 89, 89: 90, 90: 91, 91: 93, 97: 98, 98: 98, 99: 98,
    100: 98, 101: 98, 108: 103, 109: 104, 110: 105, 111: 107, 112: 107, 113: 107, 114: 107, 115: 108, 116: 109,
    118: 112, 119: 113, 120: 114, 122: 117,
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
