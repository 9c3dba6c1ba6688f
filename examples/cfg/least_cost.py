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
        route_1(ctx)  # least_cost.cfg:46
        return STOP  # least_cost.cfg:47
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # least_cost.cfg:51
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # least_cost.cfg:52
        return STOP  # least_cost.cfg:53
    if ctx.method == methods.REGISTER:  # least_cost.cfg:56
        route_2(ctx)  # least_cost.cfg:57
        return STOP  # least_cost.cfg:58
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if lcr.from_gw(ctx):  # least_cost.cfg:62
        rr.record_route(ctx)  # least_cost.cfg:63
        route_4(ctx)  # least_cost.cfg:64
        return STOP  # least_cost.cfg:65
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # least_cost.cfg:69
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:70
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:71
            return STOP  # least_cost.cfg:72
        if not uri_db.check_from(ctx):  # least_cost.cfg:74
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:75
            return STOP  # least_cost.cfg:76
        auth.consume_credentials(ctx)  # least_cost.cfg:78
    rr.record_route(ctx)  # least_cost.cfg:81
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:83
        route_3(ctx)  # least_cost.cfg:84
        return STOP  # least_cost.cfg:85
    return route_4(ctx) or TRUE  # least_cost.cfg:87


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:90."""
    result = tm.t_relay(ctx)  # least_cost.cfg:91
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:91
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:95."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:96
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:97
        return STOP  # least_cost.cfg:98
    if not uri_db.check_to(ctx):  # least_cost.cfg:100
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:101
        return STOP  # least_cost.cfg:102
    # phones.allow and phones.deny say where phones are: who registers a gateway's address would call there without
    # being asked.
    if not permissions.allow_register_base(ctx, RULES_1):  # least_cost.cfg:105
        sl.sl_send_reply(ctx, 403, b"No phone is there")  # least_cost.cfg:106
        return STOP  # least_cost.cfg:107
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:109


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:113."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:114
        if ctx.method != methods.ACK:  # least_cost.cfg:115
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:115
        return STOP  # least_cost.cfg:116
    if not lcr.next_gw(ctx):  # least_cost.cfg:118
        if ctx.method != methods.ACK:  # least_cost.cfg:119
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:119
        return STOP  # least_cost.cfg:120
    if ctx.method == methods.INVITE:  # least_cost.cfg:122
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:122
    return route_1(ctx) or TRUE  # least_cost.cfg:123


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:127."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:128
        if ctx.method != methods.ACK:  # least_cost.cfg:129
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:129
        return STOP  # least_cost.cfg:130
    if ctx.method == methods.INVITE:  # least_cost.cfg:132
        lcr.load_contacts(ctx)  # least_cost.cfg:133
        lcr.next_contacts(ctx)  # least_cost.cfg:134
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:135
    return route_1(ctx) or TRUE  # least_cost.cfg:137


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:141."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:142
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:143
        return tm.t_relay(ctx)  # least_cost.cfg:144
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:149."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:150
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:151
        return tm.t_relay(ctx)  # least_cost.cfg:152
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    52: 39, 53: 40, 54: 41, 56: 45, 57: 46, 58: 47, 60: 51, 61: 52, 62: 53, 63: 56, 64: 57, 65: 58, 68: 62, 69: 63,
    70: 64, 71: 65, 73: 69, 74: 70, 75: 70, 76: 70, 77: 70, 78: 71, 79: 72, 80: 74, 81: 75, 82: 76, 83: 78, 84: 81,
    85: 83, 86: 84, 87: 85, 88: 87, 93: 91, 94: 91, 95: 91, 96: 91, 97: 91, 104: 96, 105: 96, 106: 96, 107: 96, 108: 97,
    109: 98, 110: 100, 111: 101, 112: 102, 115: 105, 116: 106, 117: 107, 118: 109, 124: 114, 125: 115, 126: 115,
    127: 116, 128: 118, 129: 119, 130: 119, 131: 120, 132: 122, 133: 122, 134: 123, 140: 128, 141: 129, 142: 129,
    143: 130, 144: 132, 145: 133, 146: 134, 147: 135, 148: 137, 155: 142, 156: 143, 157: 144, 164: 150, 165: 151,
    166: 152,
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
