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
registrar: Final = Registrar(nat_flag=6, max_expires=60, default_expires=60)
nathelper: Final = Nathelper(rtpproxy_sock="udp:127.0.0.1:7722")

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"^(183|2[0-9][0-9])$", True)


def route(ctx: Context) -> int:
    """Main request route, nat.cfg:29."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # nat.cfg:30
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # nat.cfg:31
        return STOP  # nat.cfg:32
    if nathelper.nat_uac_test(ctx, 23):  # nat.cfg:36
        core.force_rport(ctx)  # nat.cfg:38
        if ctx.method == methods.REGISTER:  # nat.cfg:39
            nathelper.fix_nated_register(ctx)  # nat.cfg:41
        else:
            nathelper.fix_nated_contact(ctx)  # nat.cfg:44
        core.setflag(ctx, 6)  # nat.cfg:46
    if rr.loose_route(ctx):  # nat.cfg:50
        route_1(ctx)  # nat.cfg:51
        return STOP  # nat.cfg:52
    if core.uri_is_not_myself(ctx):  # nat.cfg:56
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # nat.cfg:57
        return STOP  # nat.cfg:58
    if ctx.method == methods.REGISTER:  # nat.cfg:62
        registrar.save(ctx, TABLE_1)  # nat.cfg:63
        return STOP  # nat.cfg:64
    rr.record_route(ctx)  # nat.cfg:67
    if not registrar.lookup(ctx, TABLE_1):  # nat.cfg:70
        sl.sl_send_reply(ctx, 404, b"Not Found")  # nat.cfg:71
        return STOP  # nat.cfg:72
    return route_1(ctx) or TRUE  # nat.cfg:74


def route_1(ctx: Context) -> int:
    """route[1], nat.cfg:78."""
    if ctx.method in (methods.BYE, methods.CANCEL):  # nat.cfg:79
        nathelper.unforce_rtp_proxy(ctx)  # nat.cfg:80
    elif core.isflagset(ctx, 6) and ctx.method == methods.INVITE:  # nat.cfg:81
        nathelper.force_rtp_proxy(ctx)  # nat.cfg:82
    tm.t_on_reply(ctx, 1)  # nat.cfg:84
    result = tm.t_relay(ctx)  # nat.cfg:85
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # nat.cfg:85
    return TRUE


def onreply_route_1(ctx: Context) -> int:
    """onreply_route[1], nat.cfg:89."""
    if nathelper.nat_uac_test(ctx, 1):  # nat.cfg:90
        nathelper.fix_nated_contact(ctx)  # nat.cfg:90
    if core.isflagset(ctx, 6) and core.uri_matches(ctx, REGEX_1):  # nat.cfg:91
        return verdict(nathelper.force_rtp_proxy(ctx))  # nat.cfg:91
    return TRUE


# Which line of nat.cfg each line of this file comes from: so errors name nat.cfg.
# fmt: off
LINES: Final = {
    38: 30, 39: 31, 40: 32, 41: 36, 42: 38, 43: 39, 44: 41, 46: 44, 47: 46, 48: 50, 49: 51, 50: 52, 51: 56, 52: 57,
    53: 58, 54: 62, 55: 63, 56: 64, 57: 67, 58: 70, 59: 71, 60: 72, 61: 74, 66: 79, 67: 80, 68: 81, 69: 82, 70: 84,
    71: 85, 72: 85, 73: 85, 74: 85, 75: 85, 81: 90, 82: 90, 83: 91, 84: 91,
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
