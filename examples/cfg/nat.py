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
rr: Final = Rr(signed=1, enable_full_lr=1)
usrloc: Final = Usrloc()
registrar: Final = Registrar(nat_flag=6, max_expires=300, default_expires=300)
nathelper: Final = Nathelper(rtpproxy_sock="udp:127.0.0.1:7722", natping_interval=25, ping_nated_only=1)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"^(183|2[0-9][0-9])$", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, nat.cfg:34."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # nat.cfg:35
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # nat.cfg:36
        return STOP  # nat.cfg:37
    # A private address in Contact (1) or in Via (4), or another source than Via says (2) or another port (16).
    if nathelper.nat_uac_test(ctx, 23):  # nat.cfg:41
        # Answers go to where the request came from.
        core.force_rport(ctx)  # nat.cfg:43
        if ctx.method == methods.REGISTER:  # nat.cfg:44
            # save() remembers that place beside the contact.
            nathelper.fix_nated_register(ctx)  # nat.cfg:46
        else:
            # Later requests of the call find the phone there.
            nathelper.fix_nated_contact(ctx)  # nat.cfg:49
        core.setflag(ctx, 6)  # nat.cfg:51
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # nat.cfg:55
        route_1(ctx)  # nat.cfg:56
        return STOP  # nat.cfg:57
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # nat.cfg:61
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # nat.cfg:62
        return STOP  # nat.cfg:63
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # nat.cfg:67
        registrar.save(ctx, TABLE_1)  # nat.cfg:68
        return STOP  # nat.cfg:69
    rr.record_route(ctx)  # nat.cfg:72
    # Sets flag 6 if the phone that is called is behind NAT.
    if not registrar.lookup(ctx, TABLE_1):  # nat.cfg:75
        sl.sl_send_reply(ctx, 404, b"Not Found")  # nat.cfg:76
        return STOP  # nat.cfg:77
    return route_1(ctx) or TRUE  # nat.cfg:79


# To the other side; the sound of calls with anybody behind NAT goes over rtpproxy.
def route_1(ctx: Context) -> int:
    """route[1], nat.cfg:83."""
    if ctx.method in (methods.BYE, methods.CANCEL):  # nat.cfg:84
        nathelper.unforce_rtp_proxy(ctx)  # nat.cfg:85
    elif core.isflagset(ctx, 6) and ctx.method == methods.INVITE:  # nat.cfg:86
        nathelper.force_rtp_proxy(ctx)  # nat.cfg:87
    tm.t_on_reply(ctx, 1)  # nat.cfg:89
    result = tm.t_relay(ctx)  # nat.cfg:90
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # nat.cfg:90
    return TRUE


# The answer has the sound's other end, and the callee's contact.
def onreply_route_1(ctx: Context) -> int:
    """onreply_route[1], nat.cfg:94."""
    if nathelper.nat_uac_test(ctx, 1):  # nat.cfg:95
        nathelper.fix_nated_contact(ctx)  # nat.cfg:95
    if core.isflagset(ctx, 6) and core.status_matches(ctx, REGEX_1):  # nat.cfg:96
        return verdict(nathelper.force_rtp_proxy(ctx))  # nat.cfg:96
    return TRUE


# Which line of nat.cfg each line of this file comes from: so errors name nat.cfg.
# fmt: off
LINES: Final = {
    38: 35, 39: 36, 40: 37, 42: 41, 44: 43, 45: 44, 47: 46, 50: 49, 51: 51, 53: 55, 54: 56, 55: 57, 57: 61, 58: 62,
    59: 63, 61: 67, 62: 68, 63: 69, 64: 72, 66: 75, 67: 76, 68: 77, 69: 79, 75: 84, 76: 85, 77: 86, 78: 87, 79: 89,
    80: 90, 81: 90, 82: 90, 83: 90, 84: 90, 91: 95, 92: 95, 93: 96, 94: 96,
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
