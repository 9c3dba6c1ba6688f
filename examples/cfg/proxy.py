"""Routes of proxy.cfg, compiled by serc 0.1.0. Change proxy.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, TRUE, verdict
from runtime.sip import methods
from runtime.sip.address import Network
from runtime.sip.regex import Regex

CONFIG: Final = Config(
    listen=(Listen("udp", "127.0.0.1", 5060),),
)

sl: Final = Sl()
tm: Final = Tm(fr_timer=5, fr_inv_timer=20)
maxfwd: Final = Maxfwd()
rr: Final = Rr()

NETWORK_1: Final = Network.parse("127.0.0.0/8")
REGEX_1: Final = Regex(b"408|486|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, proxy.cfg:20."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # proxy.cfg:21
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # proxy.cfg:22
        return STOP  # proxy.cfg:23
    if not core.source_in(ctx, NETWORK_1):  # proxy.cfg:25
        sl.sl_send_reply(ctx, 403, b"Forbidden")  # proxy.cfg:26
        return STOP  # proxy.cfg:27
    if ctx.method != methods.REGISTER:  # proxy.cfg:30
        rr.record_route(ctx)  # proxy.cfg:30
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # proxy.cfg:33
        route_1(ctx)  # proxy.cfg:34
        return STOP  # proxy.cfg:35
    if core.uri_is_myself(ctx):  # proxy.cfg:38
        core.set_hostport(ctx, b"127.0.0.1:5070")  # proxy.cfg:39
        if ctx.method == methods.INVITE:  # proxy.cfg:40
            tm.t_on_failure(ctx, 1)  # proxy.cfg:40
    return route_1(ctx) or TRUE  # proxy.cfg:42


def route_1(ctx: Context) -> int:
    """route[1], proxy.cfg:45."""
    result = tm.t_relay(ctx)  # proxy.cfg:46
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # proxy.cfg:46
    return TRUE


def failure_route_1(ctx: Context) -> int:
    """failure_route[1], proxy.cfg:49."""
    if tm.t_check_status(ctx, REGEX_1):  # proxy.cfg:50
        core.set_hostport(ctx, b"127.0.0.1:5080")  # proxy.cfg:51
        core.append_branch(ctx)  # proxy.cfg:52
        return tm.t_relay(ctx)  # proxy.cfg:53
    return TRUE


# Which line of proxy.cfg each line of this file comes from: so errors name proxy.cfg.
# fmt: off
LINES: Final = {
    33: 21, 34: 22, 35: 23, 36: 25, 37: 26, 38: 27, 39: 30, 40: 30, 42: 33, 43: 34, 44: 35, 45: 38, 46: 39, 47: 40,
    48: 40, 49: 42, 54: 46, 55: 46, 56: 46, 57: 46, 58: 46, 64: 50, 65: 51, 66: 52, 67: 53,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr),
    request=route,
    failure={1: failure_route_1},
    source="proxy.cfg",
    lines=LINES,
    format=1,
)
