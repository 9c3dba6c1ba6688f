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
auth: Final = Auth(check_uri=1)
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
    """Main request route, least_cost.cfg:40."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # least_cost.cfg:41
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # least_cost.cfg:42
        return STOP  # least_cost.cfg:43
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # least_cost.cfg:47
        # A call does not go elsewhere unasked: who takes it to where neither side of it has been proves who it is. ACK
        # and BYE begin
        # nothing there.
        if (
            ctx.method not in (methods.ACK, methods.BYE) and not rr.keeps_way(ctx) and not lcr.from_gw(ctx)
        ):  # least_cost.cfg:50
            result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:51
            if result == STOP:
                return STOP
            if result < 0:
                auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:52
                return STOP  # least_cost.cfg:53
        route_1(ctx)  # least_cost.cfg:56
        return STOP  # least_cost.cfg:57
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # least_cost.cfg:61
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # least_cost.cfg:62
        return STOP  # least_cost.cfg:63
    if ctx.method == methods.REGISTER:  # least_cost.cfg:66
        route_2(ctx)  # least_cost.cfg:67
        return STOP  # least_cost.cfg:68
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if lcr.from_gw(ctx):  # least_cost.cfg:72
        rr.record_route(ctx)  # least_cost.cfg:73
        route_4(ctx)  # least_cost.cfg:74
        return STOP  # least_cost.cfg:75
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # least_cost.cfg:79
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:80
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:81
            return STOP  # least_cost.cfg:82
        if not uri_db.check_from(ctx):  # least_cost.cfg:84
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:85
            return STOP  # least_cost.cfg:86
    rr.record_route(ctx)  # least_cost.cfg:90
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:92
        route_3(ctx)  # least_cost.cfg:93
        return STOP  # least_cost.cfg:94
    return route_4(ctx) or TRUE  # least_cost.cfg:96


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:99."""
    # What alice answers to a challenge is not for bob's phone, which could call with it; her phone sends it inside the
    # call, too.
    auth.hide_credentials(ctx)  # least_cost.cfg:101
    result = tm.t_relay(ctx)  # least_cost.cfg:102
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:102
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:106."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:107
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:108
        return STOP  # least_cost.cfg:109
    if not uri_db.check_to(ctx):  # least_cost.cfg:111
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:112
        return STOP  # least_cost.cfg:113
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # least_cost.cfg:116
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # least_cost.cfg:117
        return STOP  # least_cost.cfg:118
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:120


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:124."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:125
        if ctx.method != methods.ACK:  # least_cost.cfg:126
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:126
        return STOP  # least_cost.cfg:127
    if not lcr.next_gw(ctx):  # least_cost.cfg:129
        if ctx.method != methods.ACK:  # least_cost.cfg:130
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:130
        return STOP  # least_cost.cfg:131
    if ctx.method == methods.INVITE:  # least_cost.cfg:133
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:133
    return route_1(ctx) or TRUE  # least_cost.cfg:134


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:138."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:139
        if ctx.method != methods.ACK:  # least_cost.cfg:140
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:140
        return STOP  # least_cost.cfg:141
    if ctx.method == methods.INVITE:  # least_cost.cfg:143
        lcr.load_contacts(ctx)  # least_cost.cfg:144
        lcr.next_contacts(ctx)  # least_cost.cfg:145
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:146
    return route_1(ctx) or TRUE  # least_cost.cfg:148


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:152."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:153
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:154
        return tm.t_relay(ctx)  # least_cost.cfg:155
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:160."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:161
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:162
        return tm.t_relay(ctx)  # least_cost.cfg:163
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    52: 41, 53: 42, 54: 43, 56: 47, 60: 50, 61: 50, 62: 50, 63: 51, 64: 51, 65: 51, 66: 51, 67: 52, 68: 53, 69: 56,
    70: 57, 72: 61, 73: 62, 74: 63, 75: 66, 76: 67, 77: 68, 80: 72, 81: 73, 82: 74, 83: 75, 85: 79, 86: 80, 87: 80,
    88: 80, 89: 80, 90: 81, 91: 82, 92: 84, 93: 85, 94: 86, 95: 90, 96: 92, 97: 93, 98: 94, 99: 96, 106: 101, 107: 102,
    108: 102, 109: 102, 110: 102, 111: 102, 118: 107, 119: 107, 120: 107, 121: 107, 122: 108, 123: 109, 124: 111,
    125: 112, 126: 113, 129: 116, 130: 117, 131: 118, 132: 120, 138: 125, 139: 126, 140: 126, 141: 127, 142: 129,
    143: 130, 144: 130, 145: 131, 146: 133, 147: 133, 148: 134, 154: 139, 155: 140, 156: 140, 157: 141, 158: 143,
    159: 144, 160: 145, 161: 146, 162: 148, 169: 153, 170: 154, 171: 155, 178: 161, 179: 162, 180: 163,
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
