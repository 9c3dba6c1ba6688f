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
        route_1(ctx)  # phones.cfg:41
        return STOP  # phones.cfg:42
    if ctx.method == methods.REGISTER:  # phones.cfg:45
        route_2(ctx)  # phones.cfg:46
        return STOP  # phones.cfg:47
    # sipsak -s sip:127.0.0.1:5060
    if ctx.method == methods.OPTIONS and core.uri_is_myself(ctx):  # phones.cfg:51
        sl.sl_send_reply(ctx, 200, b"OK")  # phones.cfg:52
        return STOP  # phones.cfg:53
    # Who says to be one of ours proves it. ACK and CANCEL belong to a request that has done so.
    if core.from_uri_is_myself(ctx) and ctx.method not in (methods.ACK, methods.CANCEL):  # phones.cfg:57
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # phones.cfg:58
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # phones.cfg:59
            return STOP  # phones.cfg:60
        # Nobody calls in another's name.
        if not uri_db.check_from(ctx):  # phones.cfg:63
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:64
            return STOP  # phones.cfg:65
        # What alice knows is not for bob's phone.
        auth.consume_credentials(ctx)  # phones.cfg:68
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # phones.cfg:72
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # phones.cfg:73
        return STOP  # phones.cfg:74
    rr.record_route(ctx)  # phones.cfg:77
    # All phones of the user ring at once.
    if not registrar.lookup(ctx, TABLE_2):  # phones.cfg:80
        sl.sl_send_reply(ctx, 404, b"Not Found")  # phones.cfg:81
        return STOP  # phones.cfg:82
    return route_1(ctx) or TRUE  # phones.cfg:84


# To where the Request-URI points.
def route_1(ctx: Context) -> int:
    """route[1], phones.cfg:88."""
    result = tm.t_relay(ctx)  # phones.cfg:89
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # phones.cfg:89
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], phones.cfg:93."""
    if core.uri_is_not_myself(ctx):  # phones.cfg:94
        sl.sl_send_reply(ctx, 403, b"Register with your own server")  # phones.cfg:95
        return STOP  # phones.cfg:96
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # phones.cfg:98
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # phones.cfg:99
        return STOP  # phones.cfg:100
    # Nobody registers in another's name.
    if not uri_db.check_to(ctx):  # phones.cfg:103
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # phones.cfg:104
        return STOP  # phones.cfg:105
    # Answers, whatever comes of it.
    return registrar.save(ctx, TABLE_2)  # phones.cfg:108


# Which line of phones.cfg each line of this file comes from: so errors name phones.cfg.
# fmt: off
LINES: Final = {
    43: 34, 44: 35, 45: 36, 47: 40, 48: 41, 49: 42, 50: 45, 51: 46, 52: 47, 54: 51, 55: 52, 56: 53, 58: 57, 59: 58,
    60: 58, 61: 58, 62: 58, 63: 59, 64: 60, 66: 63, 67: 64, 68: 65, 70: 68, 72: 72, 73: 73, 74: 74, 75: 77, 77: 80,
    78: 81, 79: 82, 80: 84, 86: 89, 87: 89, 88: 89, 89: 89, 90: 89, 97: 94, 98: 95, 99: 96, 100: 98, 101: 98, 102: 98,
    103: 98, 104: 99, 105: 100, 107: 103, 108: 104, 109: 105, 111: 108,
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
