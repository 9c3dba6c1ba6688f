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
from runtime.modules.uri import Uri
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
uri: Final = Uri()
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
    """Main request route, least_cost.cfg:36."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # least_cost.cfg:37
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # least_cost.cfg:38
        return STOP  # least_cost.cfg:39
    if rr.loose_route(ctx):  # least_cost.cfg:42
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # least_cost.cfg:44
            if ctx.method != methods.ACK:  # least_cost.cfg:45
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # least_cost.cfg:45
            return STOP  # least_cost.cfg:46
        route_1(ctx)  # least_cost.cfg:48
        return STOP  # least_cost.cfg:49
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # least_cost.cfg:53
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # least_cost.cfg:54
        return STOP  # least_cost.cfg:55
    if ctx.method == methods.REGISTER:  # least_cost.cfg:58
        route_2(ctx)  # least_cost.cfg:59
        return STOP  # least_cost.cfg:60
    # The gateways have no passwords: they are known by their addresses. What they send is for our users, never back to
    # them.
    if lcr.from_gw(ctx):  # least_cost.cfg:64
        rr.record_route(ctx)  # least_cost.cfg:65
        route_4(ctx)  # least_cost.cfg:66
        return STOP  # least_cost.cfg:67
    # Everybody else proves who it is. ACK and CANCEL belong to a request that has done so.
    if ctx.method not in (methods.ACK, methods.CANCEL):  # least_cost.cfg:71
        result = auth_db.proxy_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:72
        if result == STOP:
            return STOP
        if result < 0:
            auth.proxy_challenge(ctx, b"", 1)  # least_cost.cfg:73
            return STOP  # least_cost.cfg:74
        if not uri_db.check_from(ctx):  # least_cost.cfg:76
            sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:77
            return STOP  # least_cost.cfg:78
        auth.consume_credentials(ctx)  # least_cost.cfg:80
    rr.record_route(ctx)  # least_cost.cfg:83
    if core.uri_matches(ctx, REGEX_1):  # least_cost.cfg:85
        route_3(ctx)  # least_cost.cfg:86
        return STOP  # least_cost.cfg:87
    return route_4(ctx) or TRUE  # least_cost.cfg:89


def route_1(ctx: Context) -> int:
    """route[1], least_cost.cfg:92."""
    result = tm.t_relay(ctx)  # least_cost.cfg:93
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # least_cost.cfg:93
    return TRUE


# A phone says where it is.
def route_2(ctx: Context) -> int:
    """route[2], least_cost.cfg:97."""
    result = auth_db.www_authorize(ctx, b"", TABLE_1)  # least_cost.cfg:98
    if result == STOP:
        return STOP
    if result < 0:
        auth.www_challenge(ctx, b"", 1)  # least_cost.cfg:99
        return STOP  # least_cost.cfg:100
    if not uri_db.check_to(ctx):  # least_cost.cfg:102
        sl.sl_send_reply(ctx, 403, b"Use the name of your own account")  # least_cost.cfg:103
        return STOP  # least_cost.cfg:104
    return registrar.save(ctx, TABLE_2)  # least_cost.cfg:106


# To the telephone network. The caller and the number decide which gateways there are.
def route_3(ctx: Context) -> int:
    """route[3], least_cost.cfg:110."""
    if not lcr.load_gws(ctx):  # least_cost.cfg:111
        if ctx.method != methods.ACK:  # least_cost.cfg:112
            sl.sl_send_reply(ctx, 500, b"No Table of Gateways")  # least_cost.cfg:112
        return STOP  # least_cost.cfg:113
    if not lcr.next_gw(ctx):  # least_cost.cfg:115
        if ctx.method != methods.ACK:  # least_cost.cfg:116
            sl.sl_send_reply(ctx, 404, b"No Gateway for this Number")  # least_cost.cfg:116
        return STOP  # least_cost.cfg:117
    if ctx.method == methods.INVITE:  # least_cost.cfg:119
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:119
    return route_1(ctx) or TRUE  # least_cost.cfg:120


# To the phones of a user: those with the best q first.
def route_4(ctx: Context) -> int:
    """route[4], least_cost.cfg:124."""
    if not registrar.lookup(ctx, TABLE_2):  # least_cost.cfg:125
        if ctx.method != methods.ACK:  # least_cost.cfg:126
            sl.sl_send_reply(ctx, 404, b"Not Found")  # least_cost.cfg:126
        return STOP  # least_cost.cfg:127
    if ctx.method == methods.INVITE:  # least_cost.cfg:129
        lcr.load_contacts(ctx)  # least_cost.cfg:130
        lcr.next_contacts(ctx)  # least_cost.cfg:131
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:132
    return route_1(ctx) or TRUE  # least_cost.cfg:134


# The gateway is silent (408), has no line (5xx), or does not want this call: the next one may. A number that is engaged
# (486) stays so.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], least_cost.cfg:138."""
    if tm.t_check_status(ctx, REGEX_2) and lcr.next_gw(ctx):  # least_cost.cfg:139
        tm.t_on_failure(ctx, 1)  # least_cost.cfg:140
        return tm.t_relay(ctx)  # least_cost.cfg:141
    return TRUE


# Nobody has answered there: the phones with the next q ring. A user who declines (603) is asked no more.
def failure_route_2(ctx: Context) -> int:
    """failure_route[2], least_cost.cfg:146."""
    if tm.t_check_status(ctx, REGEX_3) and lcr.next_contacts(ctx):  # least_cost.cfg:147
        tm.t_on_failure(ctx, 2)  # least_cost.cfg:148
        return tm.t_relay(ctx)  # least_cost.cfg:149
    return TRUE


# Which line of least_cost.cfg each line of this file comes from: so errors name least_cost.cfg.
# fmt: off
LINES: Final = {
    50: 37, 51: 38, 52: 39, 53: 42, 55: 44, 56: 45, 57: 45, 58: 46, 59: 48, 60: 49, 62: 53, 63: 54, 64: 55, 65: 58,
    66: 59, 67: 60, 70: 64, 71: 65, 72: 66, 73: 67, 75: 71, 76: 72, 77: 72, 78: 72, 79: 72, 80: 73, 81: 74, 82: 76,
    83: 77, 84: 78, 85: 80, 86: 83, 87: 85, 88: 86, 89: 87, 90: 89, 95: 93, 96: 93, 97: 93, 98: 93, 99: 93, 106: 98,
    107: 98, 108: 98, 109: 98, 110: 99, 111: 100, 112: 102, 113: 103, 114: 104, 115: 106, 121: 111, 122: 112, 123: 112,
    124: 113, 125: 115, 126: 116, 127: 116, 128: 117, 129: 119, 130: 119, 131: 120, 137: 125, 138: 126, 139: 126,
    140: 127, 141: 129, 142: 130, 143: 131, 144: 132, 145: 134, 152: 139, 153: 140, 154: 141, 161: 147, 162: 148,
    163: 149,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, auth, auth_db, uri_db, lcr),
    request=route,
    failure={1: failure_route_1, 2: failure_route_2},
    prepared=(TABLE_1, TABLE_2),
    source="least_cost.cfg",
    lines=LINES,
    format=1,
)
