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
registrar: Final = Registrar(max_contacts=5)

TABLE_1: Final = TableName(b"location")
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, voicemail.cfg:25."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # voicemail.cfg:26
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # voicemail.cfg:27
        return STOP  # voicemail.cfg:28
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # voicemail.cfg:32
        route_1(ctx)  # voicemail.cfg:33
        return STOP  # voicemail.cfg:34
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # voicemail.cfg:38
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # voicemail.cfg:39
        return STOP  # voicemail.cfg:40
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # voicemail.cfg:44
        registrar.save(ctx, TABLE_1)  # voicemail.cfg:45
        return STOP  # voicemail.cfg:46
    rr.record_route(ctx)  # voicemail.cfg:49
    # Nobody there: the recorder takes calls at once, and there is no recording of other things.
    if not registrar.lookup(ctx, TABLE_1):  # voicemail.cfg:52
        if ctx.method == methods.INVITE:  # voicemail.cfg:53
            core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:54
            route_1(ctx)  # voicemail.cfg:55
        else:
            sl.sl_send_reply(ctx, 404, b"Not Found")  # voicemail.cfg:57
        return STOP  # voicemail.cfg:59
    # When all phones of the user have given up there is another place to try.
    if ctx.method == methods.INVITE:  # voicemail.cfg:63
        tm.t_on_failure(ctx, 1)  # voicemail.cfg:63
    return route_1(ctx) or TRUE  # voicemail.cfg:64


def route_1(ctx: Context) -> int:
    """route[1], voicemail.cfg:67."""
    result = tm.t_relay(ctx)  # voicemail.cfg:68
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # voicemail.cfg:68
    return TRUE


# No answer, engaged, not now. A caller who hangs up (487) wants no recorder, and a user who declines (603) neither.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], voicemail.cfg:72."""
    if tm.t_check_status(ctx, REGEX_1):  # voicemail.cfg:73
        # The phone's own address is in the URI by now: the one that was dialled comes back.
        core.revert_uri(ctx)  # voicemail.cfg:75
        core.set_hostport(ctx, b"127.0.0.1:5080")  # voicemail.cfg:76
        core.append_branch(ctx)  # voicemail.cfg:77
        return tm.t_relay(ctx)  # voicemail.cfg:78
    return TRUE


# Which line of voicemail.cfg each line of this file comes from: so errors name voicemail.cfg.
# fmt: off
LINES: Final = {
    36: 26, 37: 27, 38: 28, 40: 32, 41: 33, 42: 34, 44: 38, 45: 39, 46: 40, 48: 44, 49: 45, 50: 46, 51: 49, 53: 52,
    54: 53, 55: 54, 56: 55, 58: 57, 59: 59, 61: 63, 62: 63, 63: 64, 68: 68, 69: 68, 70: 68, 71: 68, 72: 68, 79: 73,
    81: 75, 82: 76, 83: 77, 84: 78,
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
