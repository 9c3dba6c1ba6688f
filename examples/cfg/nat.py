"""Routes of nat.cfg, compiled by serc 0.1.0. Change nat.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.nathelper import Nathelper
from runtime.modules.registrar import Registrar
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.modules.uri import Uri
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
uri: Final = Uri()
usrloc: Final = Usrloc()
registrar: Final = Registrar(nat_flag=6, max_expires=300, default_expires=300)
nathelper: Final = Nathelper(rtpproxy_sock="udp:127.0.0.1:7722", natping_interval=25, ping_nated_only=1)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"^(183|2[0-9][0-9])$", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, nat.cfg:33."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # nat.cfg:34
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # nat.cfg:35
        return STOP  # nat.cfg:36
    # A private address in Contact (1) or in Via (4), or another source than Via says (2) or another port (16).
    if nathelper.nat_uac_test(ctx, 23):  # nat.cfg:40
        # Answers go to where the request came from.
        core.force_rport(ctx)  # nat.cfg:42
        if ctx.method == methods.REGISTER:  # nat.cfg:43
            # save() remembers that place beside the contact.
            nathelper.fix_nated_register(ctx)  # nat.cfg:45
        else:
            # Later requests of the call find the phone there.
            nathelper.fix_nated_contact(ctx)  # nat.cfg:48
        core.setflag(ctx, 6)  # nat.cfg:50
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # nat.cfg:54
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # nat.cfg:56
            if ctx.method != methods.ACK:  # nat.cfg:57
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # nat.cfg:57
            return STOP  # nat.cfg:58
        route_1(ctx)  # nat.cfg:60
        return STOP  # nat.cfg:61
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # nat.cfg:65
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # nat.cfg:66
        return STOP  # nat.cfg:67
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # nat.cfg:71
        registrar.save(ctx, TABLE_1)  # nat.cfg:72
        return STOP  # nat.cfg:73
    rr.record_route(ctx)  # nat.cfg:76
    # Sets flag 6 if the phone that is called is behind NAT.
    if not registrar.lookup(ctx, TABLE_1):  # nat.cfg:79
        sl.sl_send_reply(ctx, 404, b"Not Found")  # nat.cfg:80
        return STOP  # nat.cfg:81
    return route_1(ctx) or TRUE  # nat.cfg:83


# To the other side; the sound of calls with anybody behind NAT goes over rtpproxy.
def route_1(ctx: Context) -> int:
    """route[1], nat.cfg:87."""
    if ctx.method in (methods.BYE, methods.CANCEL):  # nat.cfg:88
        nathelper.unforce_rtp_proxy(ctx)  # nat.cfg:89
    elif core.isflagset(ctx, 6) and ctx.method == methods.INVITE:  # nat.cfg:90
        nathelper.force_rtp_proxy(ctx)  # nat.cfg:91
    tm.t_on_reply(ctx, 1)  # nat.cfg:93
    result = tm.t_relay(ctx)  # nat.cfg:94
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # nat.cfg:94
    return TRUE


# The answer has the sound's other end, and the callee's contact.
def onreply_route_1(ctx: Context) -> int:
    """onreply_route[1], nat.cfg:98."""
    if nathelper.nat_uac_test(ctx, 1):  # nat.cfg:99
        nathelper.fix_nated_contact(ctx)  # nat.cfg:99
    if core.isflagset(ctx, 6) and core.status_matches(ctx, REGEX_1):  # nat.cfg:100
        return verdict(nathelper.force_rtp_proxy(ctx))  # nat.cfg:100
    return TRUE


# Which line of nat.cfg each line of this file comes from: so errors name nat.cfg.
# fmt: off
LINES: Final = {
    40: 34, 41: 35, 42: 36, 44: 40, 46: 42, 47: 43, 49: 45, 52: 48, 53: 50, 55: 54, 57: 56, 58: 57, 59: 57, 60: 58,
    61: 60, 62: 61, 64: 65, 65: 66, 66: 67, 68: 71, 69: 72, 70: 73, 71: 76, 73: 79, 74: 80, 75: 81, 76: 83, 82: 88,
    83: 89, 84: 90, 85: 91, 86: 93, 87: 94, 88: 94, 89: 94, 90: 94, 91: 94, 98: 99, 99: 99, 100: 100, 101: 100,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, nathelper),
    request=route,
    onreply={1: onreply_route_1},
    prepared=(TABLE_1,),
    source="nat.cfg",
    lines=LINES,
    format=1,
)
