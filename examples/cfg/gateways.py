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
rr: Final = Rr(signed=1)
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
    """Main request route, gateways.cfg:30."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # gateways.cfg:31
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # gateways.cfg:32
        return STOP  # gateways.cfg:33
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # gateways.cfg:37
        route_1(ctx)  # gateways.cfg:38
        return STOP  # gateways.cfg:39
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # gateways.cfg:43
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:44
        return STOP  # gateways.cfg:45
    if ctx.method == methods.REGISTER:  # gateways.cfg:48
        route_2(ctx)  # gateways.cfg:49
        return STOP  # gateways.cfg:50
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:54
        rr.record_route(ctx)  # gateways.cfg:55
        if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:56
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:57
            return STOP  # gateways.cfg:58
        route_1(ctx)  # gateways.cfg:60
        return STOP  # gateways.cfg:61
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # gateways.cfg:65
        result = auth_db.proxy_authorize(ctx, b"", TABLE_2)  # gateways.cfg:66
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:67
            return STOP  # gateways.cfg:68
        if not uri_db.check_from(ctx):  # gateways.cfg:70
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:71
            return STOP  # gateways.cfg:72
        auth.consume_credentials(ctx)  # gateways.cfg:74
    rr.record_route(ctx)  # gateways.cfg:77
    # 00 and the number is + and the number.
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:80
        core.strip(ctx, 2)  # gateways.cfg:81
        core.prefix(ctx, b"+")  # gateways.cfg:82
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:85
        route_3(ctx)  # gateways.cfg:86
        return STOP  # gateways.cfg:87
    if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:90
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:91
        return STOP  # gateways.cfg:92
    return route_1(ctx) or TRUE  # gateways.cfg:94


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:97."""
    result = tm.t_relay(ctx)  # gateways.cfg:98
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:98
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:102."""
    result = auth_db.www_authorize(ctx, b"", TABLE_2)  # gateways.cfg:103
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:104
        return STOP  # gateways.cfg:105
    if not uri_db.check_to(ctx):  # gateways.cfg:107
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:108
        return STOP  # gateways.cfg:109
    return registrar.save(ctx, TABLE_1)  # gateways.cfg:111


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:115."""
    if ctx.method == methods.INVITE and not group.is_user_in(ctx, b"From", b"ld"):  # gateways.cfg:116
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:117
        return STOP  # gateways.cfg:118
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:121
        if ctx.method != methods.ACK:  # gateways.cfg:122
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:122
        return STOP  # gateways.cfg:123
    return route_1(ctx) or TRUE  # gateways.cfg:125


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    52: 31, 53: 32, 54: 33, 56: 37, 57: 38, 58: 39, 60: 43, 61: 44, 62: 45, 63: 48, 64: 49, 65: 50, 68: 54, 69: 55,
    70: 56, 71: 57, 72: 58, 73: 60, 74: 61, 76: 65, 77: 66, 78: 66, 79: 66, 80: 66, 81: 67, 82: 68, 83: 70, 84: 71,
    85: 72, 86: 74, 87: 77, 89: 80, 90: 81, 91: 82, 92: 85, 93: 86, 94: 87, 95: 90, 96: 91, 97: 92, 98: 94, 103: 98,
    104: 98, 105: 98, 106: 98, 107: 98, 114: 103, 115: 103, 116: 103, 117: 103, 118: 104, 119: 105, 120: 107, 121: 108,
    122: 109, 123: 111, 129: 116, 130: 117, 131: 118, 133: 121, 134: 122, 135: 122, 136: 123, 137: 125,
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
