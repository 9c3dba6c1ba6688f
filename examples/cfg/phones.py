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

TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")


def route(ctx: Context) -> int:
    """Main request route, phones.cfg:31."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # phones.cfg:33
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # phones.cfg:34
        return STOP  # phones.cfg:35
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # phones.cfg:39
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # phones.cfg:41
            if ctx.method != methods.ACK:  # phones.cfg:42
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # phones.cfg:42
            return STOP  # phones.cfg:43
        route_1(ctx)  # phones.cfg:45
        return STOP  # phones.cfg:46
    if ctx.method == methods.REGISTER:  # phones.cfg:49
        route_2(ctx)  # phones.cfg:50
        return STOP  # phones.cfg:51
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # phones.cfg:55
        sl.sl_send_reply(ctx, 200, b"OK")  # phones.cfg:56
        return STOP  # phones.cfg:57
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # phones.cfg:61
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:62
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:63
            return STOP  # phones.cfg:64
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # phones.cfg:67
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:68
            return STOP  # phones.cfg:69
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # phones.cfg:72
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # phones.cfg:76
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # phones.cfg:77
        return STOP  # phones.cfg:78
    rr.record_route(ctx)  # phones.cfg:81
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # phones.cfg:84
        sl.sl_send_reply(ctx, 404, b"Not Found")  # phones.cfg:85
        return STOP  # phones.cfg:86
    return route_1(ctx) or TRUE  # phones.cfg:88


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], phones.cfg:92."""
    result = tm.t_relay(ctx)  # phones.cfg:93
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # phones.cfg:93
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], phones.cfg:97."""
    if core.uri_is_not_myself(ctx):  # phones.cfg:98
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # phones.cfg:99
        return STOP  # phones.cfg:100
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # phones.cfg:102
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # phones.cfg:103
        return STOP  # phones.cfg:104
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # phones.cfg:107
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:108
        return STOP  # phones.cfg:109
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # phones.cfg:112


# Which line of phones.cfg each line of this file comes from: so errors name phones.cfg.
# fmt: off
LINES: Final = {
    45: 33, 46: 34, 47: 35, 49: 39, 51: 41, 52: 42, 53: 42, 54: 43, 55: 45, 56: 46, 57: 49, 58: 50, 59: 51, 61: 55,
    62: 56, 63: 57, 65: 61, 66: 62, 67: 62, 68: 62, 69: 62, 70: 63, 71: 64, 73: 67, 74: 68, 75: 69, 77: 72, 79: 76,
    80: 77, 81: 78, 82: 81, 84: 84, 85: 85, 86: 86, 87: 88, 93: 93, 94: 93, 95: 93, 96: 93, 97: 93, 104: 98, 105: 99,
    106: 100, 107: 102, 108: 102, 109: 102, 110: 102, 111: 103, 112: 104, 114: 107, 115: 108, 116: 109, 118: 112,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, auth, auth_db, uri_db),
    request=route,
    prepared=(TABLE_1, TABLE_2),
    source="phones.cfg",
    lines=LINES,
    format=1,
)
