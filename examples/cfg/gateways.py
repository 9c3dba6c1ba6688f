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
TABLE_1: Final = UserTable(b"subscriber")
TABLE_2: Final = TableName(b"location")
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
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is.
        if (
            not rr.keeps_way(ctx) and not core.source_in(ctx, NETWORK_1) and not core.source_in(ctx, NETWORK_2)
        ):  # gateways.cfg:40
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # gateways.cfg:41
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:42
                return STOP  # gateways.cfg:43
            # There may be a gateway.
            if not group.is_user_in(ctx, b"Credentials", b"ld"):  # gateways.cfg:46
                sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:47
                return STOP  # gateways.cfg:48
            auth.consume_credentials(ctx)  # gateways.cfg:50
        route_1(ctx)  # gateways.cfg:52
        return STOP  # gateways.cfg:53
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # gateways.cfg:57
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:58
        return STOP  # gateways.cfg:59
    if ctx.method == methods.REGISTER:  # gateways.cfg:62
        route_2(ctx)  # gateways.cfg:63
        return STOP  # gateways.cfg:64
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:68
        rr.record_route(ctx)  # gateways.cfg:69
        if not registrar.lookup(ctx, TABLE_2):  # gateways.cfg:70
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:71
            return STOP  # gateways.cfg:72
        route_1(ctx)  # gateways.cfg:74
        return STOP  # gateways.cfg:75
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # gateways.cfg:79
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # gateways.cfg:80
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:81
            return STOP  # gateways.cfg:82
        if not uri_db.check_from(ctx):  # gateways.cfg:84
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:85
            return STOP  # gateways.cfg:86
        auth.consume_credentials(ctx)  # gateways.cfg:88
    rr.record_route(ctx)  # gateways.cfg:91
    # 00 and the number is + and the number.
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:94
        core.strip(ctx, 2)  # gateways.cfg:95
        core.prefix(ctx, b"+")  # gateways.cfg:96
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:99
        route_3(ctx)  # gateways.cfg:100
        return STOP  # gateways.cfg:101
    if not registrar.lookup(ctx, TABLE_2):  # gateways.cfg:104
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:105
        return STOP  # gateways.cfg:106
    return route_1(ctx) or TRUE  # gateways.cfg:108


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:111."""
    result = tm.t_relay(ctx)  # gateways.cfg:112
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:112
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:116."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # gateways.cfg:117
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:118
        return STOP  # gateways.cfg:119
    if not uri_db.check_to(ctx):  # gateways.cfg:121
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:122
        return STOP  # gateways.cfg:123
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # gateways.cfg:126
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # gateways.cfg:127
        return STOP  # gateways.cfg:128
    return registrar.save(ctx, TABLE_2)  # gateways.cfg:130


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:134."""
    if ctx.method == methods.INVITE and not group.is_user_in(ctx, b"From", b"ld"):  # gateways.cfg:135
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:136
        return STOP  # gateways.cfg:137
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:140
        if ctx.method != methods.ACK:  # gateways.cfg:141
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:141
        return STOP  # gateways.cfg:142
    return route_1(ctx) or TRUE  # gateways.cfg:144


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    56: 32, 57: 33, 58: 34, 60: 38, 62: 40, 63: 40, 64: 40, 65: 41, 66: 41, 67: 41, 68: 41, 69: 42, 70: 43, 72: 46,
    73: 47, 74: 48, 75: 50, 76: 52, 77: 53, 79: 57, 80: 58, 81: 59, 82: 62, 83: 63, 84: 64, 87: 68, 88: 69, 89: 70,
    90: 71, 91: 72, 92: 74, 93: 75, 95: 79, 96: 80, 97: 80, 98: 80, 99: 80, 100: 81, 101: 82, 102: 84, 103: 85, 104: 86,
    105: 88, 106: 91, 108: 94, 109: 95, 110: 96, 111: 99, 112: 100, 113: 101, 114: 104, 115: 105, 116: 106, 117: 108,
    122: 112, 123: 112, 124: 112, 125: 112, 126: 112, 133: 117, 134: 117, 135: 117, 136: 117, 137: 118, 138: 119,
    139: 121, 140: 122, 141: 123, 144: 126, 145: 127, 146: 128, 147: 130, 153: 135, 154: 136, 155: 137, 157: 140,
    158: 141, 159: 141, 160: 142, 161: 144,
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
