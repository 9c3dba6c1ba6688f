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
rr: Final = Rr()
usrloc: Final = Usrloc(use_domain=1, db_mode=1)
registrar: Final = Registrar(use_domain=1)
auth: Final = Auth()
auth_db: Final = AuthDb(use_domain=1)
uri_db: Final = UriDb()

TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")


def route(ctx: Context) -> int:
    """Main request route, phones.cfg:30."""
    # A message that went round in circles ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # phones.cfg:32
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # phones.cfg:33
        return STOP  # phones.cfg:34
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # phones.cfg:38
        route_1(ctx)  # phones.cfg:39
        return STOP  # phones.cfg:40
    if ctx.method == methods.REGISTER:  # phones.cfg:43
        route_2(ctx)  # phones.cfg:44
        return STOP  # phones.cfg:45
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # phones.cfg:49
        sl.sl_send_reply(ctx, 200, b"OK")  # phones.cfg:50
        return STOP  # phones.cfg:51
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # phones.cfg:55
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:56
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:57
            return STOP  # phones.cfg:58
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # phones.cfg:61
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:62
            return STOP  # phones.cfg:63
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # phones.cfg:66
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # phones.cfg:70
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # phones.cfg:71
        return STOP  # phones.cfg:72
    rr.record_route(ctx)  # phones.cfg:75
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # phones.cfg:78
        sl.sl_send_reply(ctx, 404, b"Not Found")  # phones.cfg:79
        return STOP  # phones.cfg:80
    return route_1(ctx) or TRUE  # phones.cfg:82


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], phones.cfg:86."""
    result = tm.t_relay(ctx)  # phones.cfg:87
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # phones.cfg:87
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], phones.cfg:91."""
    if core.uri_is_not_myself(ctx):  # phones.cfg:92
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # phones.cfg:93
        return STOP  # phones.cfg:94
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # phones.cfg:96
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # phones.cfg:97
        return STOP  # phones.cfg:98
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # phones.cfg:101
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:102
        return STOP  # phones.cfg:103
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # phones.cfg:106


# Which line of phones.cfg each line of this file comes from: so errors name phones.cfg.
# fmt: off
LINES: Final = {
    43: 32, 44: 33, 45: 34, 47: 38, 48: 39, 49: 40, 50: 43, 51: 44, 52: 45, 54: 49, 55: 50, 56: 51, 58: 55, 59: 56,
    60: 56, 61: 56, 62: 56, 63: 57, 64: 58, 66: 61, 67: 62, 68: 63, 70: 66, 72: 70, 73: 71, 74: 72, 75: 75, 77: 78,
    78: 79, 79: 80, 80: 82, 86: 87, 87: 87, 88: 87, 89: 87, 90: 87, 97: 92, 98: 93, 99: 94, 100: 96, 101: 96, 102: 96,
    103: 96, 104: 97, 105: 98, 107: 101, 108: 102, 109: 103, 111: 106,
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
