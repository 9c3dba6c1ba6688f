"""Routes of gateways.cfg, compiled by serc 0.1.0. Change gateways.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.auth import Auth
from runtime.modules.auth_db import AuthDb
from runtime.modules.auth_db.tables import UserTable
from runtime.modules.dispatcher import Dispatcher
from runtime.modules.group import Group
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
from runtime.sip.address import Network
from runtime.sip.regex import Regex

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
group: Final = Group(use_domain=1)
dispatcher: Final = Dispatcher(list_file="dispatcher.list")

NETWORK_1: Final = Network.parse("192.168.7.21")
NETWORK_2: Final = Network.parse("192.168.7.22")
TABLE_1: Final = TableName(b"location")
TABLE_2: Final = UserTable(b"subscriber")
REGEX_1: Final = Regex(b"^sip:00[1-9]", True)
REGEX_2: Final = Regex(b"^sip:\\+[1-9][0-9]+@", True)


def route(ctx: Context) -> int:
    """Main request route, gateways.cfg:28."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # gateways.cfg:29
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # gateways.cfg:30
        return STOP  # gateways.cfg:31
    if rr.loose_route(ctx):  # gateways.cfg:34
        route_1(ctx)  # gateways.cfg:35
        return STOP  # gateways.cfg:36
    if core.uri_is_not_myself(ctx):  # gateways.cfg:40
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:41
        return STOP  # gateways.cfg:42
    if ctx.method == methods.REGISTER:  # gateways.cfg:45
        route_2(ctx)  # gateways.cfg:46
        return STOP  # gateways.cfg:47
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:51
        rr.record_route(ctx)  # gateways.cfg:52
        if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:53
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:54
            return STOP  # gateways.cfg:55
        route_1(ctx)  # gateways.cfg:57
        return STOP  # gateways.cfg:58
    if ctx.method not in (methods.ACK, methods.CANCEL):  # gateways.cfg:62
        result = auth_db.proxy_authorize(ctx, b"", TABLE_2)  # gateways.cfg:63
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:64
            return STOP  # gateways.cfg:65
        if not uri_db.check_from(ctx):  # gateways.cfg:67
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:68
            return STOP  # gateways.cfg:69
        auth.consume_credentials(ctx)  # gateways.cfg:71
    rr.record_route(ctx)  # gateways.cfg:74
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:77
        core.strip(ctx, 2)  # gateways.cfg:78
        core.prefix(ctx, b"+")  # gateways.cfg:79
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:82
        route_3(ctx)  # gateways.cfg:83
        return STOP  # gateways.cfg:84
    if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:87
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:88
        return STOP  # gateways.cfg:89
    return route_1(ctx) or TRUE  # gateways.cfg:91


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:94."""
    result = tm.t_relay(ctx)  # gateways.cfg:95
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:95
    return TRUE


def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:99."""
    result = auth_db.www_authorize(ctx, b"", TABLE_2)  # gateways.cfg:100
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:101
        return STOP  # gateways.cfg:102
    if not uri_db.check_to(ctx):  # gateways.cfg:104
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:105
        return STOP  # gateways.cfg:106
    return registrar.save(ctx, TABLE_1)  # gateways.cfg:108


def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:112."""
    if ctx.method == methods.INVITE and not group.is_user_in(ctx, b"From", b"ld"):  # gateways.cfg:113
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:114
        return STOP  # gateways.cfg:115
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:118
        if ctx.method != methods.ACK:  # gateways.cfg:119
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:119
        return STOP  # gateways.cfg:120
    return route_1(ctx) or TRUE  # gateways.cfg:122


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    52: 29, 53: 30, 54: 31, 55: 34, 56: 35, 57: 36, 58: 40, 59: 41, 60: 42, 61: 45, 62: 46, 63: 47, 64: 51, 65: 52,
    66: 53, 67: 54, 68: 55, 69: 57, 70: 58, 71: 62, 72: 63, 73: 63, 74: 63, 75: 63, 76: 64, 77: 65, 78: 67, 79: 68,
    80: 69, 81: 71, 82: 74, 83: 77, 84: 78, 85: 79, 86: 82, 87: 83, 88: 84, 89: 87, 90: 88, 91: 89, 92: 91, 97: 95,
    98: 95, 99: 95, 100: 95, 101: 95, 107: 100, 108: 100, 109: 100, 110: 100, 111: 101, 112: 102, 113: 104, 114: 105,
    115: 106, 116: 108, 121: 113, 122: 114, 123: 115, 124: 118, 125: 119, 126: 119, 127: 120, 128: 122,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, auth, auth_db, uri_db, group, dispatcher),
    request=route,
    prepared=(TABLE_1, TABLE_2),
    source="gateways.cfg",
    lines=LINES,
    format=1,
)
