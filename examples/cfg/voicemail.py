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
rr: Final = Rr(signed=1)
usrloc: Final = Usrloc()
registrar: Final = Registrar()

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, voicemail.cfg:23."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # voicemail.cfg:24
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # voicemail.cfg:25
        return STOP  # voicemail.cfg:26
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # voicemail.cfg:30
        route_1(ctx)  # voicemail.cfg:31
        return STOP  # voicemail.cfg:32
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # voicemail.cfg:36
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # voicemail.cfg:37
        return STOP  # voicemail.cfg:38
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # voicemail.cfg:42
        registrar.save(ctx, TABLE_1)  # voicemail.cfg:43
        return STOP  # voicemail.cfg:44
    rr.record_route(ctx)  # voicemail.cfg:47
    # Nobody there: the recorder takes calls at once, and there is no recording of other things.
    if not registrar.lookup(ctx, TABLE_1):  # voicemail.cfg:50
        if ctx.method == methods.INVITE:  # voicemail.cfg:51
            core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:52
            route_1(ctx)  # voicemail.cfg:53
        else:
            sl.sl_send_reply(ctx, 404, b"Not Found")  # voicemail.cfg:55
        return STOP  # voicemail.cfg:57
    # When all phones of the user have given up there is another place to try.
    if ctx.method == methods.INVITE:  # voicemail.cfg:61
        tm.t_on_failure(ctx, 1)  # voicemail.cfg:61
    return route_1(ctx) or TRUE  # voicemail.cfg:62


def route_1(ctx: Context) -> int:
    """route[1], voicemail.cfg:65."""
    result = tm.t_relay(ctx)  # voicemail.cfg:66
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # voicemail.cfg:66
    return TRUE


# No answer, engaged, not now. A caller who hangs up (487) wants no recorder, and a user who declines (603) neither.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], voicemail.cfg:70."""
    if tm.t_check_status(ctx, REGEX_1):  # voicemail.cfg:71
        # The phone's own address is in the URI by now: the one that was dialled comes back.
        core.revert_uri(ctx)  # voicemail.cfg:73
        core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:74
        core.append_branch(ctx)  # voicemail.cfg:75
        return tm.t_relay(ctx)  # voicemail.cfg:76
    return TRUE


# Which line of voicemail.cfg each line of this file comes from: so errors name voicemail.cfg.
# fmt: off
LINES: Final = {
    36: 24, 37: 25, 38: 26, 40: 30, 41: 31, 42: 32, 44: 36, 45: 37, 46: 38, 48: 42, 49: 43, 50: 44, 51: 47, 53: 50,
    54: 51, 55: 52, 56: 53, 58: 55, 59: 57, 61: 61, 62: 61, 63: 62, 68: 66, 69: 66, 70: 66, 71: 66, 72: 66, 79: 71,
    81: 73, 82: 74, 83: 75, 84: 76,
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
