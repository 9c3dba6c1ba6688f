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
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # phones.cfg:32
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # phones.cfg:33
        return STOP  # phones.cfg:34
    if rr.loose_route(ctx):  # phones.cfg:38
        route_1(ctx)  # phones.cfg:39
        return STOP  # phones.cfg:40
    if ctx.method == methods.REGISTER:  # phones.cfg:43
        route_2(ctx)  # phones.cfg:44
        return STOP  # phones.cfg:45
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # phones.cfg:49
        sl.sl_send_reply(ctx, 200, b"OK")  # phones.cfg:50
        return STOP  # phones.cfg:51
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # phones.cfg:55
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:56
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:57
            return STOP  # phones.cfg:58
        if not uri_db.check_from(ctx):  # phones.cfg:61
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:62
            return STOP  # phones.cfg:63
        auth.consume_credentials(ctx)  # phones.cfg:66
    if core.uri_is_not_myself(ctx):  # phones.cfg:70
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # phones.cfg:71
        return STOP  # phones.cfg:72
    rr.record_route(ctx)  # phones.cfg:75
    if not registrar.lookup(ctx, TABLE_2):  # phones.cfg:78
        sl.sl_send_reply(ctx, 404, b"Not Found")  # phones.cfg:79
        return STOP  # phones.cfg:80
    return route_1(ctx) or TRUE  # phones.cfg:82


def route_1(ctx: Context) -> int:
    """route[1], phones.cfg:86."""
    result = tm.t_relay(ctx)  # phones.cfg:87
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # phones.cfg:87
    return TRUE


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
    if not uri_db.check_to(ctx):  # phones.cfg:101
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:102
        return STOP  # phones.cfg:103
    return registrar.save(ctx, TABLE_2)  # phones.cfg:106


# Which line of phones.cfg each line of this file comes from: so errors name phones.cfg.
# fmt: off
LINES: Final = {
    42: 32, 43: 33, 44: 34, 45: 38, 46: 39, 47: 40, 48: 43, 49: 44, 50: 45, 51: 49, 52: 50, 53: 51, 54: 55, 55: 56,
    56: 56, 57: 56, 58: 56, 59: 57, 60: 58, 61: 61, 62: 62, 63: 63, 64: 66, 65: 70, 66: 71, 67: 72, 68: 75, 69: 78,
    70: 79, 71: 80, 72: 82, 77: 87, 78: 87, 79: 87, 80: 87, 81: 87, 87: 92, 88: 93, 89: 94, 90: 96, 91: 96, 92: 96,
    93: 96, 94: 97, 95: 98, 96: 101, 97: 102, 98: 103, 99: 106,
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
