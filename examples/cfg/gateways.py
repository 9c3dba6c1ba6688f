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
auth: Final = Auth(check_uri=1)
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
    """Main request route, gateways.cfg:33."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # gateways.cfg:34
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # gateways.cfg:35
        return STOP  # gateways.cfg:36
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # gateways.cfg:40
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if (
            ctx.method not in (methods.ACK, methods.BYE)
            and not rr.keeps_way(ctx)
            and not core.source_in(ctx, NETWORK_1)
            and not core.source_in(ctx, NETWORK_2)
        ):  # gateways.cfg:43
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # gateways.cfg:44
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:45
                return STOP  # gateways.cfg:46
            # There may be a gateway.
            if not group.is_user_in(ctx, b"Credentials", b"ld"):  # gateways.cfg:49
                sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:50
                return STOP  # gateways.cfg:51
        route_1(ctx)  # gateways.cfg:54
        return STOP  # gateways.cfg:55
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # gateways.cfg:59
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # gateways.cfg:60
        return STOP  # gateways.cfg:61
    if ctx.method == methods.REGISTER:  # gateways.cfg:64
        route_2(ctx)  # gateways.cfg:65
        return STOP  # gateways.cfg:66
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if core.source_in(ctx, NETWORK_1) or core.source_in(ctx, NETWORK_2):  # gateways.cfg:70
        rr.record_route(ctx)  # gateways.cfg:71
        if not registrar.lookup(ctx, TABLE_2):  # gateways.cfg:72
            sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:73
            return STOP  # gateways.cfg:74
        route_1(ctx)  # gateways.cfg:76
        return STOP  # gateways.cfg:77
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # gateways.cfg:81
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # gateways.cfg:82
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # gateways.cfg:83
            return STOP  # gateways.cfg:84
        if not uri_db.check_from(ctx):  # gateways.cfg:86
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:87
            return STOP  # gateways.cfg:88
    rr.record_route(ctx)  # gateways.cfg:92
    # 00 and the number is + and the number.
    if core.uri_matches(ctx, REGEX_1):  # gateways.cfg:95
        core.strip(ctx, 2)  # gateways.cfg:96
        core.prefix(ctx, b"+")  # gateways.cfg:97
    if core.uri_matches(ctx, REGEX_2):  # gateways.cfg:100
        route_3(ctx)  # gateways.cfg:101
        return STOP  # gateways.cfg:102
    if not registrar.lookup(ctx, TABLE_2):  # gateways.cfg:105
        sl.sl_send_reply(ctx, 404, b"Not Found")  # gateways.cfg:106
        return STOP  # gateways.cfg:107
    return route_1(ctx) or TRUE  # gateways.cfg:109


def route_1(ctx: Context) -> int:
    """route[1], gateways.cfg:112."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # gateways.cfg:114
    result = tm.t_relay(ctx)  # gateways.cfg:115
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # gateways.cfg:115
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], gateways.cfg:119."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # gateways.cfg:120
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # gateways.cfg:121
        return STOP  # gateways.cfg:122
    if not uri_db.check_to(ctx):  # gateways.cfg:124
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # gateways.cfg:125
        return STOP  # gateways.cfg:126
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # gateways.cfg:129
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # gateways.cfg:130
        return STOP  # gateways.cfg:131
    return registrar.save(ctx, TABLE_2)  # gateways.cfg:133


# To the telephone network, for those whom `serctl acl grant alice@192.168.7.1 ld` has put into the group.
def route_3(ctx: Context) -> int:
    """route[3], gateways.cfg:137."""
    if ctx.method not in (methods.ACK, methods.CANCEL) and not group.is_user_in(
        ctx, b"From", b"ld"
    ):  # gateways.cfg:138
        sl.sl_send_reply(ctx, 403, b"No permission for such calls")  # gateways.cfg:139
        return STOP  # gateways.cfg:140
    # All requests of a call go to the same gateway: the choice is a hash of the Call-ID.
    if not dispatcher.ds_select_dst(ctx, 1, 0):  # gateways.cfg:143
        if ctx.method != methods.ACK:  # gateways.cfg:144
            sl.sl_send_reply(ctx, 503, b"No Gateway")  # gateways.cfg:144
        return STOP  # gateways.cfg:145
    return route_1(ctx) or TRUE  # gateways.cfg:147


# Which line of gateways.cfg each line of this file comes from: so errors name gateways.cfg.
# fmt: off
LINES: Final = {
    56: 34, 57: 35, 58: 36, 60: 40, 64: 43, 65: 43, 66: 43, 67: 43, 68: 43, 69: 43, 70: 44, 71: 44, 72: 44, 73: 44,
    74: 45, 75: 46, 77: 49, 78: 50, 79: 51, 80: 54, 81: 55, 83: 59, 84: 60, 85: 61, 86: 64, 87: 65, 88: 66, 91: 70,
    92: 71, 93: 72, 94: 73, 95: 74, 96: 76, 97: 77, 99: 81, 100: 82, 101: 82, 102: 82, 103: 82, 104: 83, 105: 84,
    106: 86, 107: 87, 108: 88, 109: 92, 111: 95, 112: 96, 113: 97, 114: 100, 115: 101, 116: 102, 117: 105, 118: 106,
    119: 107, 120: 109, 127: 114, 128: 115, 129: 115, 130: 115, 131: 115, 132: 115, 139: 120, 140: 120, 141: 120,
    142: 120, 143: 121, 144: 122, 145: 124, 146: 125, 147: 126, 150: 129, 151: 130, 152: 131, 153: 133, 159: 138,
    160: 138, 161: 138, 162: 139, 163: 140, 165: 143, 166: 144, 167: 144, 168: 145, 169: 147,
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
