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
rr: Final = Rr()
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
    """Main request route, least_cost.cfg:35."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # least_cost.cfg:36
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # least_cost.cfg:37
        return STOP  # least_cost.cfg:38
    if rr.loose_route(ctx):  # least_cost.cfg:41
        route_1(ctx)  # least_cost.cfg:42
        return STOP  # least_cost.cfg:43
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # least_cost.cfg:47
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # least_cost.cfg:48
        return STOP  # least_cost.cfg:49
    if ctx.method == methods.REGISTER:  # least_cost.cfg:52
        route_2(ctx)  # least_cost.cfg:53
        return STOP  # least_cost.cfg:54
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if lcr.from_gw(ctx):  # least_cost.cfg:58
        rr.record_route(ctx)  # least_cost.cfg:59
        route_4(ctx)  # least_cost.cfg:60
        return STOP  # least_cost.cfg:61
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # least_cost.cfg:65
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:66
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:67
            return STOP  # least_cost.cfg:68
        if not uri_db.check_from(ctx):  # least_cost.cfg:70
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:71
            return STOP  # least_cost.cfg:72
        auth.consume_credentials(ctx)  # least_cost.cfg:74
    rr.record_route(ctx)  # least_cost.cfg:77
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:79
        route_3(ctx)  # least_cost.cfg:80
        return STOP  # least_cost.cfg:81
    return route_4(ctx) or TRUE  # least_cost.cfg:83


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:86."""
    result = tm.t_relay(ctx)  # least_cost.cfg:87
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:87
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:91."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:92
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:93
        return STOP  # least_cost.cfg:94
    if not uri_db.check_to(ctx):  # least_cost.cfg:96
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:97
        return STOP  # least_cost.cfg:98
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:100


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:104."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:105
        if ctx.method != methods.ACK:  # least_cost.cfg:106
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:106
        return STOP  # least_cost.cfg:107
    if not lcr.next_gw(ctx):  # least_cost.cfg:109
        if ctx.method != methods.ACK:  # least_cost.cfg:110
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:110
        return STOP  # least_cost.cfg:111
    if ctx.method == methods.INVITE:  # least_cost.cfg:113
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:113
    return route_1(ctx) or TRUE  # least_cost.cfg:114


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:118."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:119
        if ctx.method != methods.ACK:  # least_cost.cfg:120
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:120
        return STOP  # least_cost.cfg:121
    if ctx.method == methods.INVITE:  # least_cost.cfg:123
        lcr.load_contacts(ctx)  # least_cost.cfg:124
        lcr.next_contacts(ctx)  # least_cost.cfg:125
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:126
    return route_1(ctx) or TRUE  # least_cost.cfg:128


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:132."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:133
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:134
        return tm.t_relay(ctx)  # least_cost.cfg:135
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:140."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:141
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:142
        return tm.t_relay(ctx)  # least_cost.cfg:143
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    48: 36, 49: 37, 50: 38, 51: 41, 52: 42, 53: 43, 55: 47, 56: 48, 57: 49, 58: 52, 59: 53, 60: 54, 63: 58, 64: 59,
    65: 60, 66: 61, 68: 65, 69: 66, 70: 66, 71: 66, 72: 66, 73: 67, 74: 68, 75: 70, 76: 71, 77: 72, 78: 74, 79: 77,
    80: 79, 81: 80, 82: 81, 83: 83, 88: 87, 89: 87, 90: 87, 91: 87, 92: 87, 99: 92, 100: 92, 101: 92, 102: 92, 103: 93,
    104: 94, 105: 96, 106: 97, 107: 98, 108: 100, 114: 105, 115: 106, 116: 106, 117: 107, 118: 109, 119: 110, 120: 110,
    121: 111, 122: 113, 123: 113, 124: 114, 130: 119, 131: 120, 132: 120, 133: 121, 134: 123, 135: 124, 136: 125,
    137: 126, 138: 128, 145: 133, 146: 134, 147: 135, 154: 141, 155: 142, 156: 143,
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
