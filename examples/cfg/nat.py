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
registrar: Final = Registrar(nat_flag=6, max_expires=300, default_expires=300, max_contacts=5)
nathelper: Final = Nathelper(rtpproxy_sock="udp:127.0.0.1:7722", natping_interval=25, ping_nated_only=1)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"^(183|2[0-9][0-9])$", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, nat.cfg:36."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # nat.cfg:37
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # nat.cfg:38
        return STOP  # nat.cfg:39
    # A private address in Contact (1) or in Via (4), or another source than Via says (2) or another port (16).
    if nathelper.nat_uac_test(ctx, 23):  # nat.cfg:43
        # Answers go to where the request came from.
        core.force_rport(ctx)  # nat.cfg:45
        if ctx.method == methods.REGISTER:  # nat.cfg:46
            # save() remembers that place beside the contact.
            nathelper.fix_nated_register(ctx)  # nat.cfg:48
        else:
            # Later requests of the call find the phone there.
            nathelper.fix_nated_contact(ctx)  # nat.cfg:51
        core.setflag(ctx, 6)  # nat.cfg:53
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # nat.cfg:57
        route_1(ctx)  # nat.cfg:58
        return STOP  # nat.cfg:59
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # nat.cfg:63
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # nat.cfg:64
        return STOP  # nat.cfg:65
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # nat.cfg:69
        registrar.save(ctx, TABLE_1)  # nat.cfg:70
        return STOP  # nat.cfg:71
    rr.record_route(ctx)  # nat.cfg:74
    # Sets flag 6 if the phone that is called is behind NAT.
    if not registrar.lookup(ctx, TABLE_1):  # nat.cfg:77
        sl.sl_send_reply(ctx, 404, b"Not Found")  # nat.cfg:78
        return STOP  # nat.cfg:79
    return route_1(ctx) or TRUE  # nat.cfg:81


# To the other side; the sound of calls with anybody behind NAT goes over rtpproxy.
def route_1(ctx: Context) -> int:
    """route[1], nat.cfg:85."""
    if ctx.method in (methods.BYE, methods.CANCEL):  # nat.cfg:86
        nathelper.unforce_rtp_proxy(ctx)  # nat.cfg:87
    elif core.isflagset(ctx, 6) and ctx.method == methods.INVITE:  # nat.cfg:88
        nathelper.force_rtp_proxy(ctx)  # nat.cfg:89
    tm.t_on_reply(ctx, 1)  # nat.cfg:91
    result = tm.t_relay(ctx)  # nat.cfg:92
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # nat.cfg:92
    return TRUE


# The answer has the sound's other end, and the callee's contact.
def onreply_route_1(ctx: Context) -> int:
    """onreply_route[1], nat.cfg:96."""
    if nathelper.nat_uac_test(ctx, 1):  # nat.cfg:97
        nathelper.fix_nated_contact(ctx)  # nat.cfg:97
    if core.isflagset(ctx, 6) and core.status_matches(ctx, REGEX_1):  # nat.cfg:98
        return verdict(nathelper.force_rtp_proxy(ctx))  # nat.cfg:98
    return TRUE


# Which line of nat.cfg each line of this file comes from: so errors name nat.cfg.
# fmt: off
LINES: Final = {
    38: 37, 39: 38, 40: 39, 42: 43, 44: 45, 45: 46, 47: 48, 50: 51, 51: 53, 53: 57, 54: 58, 55: 59, 57: 63, 58: 64,
    59: 65, 61: 69, 62: 70, 63: 71, 64: 74, 66: 77, 67: 78, 68: 79, 69: 81, 75: 86, 76: 87, 77: 88, 78: 89, 79: 91,
    80: 92, 81: 92, 82: 92, 83: 92, 84: 92, 91: 97, 92: 97, 93: 98, 94: 98,
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
