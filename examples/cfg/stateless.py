"""Routes of stateless.cfg, compiled by serc 0.1.0. Change stateless.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.sl import Sl
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, verdict
from runtime.sip.address import Network

CONFIG: Final = Config(
    listen=(Listen("udp", "127.0.0.1", 5060),),
)

sl: Final = Sl()
maxfwd: Final = Maxfwd()

NETWORK_1: Final = Network.parse("127.0.0.0/8")


def route(ctx: Context) -> int:
    """Main request route, stateless.cfg:14."""
    # A request that comes round again and again ends here.
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # stateless.cfg:16
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # stateless.cfg:17
        return STOP  # stateless.cfg:18
    # Only for programs on this machine: a proxy that forwards for everybody is abused within the day.
    if not core.source_in(ctx, NETWORK_1):  # stateless.cfg:22
        sl.sl_send_reply(ctx, 403, b"Forbidden")  # stateless.cfg:23
        return STOP  # stateless.cfg:24
    # What is for the proxy itself goes to the server behind it.
    if core.uri_is_myself(ctx):  # stateless.cfg:28
        core.set_hostport(ctx, b"127.0.0.1:5070")  # stateless.cfg:29
    return verdict(core.forward_uri(ctx, core.SAME, core.URI_PORT))  # stateless.cfg:31


# Which line of stateless.cfg each line of this file comes from: so errors name stateless.cfg.
# fmt: off
LINES: Final = {
    27: 16, 28: 17, 29: 18, 31: 22, 32: 23, 33: 24, 35: 28, 36: 29, 37: 31,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, maxfwd),
    request=route,
    source="stateless.cfg",
    lines=LINES,
    format=1,
)
