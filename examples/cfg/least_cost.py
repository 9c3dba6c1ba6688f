"""Routes of least_cost.cfg, compiled by serc 0.1.0. Change least_cost.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.auth import Auth
from runtime.modules.auth_db import AuthDb
from runtime.modules.auth_db.tables import UserTable
from runtime.modules.lcr import Lcr
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
from runtime.sip.regex import Regex

CONFIG: Final = Config(
    fifo="/tmp/ser_fifo",
)

sl: Final = Sl()
tm: Final = Tm(fr_inv_timer_avp="inv_timeout", fr_timer=5)
maxfwd: Final = Maxfwd()
rr: Final = Rr(signed=1)
usrloc: Final = Usrloc(use_domain=1, db_mode=1)
registrar: Final = Registrar(use_domain=1)
auth: Final = Auth()
auth_db: Final = AuthDb(use_domain=1)
uri_db: Final = UriDb()
lcr: Final = Lcr(fr_inv_timer_avp="inv_timeout", fr_inv_timer=60, fr_inv_timer_next=20)
permissions: Final = Permissions()

TABLE_1: Final = UserTable(b"subscriber")
REGEX_1: Final = Regex(b"^sip:\\+[1-9][0-9]+@", ignore_case=True)
RULES_1: Final = RuleBase(b"phones")
TABLE_2: Final = TableName(b"location")
REGEX_2: Final = Regex(b"408|403|404|5[0-9][0-9]", ignore_case=True)
REGEX_3: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, least_cost.cfg:38."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # least_cost.cfg:39
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # least_cost.cfg:40
        return STOP  # least_cost.cfg:41
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # least_cost.cfg:45
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is.
        if not rr.keeps_way(ctx) and not lcr.from_gw(ctx):  # least_cost.cfg:47
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:48
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:49
                return STOP  # least_cost.cfg:50
            auth.consume_credentials(ctx)  # least_cost.cfg:52
        route_1(ctx)  # least_cost.cfg:54
        return STOP  # least_cost.cfg:55
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # least_cost.cfg:59
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # least_cost.cfg:60
        return STOP  # least_cost.cfg:61
    if ctx.method == methods.REGISTER:  # least_cost.cfg:64
        route_2(ctx)  # least_cost.cfg:65
        return STOP  # least_cost.cfg:66
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if lcr.from_gw(ctx):  # least_cost.cfg:70
        rr.record_route(ctx)  # least_cost.cfg:71
        route_4(ctx)  # least_cost.cfg:72
        return STOP  # least_cost.cfg:73
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # least_cost.cfg:77
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:78
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:79
            return STOP  # least_cost.cfg:80
        if not uri_db.check_from(ctx):  # least_cost.cfg:82
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:83
            return STOP  # least_cost.cfg:84
        auth.consume_credentials(ctx)  # least_cost.cfg:86
    rr.record_route(ctx)  # least_cost.cfg:89
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:91
        route_3(ctx)  # least_cost.cfg:92
        return STOP  # least_cost.cfg:93
    return route_4(ctx) or TRUE  # least_cost.cfg:95


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:98."""
    result = tm.t_relay(ctx)  # least_cost.cfg:99
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:99
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:103."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:104
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:105
        return STOP  # least_cost.cfg:106
    if not uri_db.check_to(ctx):  # least_cost.cfg:108
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:109
        return STOP  # least_cost.cfg:110
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # least_cost.cfg:113
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # least_cost.cfg:114
        return STOP  # least_cost.cfg:115
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:117


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:121."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:122
        if ctx.method != methods.ACK:  # least_cost.cfg:123
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:123
        return STOP  # least_cost.cfg:124
    if not lcr.next_gw(ctx):  # least_cost.cfg:126
        if ctx.method != methods.ACK:  # least_cost.cfg:127
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:127
        return STOP  # least_cost.cfg:128
    if ctx.method == methods.INVITE:  # least_cost.cfg:130
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:130
    return route_1(ctx) or TRUE  # least_cost.cfg:131


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:135."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:136
        if ctx.method != methods.ACK:  # least_cost.cfg:137
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:137
        return STOP  # least_cost.cfg:138
    if ctx.method == methods.INVITE:  # least_cost.cfg:140
        lcr.load_contacts(ctx)  # least_cost.cfg:141
        lcr.next_contacts(ctx)  # least_cost.cfg:142
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:143
    return route_1(ctx) or TRUE  # least_cost.cfg:145


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:149."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:150
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:151
        return tm.t_relay(ctx)  # least_cost.cfg:152
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:157."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:158
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:159
        return tm.t_relay(ctx)  # least_cost.cfg:160
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    52: 39, 53: 40, 54: 41, 56: 45, 58: 47, 59: 48, 60: 48, 61: 48, 62: 48, 63: 49, 64: 50, 65: 52, 66: 54, 67: 55,
    69: 59, 70: 60, 71: 61, 72: 64, 73: 65, 74: 66, 77: 70, 78: 71, 79: 72, 80: 73, 82: 77, 83: 78, 84: 78, 85: 78,
    86: 78, 87: 79, 88: 80, 89: 82, 90: 83, 91: 84, 92: 86, 93: 89, 94: 91, 95: 92, 96: 93, 97: 95, 102: 99, 103: 99,
    104: 99, 105: 99, 106: 99, 113: 104, 114: 104, 115: 104, 116: 104, 117: 105, 118: 106, 119: 108, 120: 109, 121: 110,
    124: 113, 125: 114, 126: 115, 127: 117, 133: 122, 134: 123, 135: 123, 136: 124, 137: 126, 138: 127, 139: 127,
    140: 128, 141: 130, 142: 130, 143: 131, 149: 136, 150: 137, 151: 137, 152: 138, 153: 140, 154: 141, 155: 142,
    156: 143, 157: 145, 164: 150, 165: 151, 166: 152, 173: 158, 174: 159, 175: 160,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, auth, auth_db, uri_db, lcr, permissions),
    request=route,
    failure={1: failure_route_1, 2: failure_route_2},
    prepared=(TABLE_1, RULES_1, TABLE_2),
    source="least_cost.cfg",
    lines=LINES,
    format=1,
)
