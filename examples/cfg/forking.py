"""Routes of forking.cfg, compiled by serc 0.1.0. Change forking.cfg, not this file."""

from typing import Final

from runtime.modules import core
from runtime.modules.avpops import Avpops
from runtime.modules.avpops.operands import Selection, ToUri
from runtime.modules.avpops.stored import Owner, Place
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
registrar: Final = Registrar(append_branches=1)
avpops: Final = Avpops(avp_url="sqlite:ser.sqlite", avp_table="usr_preferences", use_domain=1)

TABLE_1: Final = TableName(b"location")
OWNER_1: Final = Owner(kind="ruri", text=b"", by_domain=False)
PLACE_1: Final = Place(kind="string", number=0, text=b"next", table=b"", scheme=b"")
DESTINATION_1: Final = ToUri("")
SELECTION_1: Final = Selection(kind="string", number=0, text=b"next", every=False)
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, forking.cfg:31."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # forking.cfg:32
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # forking.cfg:33
        return STOP  # forking.cfg:34
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # forking.cfg:38
        route_1(ctx)  # forking.cfg:39
        return STOP  # forking.cfg:40
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # forking.cfg:44
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # forking.cfg:45
        return STOP  # forking.cfg:46
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # forking.cfg:50
        registrar.save(ctx, TABLE_1)  # forking.cfg:51
        return STOP  # forking.cfg:52
    rr.record_route(ctx)  # forking.cfg:55
    # The next place stands with the name that was dialled, which lookup() replaces.
    if ctx.method == methods.INVITE:  # forking.cfg:58
        if avpops.avp_db_load(ctx, OWNER_1, PLACE_1):  # forking.cfg:59
            tm.t_on_failure(ctx, 1)  # forking.cfg:59
    if not registrar.lookup(ctx, TABLE_1):  # forking.cfg:62
        # No phone at all: the next place is the first.
        if not avpops.avp_pushto(ctx, DESTINATION_1, SELECTION_1):  # forking.cfg:64
            sl.sl_send_reply(ctx, 404, b"Not Found")  # forking.cfg:65
            return STOP  # forking.cfg:66
        # Once only: the next place has no next.
        avpops.avp_delete(ctx, SELECTION_1)  # forking.cfg:69
    return route_1(ctx) or TRUE  # forking.cfg:71


def route_1(ctx: Context) -> int:
    """route[1], forking.cfg:74."""
    result = tm.t_relay(ctx)  # forking.cfg:75
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # forking.cfg:75
    return TRUE


# All phones have given up. A caller who hangs up (487) is done, and a user who declines (603) is asked no more.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], forking.cfg:79."""
    if tm.t_check_status(ctx, REGEX_1) and avpops.avp_pushto(ctx, DESTINATION_1, SELECTION_1):  # forking.cfg:80
        avpops.avp_delete(ctx, SELECTION_1)  # forking.cfg:81
        core.append_branch(ctx)  # forking.cfg:82
        return tm.t_relay(ctx)  # forking.cfg:83
    return TRUE


# Which line of forking.cfg each line of this file comes from: so errors name forking.cfg.
# fmt: off
LINES: Final = {
    44: 32, 45: 33, 46: 34, 48: 38, 49: 39, 50: 40, 52: 44, 53: 45, 54: 46, 56: 50, 57: 51, 58: 52, 59: 55, 61: 58,
    62: 59, 63: 59, 64: 62, 66: 64, 67: 65, 68: 66, 70: 69, 71: 71, 76: 75, 77: 75, 78: 75, 79: 75, 80: 75, 87: 80,
    88: 81, 89: 82, 90: 83,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, usrloc, registrar, avpops),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1, OWNER_1, PLACE_1),
    source="forking.cfg",
    lines=LINES,
    format=1,
)
