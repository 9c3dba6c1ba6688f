"""Routes of nat.cfg, compiled by serc 0.1.0. Change nat.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.nathelper import Nathelper
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
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
tm: Final = Tm()
maxfwd: Final = Maxfwd()
rr: Final = Rr(enable_full_lr=1)
usrloc: Final = Usrloc()
registrar: Final = Registrar(nat_flag=6, max_expires=300, default_expires=300)
nathelper: Final = Nathelper(rtpproxy_sock="udp:127.0.0.1:7722", natping_interval=25, ping_nated_only=1)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"^(183|2[0-9][0-9])$", True)


def route(ctx: Context) -> int:
    """Main request route, nat.cfg:32."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # nat.cfg:33
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # nat.cfg:34
        return STOP  # nat.cfg:35
    if nathelper.nat_uac_test(ctx, 23):  # nat.cfg:39
        core.force_rport(ctx)  # nat.cfg:41
        if ctx.method == methods.REGISTER:  # nat.cfg:42
            nathelper.fix_nated_register(ctx)  # nat.cfg:44
        else:
            nathelper.fix_nated_contact(ctx)  # nat.cfg:47
        core.setflag(ctx, 6)  # nat.cfg:49
    if rr.loose_route(ctx):  # nat.cfg:53
        route_1(ctx)  # nat.cfg:54
        return STOP  # nat.cfg:55
    if core.uri_is_not_myself(ctx):  # nat.cfg:59
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # nat.cfg:60
        return STOP  # nat.cfg:61
    if ctx.method == methods.REGISTER:  # nat.cfg:65
        registrar.save(ctx, TABLE_1)  # nat.cfg:66
        return STOP  # nat.cfg:67
    rr.record_route(ctx)  # nat.cfg:70
    if not registrar.lookup(ctx, TABLE_1):  # nat.cfg:73
        sl.sl_send_reply(ctx, 404, b"Not Found")  # nat.cfg:74
        return STOP  # nat.cfg:75
    return route_1(ctx) or TRUE  # nat.cfg:77


def route_1(ctx: Context) -> int:
    """route[1], nat.cfg:81."""
    if ctx.method in (methods.BYE, methods.CANCEL):  # nat.cfg:82
        nathelper.unforce_rtp_proxy(ctx)  # nat.cfg:83
    elif core.isflagset(ctx, 6) and ctx.method == methods.INVITE:  # nat.cfg:84
        nathelper.force_rtp_proxy(ctx)  # nat.cfg:85
    tm.t_on_reply(ctx, 1)  # nat.cfg:87
    result = tm.t_relay(ctx)  # nat.cfg:88
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # nat.cfg:88
    return TRUE


def onreply_route_1(ctx: Context) -> int:
    """onreply_route[1], nat.cfg:92."""
    if nathelper.nat_uac_test(ctx, 1):  # nat.cfg:93
        nathelper.fix_nated_contact(ctx)  # nat.cfg:93
    if core.isflagset(ctx, 6) and core.uri_matches(ctx, REGEX_1):  # nat.cfg:94
        return verdict(nathelper.force_rtp_proxy(ctx))  # nat.cfg:94
    return TRUE


# Which line of nat.cfg each line of this file comes from: so errors name nat.cfg.
# fmt: off
LINES: Final = {
    38: 33, 39: 34, 40: 35, 41: 39, 42: 41, 43: 42, 44: 44, 46: 47, 47: 49, 48: 53, 49: 54, 50: 55, 51: 59, 52: 60,
    53: 61, 54: 65, 55: 66, 56: 67, 57: 70, 58: 73, 59: 74, 60: 75, 61: 77, 66: 82, 67: 83, 68: 84, 69: 85, 70: 87,
    71: 88, 72: 88, 73: 88, 74: 88, 75: 88, 81: 93, 82: 93, 83: 94, 84: 94,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, nathelper),
    request=route,
    onreply={1: onreply_route_1},
    prepared=(TABLE_1,),
    source="nat.cfg",
    lines=LINES,
    format=1,
)
