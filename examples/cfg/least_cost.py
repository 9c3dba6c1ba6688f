"""Routes of least_cost.cfg, compiled by serc 0.1.0. Change least_cost.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.auth import Auth
from runtime.modules.auth_db import AuthDb
from runtime.modules.auth_db.tables import UserTable
from runtime.modules.lcr import Lcr
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

TABLE_1: Final = UserTable(b"subscriber")
REGEX_1: Final = Regex(b"^sip:\\+[1-9][0-9]+@", ignore_case=True)
TABLE_2: Final = TableName(b"location")
REGEX_2: Final = Regex(b"408|403|404|5[0-9][0-9]", ignore_case=True)
REGEX_3: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, least_cost.cfg:37."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # least_cost.cfg:38
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # least_cost.cfg:39
        return STOP  # least_cost.cfg:40
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # least_cost.cfg:44
        route_1(ctx)  # least_cost.cfg:45
        return STOP  # least_cost.cfg:46
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # least_cost.cfg:50
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # least_cost.cfg:51
        return STOP  # least_cost.cfg:52
    if ctx.method == methods.REGISTER:  # least_cost.cfg:55
        route_2(ctx)  # least_cost.cfg:56
        return STOP  # least_cost.cfg:57
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if lcr.from_gw(ctx):  # least_cost.cfg:61
        rr.record_route(ctx)  # least_cost.cfg:62
        route_4(ctx)  # least_cost.cfg:63
        return STOP  # least_cost.cfg:64
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # least_cost.cfg:68
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:69
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:70
            return STOP  # least_cost.cfg:71
        if not uri_db.check_from(ctx):  # least_cost.cfg:73
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:74
            return STOP  # least_cost.cfg:75
        auth.consume_credentials(ctx)  # least_cost.cfg:77
    rr.record_route(ctx)  # least_cost.cfg:80
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:82
        route_3(ctx)  # least_cost.cfg:83
        return STOP  # least_cost.cfg:84
    return route_4(ctx) or TRUE  # least_cost.cfg:86


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:89."""
    result = tm.t_relay(ctx)  # least_cost.cfg:90
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:90
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:94."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:95
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:96
        return STOP  # least_cost.cfg:97
    if not uri_db.check_to(ctx):  # least_cost.cfg:99
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:100
        return STOP  # least_cost.cfg:101
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:103


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:107."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:108
        if ctx.method != methods.ACK:  # least_cost.cfg:109
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:109
        return STOP  # least_cost.cfg:110
    if not lcr.next_gw(ctx):  # least_cost.cfg:112
        if ctx.method != methods.ACK:  # least_cost.cfg:113
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:113
        return STOP  # least_cost.cfg:114
    if ctx.method == methods.INVITE:  # least_cost.cfg:116
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:116
    return route_1(ctx) or TRUE  # least_cost.cfg:117


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:121."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:122
        if ctx.method != methods.ACK:  # least_cost.cfg:123
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:123
        return STOP  # least_cost.cfg:124
    if ctx.method == methods.INVITE:  # least_cost.cfg:126
        lcr.load_contacts(ctx)  # least_cost.cfg:127
        lcr.next_contacts(ctx)  # least_cost.cfg:128
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:129
    return route_1(ctx) or TRUE  # least_cost.cfg:131


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:135."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:136
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:137
        return tm.t_relay(ctx)  # least_cost.cfg:138
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:143."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:144
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:145
        return tm.t_relay(ctx)  # least_cost.cfg:146
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    48: 38, 49: 39, 50: 40, 52: 44, 53: 45, 54: 46, 56: 50, 57: 51, 58: 52, 59: 55, 60: 56, 61: 57, 64: 61, 65: 62,
    66: 63, 67: 64, 69: 68, 70: 69, 71: 69, 72: 69, 73: 69, 74: 70, 75: 71, 76: 73, 77: 74, 78: 75, 79: 77, 80: 80,
    81: 82, 82: 83, 83: 84, 84: 86, 89: 90, 90: 90, 91: 90, 92: 90, 93: 90, 100: 95, 101: 95, 102: 95, 103: 95, 104: 96,
    105: 97, 106: 99, 107: 100, 108: 101, 109: 103, 115: 108, 116: 109, 117: 109, 118: 110, 119: 112, 120: 113,
    121: 113, 122: 114, 123: 116, 124: 116, 125: 117, 131: 122, 132: 123, 133: 123, 134: 124, 135: 126, 136: 127,
    137: 128, 138: 129, 139: 131, 146: 136, 147: 137, 148: 138, 155: 144, 156: 145, 157: 146,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, auth, auth_db, uri_db, lcr),
    request=route,
    failure={1: failure_route_1, 2: failure_route_2},
    prepared=(TABLE_1, TABLE_2),
    source="least_cost.cfg",
    lines=LINES,
    format=1,
)
