"""Routes of proxy.cfg, compiled by serc 0.1.0. Change proxy.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.rr import Rr
from runtime.modules.sl import Sl
from runtime.modules.tm import Tm
from runtime.modules.uri import Uri
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
uri: Final = Uri()

NETWORK_1: Final = Network.parse("127.0.0.0/8")
REGEX_1: Final = Regex(b"408|486|480", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, proxy.cfg:21."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # proxy.cfg:22
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # proxy.cfg:23
        return STOP  # proxy.cfg:24
    if not core.source_in(ctx, NETWORK_1):  # proxy.cfg:26
        sl.sl_send_reply(ctx, 403, b"Forbidden")  # proxy.cfg:27
        return STOP  # proxy.cfg:28
    if ctx.method != methods.REGISTER:  # proxy.cfg:31
        rr.record_route(ctx)  # proxy.cfg:31
    # Inside a call the route set says where to go.
    if rr.loose_route(ctx):  # proxy.cfg:34
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # proxy.cfg:36
            if ctx.method != methods.ACK:  # proxy.cfg:37
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # proxy.cfg:37
            return STOP  # proxy.cfg:38
        route_1(ctx)  # proxy.cfg:40
        return STOP  # proxy.cfg:41
    if core.uri_is_myself(ctx):  # proxy.cfg:44
        core.set_hostport(ctx, b"127.0.0.1:5070")  # proxy.cfg:45
        if ctx.method == methods.INVITE:  # proxy.cfg:46
            tm.t_on_failure(ctx, 1)  # proxy.cfg:46
    return route_1(ctx) or TRUE  # proxy.cfg:48


def route_1(ctx: Context) -> int:
    """route[1], proxy.cfg:51."""
    result = tm.t_relay(ctx)  # proxy.cfg:52
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # proxy.cfg:52
    return TRUE


def failure_route_1(ctx: Context) -> int:
    """failure_route[1], proxy.cfg:55."""
    if tm.t_check_status(ctx, REGEX_1):  # proxy.cfg:56
        core.set_hostport(ctx, b"127.0.0.1:5080")  # proxy.cfg:57
        core.append_branch(ctx)  # proxy.cfg:58
        return tm.t_relay(ctx)  # proxy.cfg:59
    return TRUE


# Which line of proxy.cfg each line of this file comes from: so errors name proxy.cfg.
# fmt: off
LINES: Final = {
    35: 22, 36: 23, 37: 24, 38: 26, 39: 27, 40: 28, 41: 31, 42: 31, 44: 34, 46: 36, 47: 37, 48: 37, 49: 38, 50: 40,
    51: 41, 52: 44, 53: 45, 54: 46, 55: 46, 56: 48, 61: 52, 62: 52, 63: 52, 64: 52, 65: 52, 71: 56, 72: 57, 73: 58,
    74: 59,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri),
    request=route,
    failure={1: failure_route_1},
    source="proxy.cfg",
    lines=LINES,
    format=1,
)
