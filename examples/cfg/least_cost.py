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
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if (
            ctx.method not in (methods.ACK, methods.BYE) and not rr.keeps_way(ctx) and not lcr.from_gw(ctx)
        ):  # least_cost.cfg:48
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:49
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:50
                return STOP  # least_cost.cfg:51
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
    rr.record_route(ctx)  # least_cost.cfg:88
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:90
        route_3(ctx)  # least_cost.cfg:91
        return STOP  # least_cost.cfg:92
    return route_4(ctx) or TRUE  # least_cost.cfg:94


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:97."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # least_cost.cfg:99
    result = tm.t_relay(ctx)  # least_cost.cfg:100
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:100
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:104."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:105
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:106
        return STOP  # least_cost.cfg:107
    if not uri_db.check_to(ctx):  # least_cost.cfg:109
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:110
        return STOP  # least_cost.cfg:111
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # least_cost.cfg:114
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # least_cost.cfg:115
        return STOP  # least_cost.cfg:116
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:118


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:122."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:123
        if ctx.method != methods.ACK:  # least_cost.cfg:124
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:124
        return STOP  # least_cost.cfg:125
    if not lcr.next_gw(ctx):  # least_cost.cfg:127
        if ctx.method != methods.ACK:  # least_cost.cfg:128
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:128
        return STOP  # least_cost.cfg:129
    if ctx.method == methods.INVITE:  # least_cost.cfg:131
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:131
    return route_1(ctx) or TRUE  # least_cost.cfg:132


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:136."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:137
        if ctx.method != methods.ACK:  # least_cost.cfg:138
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:138
        return STOP  # least_cost.cfg:139
    if ctx.method == methods.INVITE:  # least_cost.cfg:141
        lcr.load_contacts(ctx)  # least_cost.cfg:142
        lcr.next_contacts(ctx)  # least_cost.cfg:143
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:144
    return route_1(ctx) or TRUE  # least_cost.cfg:146


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:150."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:151
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:152
        return tm.t_relay(ctx)  # least_cost.cfg:153
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:158."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:159
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:160
        return tm.t_relay(ctx)  # least_cost.cfg:161
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    52: 39, 53: 40, 54: 41, 56: 45, 60: 48, 61: 48, 62: 48, 63: 49, 64: 49, 65: 49, 66: 49, 67: 50, 68: 51, 69: 54,
    70: 55, 72: 59, 73: 60, 74: 61, 75: 64, 76: 65, 77: 66, 80: 70, 81: 71, 82: 72, 83: 73, 85: 77, 86: 78, 87: 78,
    88: 78, 89: 78, 90: 79, 91: 80, 92: 82, 93: 83, 94: 84, 95: 88, 96: 90, 97: 91, 98: 92, 99: 94, 106: 99, 107: 100,
    108: 100, 109: 100, 110: 100, 111: 100, 118: 105, 119: 105, 120: 105, 121: 105, 122: 106, 123: 107, 124: 109,
    125: 110, 126: 111, 129: 114, 130: 115, 131: 116, 132: 118, 138: 123, 139: 124, 140: 124, 141: 125, 142: 127,
    143: 128, 144: 128, 145: 129, 146: 131, 147: 131, 148: 132, 154: 137, 155: 138, 156: 138, 157: 139, 158: 141,
    159: 142, 160: 143, 161: 144, 162: 146, 169: 151, 170: 152, 171: 153, 178: 159, 179: 160, 180: 161,
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
