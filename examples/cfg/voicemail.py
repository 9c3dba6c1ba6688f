"""Routes of voicemail.cfg, compiled by serc 0.1.0. Change voicemail.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
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
tm: Final = Tm(fr_inv_timer=20)
maxfwd: Final = Maxfwd()
rr: Final = Rr()
usrloc: Final = Usrloc()
registrar: Final = Registrar()

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, voicemail.cfg:21."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # voicemail.cfg:22
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # voicemail.cfg:23
        return STOP  # voicemail.cfg:24
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # voicemail.cfg:28
        route_1(ctx)  # voicemail.cfg:29
        return STOP  # voicemail.cfg:30
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # voicemail.cfg:34
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # voicemail.cfg:35
        return STOP  # voicemail.cfg:36
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # voicemail.cfg:40
        registrar.save(ctx, TABLE_1)  # voicemail.cfg:41
        return STOP  # voicemail.cfg:42
    rr.record_route(ctx)  # voicemail.cfg:45
    # Nobody there: the recorder takes calls at once, and there is no recording of other things.
    if not registrar.lookup(ctx, TABLE_1):  # voicemail.cfg:48
        if ctx.method == methods.INVITE:  # voicemail.cfg:49
            core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:50
            route_1(ctx)  # voicemail.cfg:51
        else:
            sl.sl_send_reply(ctx, 404, b"Not Found")  # voicemail.cfg:53
        return STOP  # voicemail.cfg:55
    # When all phones of the user have given up there is another place to try.
    if ctx.method == methods.INVITE:  # voicemail.cfg:59
        tm.t_on_failure(ctx, 1)  # voicemail.cfg:59
    return route_1(ctx) or TRUE  # voicemail.cfg:60


def route_1(ctx: Context) -> int:
    """route[1], voicemail.cfg:63."""
    result = tm.t_relay(ctx)  # voicemail.cfg:64
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # voicemail.cfg:64
    return TRUE


# No answer, engaged, not now. A caller who hangs up (487) wants no recorder, and a user who declines (603) neither.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], voicemail.cfg:68."""
    if tm.t_check_status(ctx, REGEX_1):  # voicemail.cfg:69
        # The phone's own address is in the URI by now: the one that was dialled comes back.
        core.revert_uri(ctx)  # voicemail.cfg:71
        core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:72
        core.append_branch(ctx)  # voicemail.cfg:73
        return tm.t_relay(ctx)  # voicemail.cfg:74
    return TRUE


# Which line of voicemail.cfg each line of this file comes from: so errors name voicemail.cfg.
# fmt: off
LINES: Final = {
    36: 22, 37: 23, 38: 24, 40: 28, 41: 29, 42: 30, 44: 34, 45: 35, 46: 36, 48: 40, 49: 41, 50: 42, 51: 45, 53: 48,
    54: 49, 55: 50, 56: 51, 58: 53, 59: 55, 61: 59, 62: 59, 63: 60, 68: 64, 69: 64, 70: 64, 71: 64, 72: 64, 79: 69,
    81: 71, 82: 72, 83: 73, 84: 74,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1,),
    source="voicemail.cfg",
    lines=LINES,
    format=1,
)
