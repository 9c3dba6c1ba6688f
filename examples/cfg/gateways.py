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
REGEX_1: Final = Regex(b"^sip:00[1-9]", ignore_case=True)
REGEX_2: Final = Regex(b"^sip:\\+[1-9][0-9]+@", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, gateways.cfg:28."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # gateways.cfg:29
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # gateways.cfg:30
        return STOP  # gateways.cfg:31
    if rr.loose_route(ctx):  # gateways.cfg:34
        route_1(ctx)  # gateways.cfg:35
        return STOP  # gateways.cfg:36
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # gateways.cfg:40
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:41
        return STOP  # gateways.cfg:42
    if ctx.method == methods.REGISTER:  # gateways.cfg:45
        route_2(ctx)  # gateways.cfg:46
        return STOP  # gateways.cfg:47
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:51
        rr.record_route(ctx)  # gateways.cfg:52
        if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:53
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:54
            return STOP  # gateways.cfg:55
        route_1(ctx)  # gateways.cfg:57
        return STOP  # gateways.cfg:58
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
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
    # 00 and the number is + and the number.
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


# A phone says where it is.
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


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:112."""
    if ctx.method == methods.INVITE and not group.is_user_in(ctx, b"From", b"ld"):  # gateways.cfg:113
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:114
        return STOP  # gateways.cfg:115
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:118
        if ctx.method != methods.ACK:  # gateways.cfg:119
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:119
        return STOP  # gateways.cfg:120
    return route_1(ctx) or TRUE  # gateways.cfg:122


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    52: 29, 53: 30, 54: 31, 55: 34, 56: 35, 57: 36, 59: 40, 60: 41, 61: 42, 62: 45, 63: 46, 64: 47, 67: 51, 68: 52,
    69: 53, 70: 54, 71: 55, 72: 57, 73: 58, 75: 62, 76: 63, 77: 63, 78: 63, 79: 63, 80: 64, 81: 65, 82: 67, 83: 68,
    84: 69, 85: 71, 86: 74, 88: 77, 89: 78, 90: 79, 91: 82, 92: 83, 93: 84, 94: 87, 95: 88, 96: 89, 97: 91, 102: 95,
    103: 95, 104: 95, 105: 95, 106: 95, 113: 100, 114: 100, 115: 100, 116: 100, 117: 101, 118: 102, 119: 104, 120: 105,
    121: 106, 122: 108, 128: 113, 129: 114, 130: 115, 132: 118, 133: 119, 134: 119, 135: 120, 136: 122,
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
