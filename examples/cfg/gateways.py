"""Routes of gateways.cfg, compiled by serc 0.1.0. Change gateways.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.auth import Auth
from runtime.modules.auth_db import AuthDb
from runtime.modules.auth_db.tables import UserTable
from runtime.modules.dispatcher import Dispatcher
from runtime.modules.group import Group
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.permissions import Permissions
from runtime.modules.permissions.files import RuleBase
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
permissions: Final = Permissions()

NETWORK_1: Final = Network.parse("192.168.7.21")
NETWORK_2: Final = Network.parse("192.168.7.22")
TABLE_1: Final = TableName(b"location")
TABLE_2: Final = UserTable(b"subscriber")
REGEX_1: Final = Regex(b"^sip:00[1-9]", ignore_case=True)
REGEX_2: Final = Regex(b"^sip:\\+[1-9][0-9]+@", ignore_case=True)
RULES_1: Final = RuleBase(b"phones")


def route(ctx: Context) -> int:
    """Main request route, gateways.cfg:31."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # gateways.cfg:32
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # gateways.cfg:33
        return STOP  # gateways.cfg:34
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # gateways.cfg:38
        route_1(ctx)  # gateways.cfg:39
        return STOP  # gateways.cfg:40
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # gateways.cfg:44
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:45
        return STOP  # gateways.cfg:46
    if ctx.method == methods.REGISTER:  # gateways.cfg:49
        route_2(ctx)  # gateways.cfg:50
        return STOP  # gateways.cfg:51
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:55
        rr.record_route(ctx)  # gateways.cfg:56
        if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:57
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:58
            return STOP  # gateways.cfg:59
        route_1(ctx)  # gateways.cfg:61
        return STOP  # gateways.cfg:62
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # gateways.cfg:66
        result = auth_db.proxy_authorize(ctx, b"", TABLE_2)  # gateways.cfg:67
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:68
            return STOP  # gateways.cfg:69
        if not uri_db.check_from(ctx):  # gateways.cfg:71
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:72
            return STOP  # gateways.cfg:73
        auth.consume_credentials(ctx)  # gateways.cfg:75
    rr.record_route(ctx)  # gateways.cfg:78
    # 00 and the number is + and the number.
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:81
        core.strip(ctx, 2)  # gateways.cfg:82
        core.prefix(ctx, b"+")  # gateways.cfg:83
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:86
        route_3(ctx)  # gateways.cfg:87
        return STOP  # gateways.cfg:88
    if not registrar.lookup(ctx, TABLE_1):  # gateways.cfg:91
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:92
        return STOP  # gateways.cfg:93
    return route_1(ctx) or TRUE  # gateways.cfg:95


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:98."""
    result = tm.t_relay(ctx)  # gateways.cfg:99
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:99
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:103."""
    result = auth_db.www_authorize(ctx, b"", TABLE_2)  # gateways.cfg:104
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:105
        return STOP  # gateways.cfg:106
    if not uri_db.check_to(ctx):  # gateways.cfg:108
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:109
        return STOP  # gateways.cfg:110
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # gateways.cfg:113
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # gateways.cfg:114
        return STOP  # gateways.cfg:115
    return registrar.save(ctx, TABLE_1)  # gateways.cfg:117


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:121."""
    if ctx.method == methods.INVITE and not group.is_user_in(ctx, b"From", b"ld"):  # gateways.cfg:122
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:123
        return STOP  # gateways.cfg:124
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:127
        if ctx.method != methods.ACK:  # gateways.cfg:128
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:128
        return STOP  # gateways.cfg:129
    return route_1(ctx) or TRUE  # gateways.cfg:131


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    56: 32, 57: 33, 58: 34, 60: 38, 61: 39, 62: 40, 64: 44, 65: 45, 66: 46, 67: 49, 68: 50, 69: 51, 72: 55, 73: 56,
    74: 57, 75: 58, 76: 59, 77: 61, 78: 62, 80: 66, 81: 67, 82: 67, 83: 67, 84: 67, 85: 68, 86: 69, 87: 71, 88: 72,
    89: 73, 90: 75, 91: 78, 93: 81, 94: 82, 95: 83, 96: 86, 97: 87, 98: 88, 99: 91, 100: 92, 101: 93, 102: 95, 107: 99,
    108: 99, 109: 99, 110: 99, 111: 99, 118: 104, 119: 104, 120: 104, 121: 104, 122: 105, 123: 106, 124: 108, 125: 109,
    126: 110, 129: 113, 130: 114, 131: 115, 132: 117, 138: 122, 139: 123, 140: 124, 142: 127, 143: 128, 144: 128,
    145: 129, 146: 131,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, auth, auth_db, uri_db, group, dispatcher, permissions),
    request=route,
    prepared=(TABLE_1, TABLE_2, RULES_1),
    source="gateways.cfg",
    lines=LINES,
    format=1,
)
