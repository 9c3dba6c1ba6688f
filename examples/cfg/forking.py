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
registrar: Final = Registrar(append_branches=1, max_contacts=5)
avpops: Final = Avpops(avp_url="sqlite:ser.sqlite", avp_table="usr_preferences", use_domain=1)

TABLE_1: Final = TableName(b"location")
OWNER_1: Final = Owner(kind="ruri", text=b"", by_domain=False)
PLACE_1: Final = Place(kind="string", number=0, text=b"next", table=b"", scheme=b"")
DESTINATION_1: Final = ToUri("")
SELECTION_1: Final = Selection(kind="string", number=0, text=b"next", every=False)
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, forking.cfg:33."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # forking.cfg:34
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # forking.cfg:35
        return STOP  # forking.cfg:36
    # Inside a call the route set says where to go, if this server wrote it for this call: nobody else chooses the way.
    if rr.loose_route(ctx):  # forking.cfg:40
        route_1(ctx)  # forking.cfg:41
        return STOP  # forking.cfg:42
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # forking.cfg:46
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # forking.cfg:47
        return STOP  # forking.cfg:48
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # forking.cfg:52
        registrar.save(ctx, TABLE_1)  # forking.cfg:53
        return STOP  # forking.cfg:54
    rr.record_route(ctx)  # forking.cfg:57
    # The next place stands with the name that was dialled, which lookup() replaces.
    if ctx.method == methods.INVITE:  # forking.cfg:60
        if avpops.avp_db_load(ctx, OWNER_1, PLACE_1):  # forking.cfg:61
            tm.t_on_failure(ctx, 1)  # forking.cfg:61
    if not registrar.lookup(ctx, TABLE_1):  # forking.cfg:64
        # No phone at all: the next place is the first.
        if not avpops.avp_pushto(ctx, DESTINATION_1, SELECTION_1):  # forking.cfg:66
            sl.sl_send_reply(ctx, 404, b"Not Found")  # forking.cfg:67
            return STOP  # forking.cfg:68
        # Once only: the next place has no next.
        avpops.avp_delete(ctx, SELECTION_1)  # forking.cfg:71
    return route_1(ctx) or TRUE  # forking.cfg:73


def route_1(ctx: Context) -> int:
    """route[1], forking.cfg:76."""
    result = tm.t_relay(ctx)  # forking.cfg:77
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # forking.cfg:77
    return TRUE


# All phones have given up. A caller who hangs up (487) is done, and a user who declines (603) is asked no more.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], forking.cfg:81."""
    if tm.t_check_status(ctx, REGEX_1) and avpops.avp_pushto(ctx, DESTINATION_1, SELECTION_1):  # forking.cfg:82
        avpops.avp_delete(ctx, SELECTION_1)  # forking.cfg:83
        core.append_branch(ctx)  # forking.cfg:84
        return tm.t_relay(ctx)  # forking.cfg:85
    return TRUE


# Which line of forking.cfg each line of this file comes from: so errors name forking.cfg.
# fmt: off
LINES: Final = {
    44: 34, 45: 35, 46: 36, 48: 40, 49: 41, 50: 42, 52: 46, 53: 47, 54: 48, 56: 52, 57: 53, 58: 54, 59: 57, 61: 60,
    62: 61, 63: 61, 64: 64, 66: 66, 67: 67, 68: 68, 70: 71, 71: 73, 76: 77, 77: 77, 78: 77, 79: 77, 80: 77, 87: 82,
    88: 83, 89: 84, 90: 85,
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
