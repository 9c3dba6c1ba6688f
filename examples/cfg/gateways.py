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
from runtime.modules.uri import Uri
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
uri: Final = Uri()
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
    """Main request route, gateways.cfg:29."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # gateways.cfg:30
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # gateways.cfg:31
        return STOP  # gateways.cfg:32
    if rr.loose_route(ctx):  # gateways.cfg:35
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # gateways.cfg:37
            if ctx.method != methods.ACK:  # gateways.cfg:38
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # gateways.cfg:38
            return STOP  # gateways.cfg:39
        route_1(ctx)  # gateways.cfg:41
        return STOP  # gateways.cfg:42
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # gateways.cfg:46
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:47
        return STOP  # gateways.cfg:48
    if ctx.method == methods.REGISTER:  # gateways.cfg:51
        route_2(ctx)  # gateways.cfg:52
        return STOP  # gateways.cfg:53
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:57
        rr.record_route(ctx)  # gateways.cfg:58
        if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:59
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:60
            return STOP  # gateways.cfg:61
        route_1(ctx)  # gateways.cfg:63
        return STOP  # gateways.cfg:64
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # gateways.cfg:68
        result = auth_db.proxy_authorize(ctx, b"", TABLE_2)  # gateways.cfg:69
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:70
            return STOP  # gateways.cfg:71
        if not uri_db.check_from(ctx):  # gateways.cfg:73
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:74
            return STOP  # gateways.cfg:75
        auth.consume_credentials(ctx)  # gateways.cfg:77
    rr.record_route(ctx)  # gateways.cfg:80
    # 00 and the number is + and the number.
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:83
        core.strip(ctx, 2)  # gateways.cfg:84
        core.prefix(ctx, b"+")  # gateways.cfg:85
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:88
        route_3(ctx)  # gateways.cfg:89
        return STOP  # gateways.cfg:90
    if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:93
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:94
        return STOP  # gateways.cfg:95
    return route_1(ctx) or TRUE  # gateways.cfg:97


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:100."""
    result = tm.t_relay(ctx)  # gateways.cfg:101
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:101
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:105."""
    result = auth_db.www_authorize(ctx, b"", TABLE_2)  # gateways.cfg:106
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:107
        return STOP  # gateways.cfg:108
    if not uri_db.check_to(ctx):  # gateways.cfg:110
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:111
        return STOP  # gateways.cfg:112
    return registrar.save(ctx, TABLE_1)  # gateways.cfg:114


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:118."""
    if ctx.method == methods.INVITE and not group.is_user_in(ctx, b"From", b"ld"):  # gateways.cfg:119
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:120
        return STOP  # gateways.cfg:121
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:124
        if ctx.method != methods.ACK:  # gateways.cfg:125
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:125
        return STOP  # gateways.cfg:126
    return route_1(ctx) or TRUE  # gateways.cfg:128


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    54: 30, 55: 31, 56: 32, 57: 35, 59: 37, 60: 38, 61: 38, 62: 39, 63: 41, 64: 42, 66: 46, 67: 47, 68: 48, 69: 51,
    70: 52, 71: 53, 74: 57, 75: 58, 76: 59, 77: 60, 78: 61, 79: 63, 80: 64, 82: 68, 83: 69, 84: 69, 85: 69, 86: 69,
    87: 70, 88: 71, 89: 73, 90: 74, 91: 75, 92: 77, 93: 80, 95: 83, 96: 84, 97: 85, 98: 88, 99: 89, 100: 90, 101: 93,
    102: 94, 103: 95, 104: 97, 109: 101, 110: 101, 111: 101, 112: 101, 113: 101, 120: 106, 121: 106, 122: 106, 123: 106,
    124: 107, 125: 108, 126: 110, 127: 111, 128: 112, 129: 114, 135: 119, 136: 120, 137: 121, 139: 124, 140: 125,
    141: 125, 142: 126, 143: 128,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, auth, auth_db, uri_db, group, dispatcher),
    request=route,
    prepared=(TABLE_1, TABLE_2),
    source="gateways.cfg",
    lines=LINES,
    format=1,
)
