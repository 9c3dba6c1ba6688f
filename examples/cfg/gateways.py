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
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if (
            ctx.method not in (methods.ACK, methods.BYE)
            and not rr.keeps_way(ctx)
            and not core.source_in(ctx, NETWORK_1)
            and not core.source_in(ctx, NETWORK_2)
        ):  # gateways.cfg:41
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # gateways.cfg:42
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:43
                return STOP  # gateways.cfg:44
            # There may be a gateway.
            if not group.is_user_in(ctx, b"Credentials", b"ld"):  # gateways.cfg:47
                sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:48
                return STOP  # gateways.cfg:49
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
    rr.record_route(ctx)  # gateways.cfg:90
    # 00 and the number is + and the number.
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:93
        core.strip(ctx, 2)  # gateways.cfg:94
        core.prefix(ctx, b"+")  # gateways.cfg:95
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:98
        route_3(ctx)  # gateways.cfg:99
        return STOP  # gateways.cfg:100
    if not registrar.lookup(ctx, TABLE_2):  # gateways.cfg:103
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:104
        return STOP  # gateways.cfg:105
    return route_1(ctx) or TRUE  # gateways.cfg:107


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:110."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # gateways.cfg:112
    result = tm.t_relay(ctx)  # gateways.cfg:113
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:113
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:117."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # gateways.cfg:118
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:119
        return STOP  # gateways.cfg:120
    if not uri_db.check_to(ctx):  # gateways.cfg:122
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:123
        return STOP  # gateways.cfg:124
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # gateways.cfg:127
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # gateways.cfg:128
        return STOP  # gateways.cfg:129
    return registrar.save(ctx, TABLE_2)  # gateways.cfg:131


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:135."""
    if ctx.method not in (methods.ACK, methods.CANCEL) and not group.is_user_in(
        ctx, b"From", b"ld"
    ):  # gateways.cfg:136
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:137
        return STOP  # gateways.cfg:138
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:141
        if ctx.method != methods.ACK:  # gateways.cfg:142
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:142
        return STOP  # gateways.cfg:143
    return route_1(ctx) or TRUE  # gateways.cfg:145


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    56: 32, 57: 33, 58: 34, 60: 38, 64: 41, 65: 41, 66: 41, 67: 41, 68: 41, 69: 41, 70: 42, 71: 42, 72: 42, 73: 42,
    74: 43, 75: 44, 77: 47, 78: 48, 79: 49, 80: 52, 81: 53, 83: 57, 84: 58, 85: 59, 86: 62, 87: 63, 88: 64, 91: 68,
    92: 69, 93: 70, 94: 71, 95: 72, 96: 74, 97: 75, 99: 79, 100: 80, 101: 80, 102: 80, 103: 80, 104: 81, 105: 82,
    106: 84, 107: 85, 108: 86, 109: 90, 111: 93, 112: 94, 113: 95, 114: 98, 115: 99, 116: 100, 117: 103, 118: 104,
    119: 105, 120: 107, 127: 112, 128: 113, 129: 113, 130: 113, 131: 113, 132: 113, 139: 118, 140: 118, 141: 118,
    142: 118, 143: 119, 144: 120, 145: 122, 146: 123, 147: 124, 150: 127, 151: 128, 152: 129, 153: 131, 159: 136,
    160: 136, 161: 136, 162: 137, 163: 138, 165: 141, 166: 142, 167: 142, 168: 143, 169: 145,
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
