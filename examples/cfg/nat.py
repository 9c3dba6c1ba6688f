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
REGEX_1: Final = Regex(b"^(183|2[0-9][0-9])$", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, nat.cfg:32."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # nat.cfg:33
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # nat.cfg:34
        return STOP  # nat.cfg:35
    # A private address in Contact (1) or in Via (4), or another source than Via says (2) or another port (16).
    if nathelper.nat_uac_test(ctx, 23):  # nat.cfg:39
        # Answers go to where the request came from.
        core.force_rport(ctx)  # nat.cfg:41
        if ctx.method == methods.REGISTER:  # nat.cfg:42
            # save() remembers that place beside the contact.
            nathelper.fix_nated_register(ctx)  # nat.cfg:44
        else:
            # Later requests of the call find the phone there.
            nathelper.fix_nated_contact(ctx)  # nat.cfg:47
        core.setflag(ctx, 6)  # nat.cfg:49
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # nat.cfg:53
        route_1(ctx)  # nat.cfg:54
        return STOP  # nat.cfg:55
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # nat.cfg:59
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # nat.cfg:60
        return STOP  # nat.cfg:61
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # nat.cfg:65
        registrar.save(ctx, TABLE_1)  # nat.cfg:66
        return STOP  # nat.cfg:67
    rr.record_route(ctx)  # nat.cfg:70
    # Sets flag 6 if the phone that is called is behind NAT.
    if not registrar.lookup(ctx, TABLE_1):  # nat.cfg:73
        sl.sl_send_reply(ctx, 404, b"Not Found")  # nat.cfg:74
        return STOP  # nat.cfg:75
    return route_1(ctx) or TRUE  # nat.cfg:77


# To the other side; the sound of calls with anybody behind NAT goes over rtpproxy.
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


# The answer has the sound's other end, and the callee's contact.
def onreply_route_1(ctx: Context) -> int:
    """onreply_route[1], nat.cfg:92."""
    if nathelper.nat_uac_test(ctx, 1):  # nat.cfg:93
        nathelper.fix_nated_contact(ctx)  # nat.cfg:93
    if core.isflagset(ctx, 6) and core.status_matches(ctx, REGEX_1):  # nat.cfg:94
        return verdict(nathelper.force_rtp_proxy(ctx))  # nat.cfg:94
    return TRUE


# Which line of nat.cfg each line of this file comes from: so errors name nat.cfg.
# fmt: off
LINES: Final = {
    38: 33, 39: 34, 40: 35, 42: 39, 44: 41, 45: 42, 47: 44, 50: 47, 51: 49, 53: 53, 54: 54, 55: 55, 57: 59, 58: 60,
    59: 61, 61: 65, 62: 66, 63: 67, 64: 70, 66: 73, 67: 74, 68: 75, 69: 77, 75: 82, 76: 83, 77: 84, 78: 85, 79: 87,
    80: 88, 81: 88, 82: 88, 83: 88, 84: 88, 91: 93, 92: 93, 93: 94, 94: 94,
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
