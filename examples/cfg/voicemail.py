"""Routes of voicemail.cfg, compiled by serc 0.1.0. Change voicemail.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
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
tm: Final = Tm(fr_inv_timer=20)
maxfwd: Final = Maxfwd()
rr: Final = Rr()
uri: Final = Uri()
usrloc: Final = Usrloc()
registrar: Final = Registrar()

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, voicemail.cfg:22."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # voicemail.cfg:23
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # voicemail.cfg:24
        return STOP  # voicemail.cfg:25
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # voicemail.cfg:29
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # voicemail.cfg:31
            if ctx.method != methods.ACK:  # voicemail.cfg:32
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # voicemail.cfg:32
            return STOP  # voicemail.cfg:33
        route_1(ctx)  # voicemail.cfg:35
        return STOP  # voicemail.cfg:36
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # voicemail.cfg:40
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # voicemail.cfg:41
        return STOP  # voicemail.cfg:42
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # voicemail.cfg:46
        registrar.save(ctx, TABLE_1)  # voicemail.cfg:47
        return STOP  # voicemail.cfg:48
    rr.record_route(ctx)  # voicemail.cfg:51
    # Nobody there: the recorder takes calls at once, and there is no recording of other things.
    if not registrar.lookup(ctx, TABLE_1):  # voicemail.cfg:54
        if ctx.method == methods.INVITE:  # voicemail.cfg:55
            core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:56
            route_1(ctx)  # voicemail.cfg:57
        else:
            sl.sl_send_reply(ctx, 404, b"Not Found")  # voicemail.cfg:59
        return STOP  # voicemail.cfg:61
    # When all phones of the user have given up there is another place to try.
    if ctx.method == methods.INVITE:  # voicemail.cfg:65
        tm.t_on_failure(ctx, 1)  # voicemail.cfg:65
    return route_1(ctx) or TRUE  # voicemail.cfg:66


def route_1(ctx: Context) -> int:
    """route[1], voicemail.cfg:69."""
    result = tm.t_relay(ctx)  # voicemail.cfg:70
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # voicemail.cfg:70
    return TRUE


# No answer, engaged, not now. A caller who hangs up (487) wants no recorder, and a user who declines (603) neither.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], voicemail.cfg:74."""
    if tm.t_check_status(ctx, REGEX_1):  # voicemail.cfg:75
        # The phone's own address is in the URI by now: the one that was dialled comes back.
        core.revert_uri(ctx)  # voicemail.cfg:77
        core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:78
        core.append_branch(ctx)  # voicemail.cfg:79
        return tm.t_relay(ctx)  # voicemail.cfg:80
    return TRUE


# Which line of voicemail.cfg each line of this file comes from: so errors name voicemail.cfg.
# fmt: off
LINES: Final = {
    38: 23, 39: 24, 40: 25, 42: 29, 44: 31, 45: 32, 46: 32, 47: 33, 48: 35, 49: 36, 51: 40, 52: 41, 53: 42, 55: 46,
    56: 47, 57: 48, 58: 51, 60: 54, 61: 55, 62: 56, 63: 57, 65: 59, 66: 61, 68: 65, 69: 65, 70: 66, 75: 70, 76: 70,
    77: 70, 78: 70, 79: 70, 86: 75, 88: 77, 89: 78, 90: 79, 91: 80,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1,),
    source="voicemail.cfg",
    lines=LINES,
    format=1,
)
