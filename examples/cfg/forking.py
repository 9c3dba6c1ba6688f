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
registrar: Final = Registrar(append_branches=1)
avpops: Final = Avpops(avp_url="sqlite:ser.sqlite", avp_table="usr_preferences", use_domain=1)

TABLE_1: Final = TableName(b"location")
OWNER_1: Final = Owner(kind="ruri", text=b"", by_domain=False)
PLACE_1: Final = Place(kind="string", number=0, text=b"next", table=b"", scheme=b"")
DESTINATION_1: Final = ToUri("")
SELECTION_1: Final = Selection(kind="string", number=0, text=b"next", every=False)
REGEX_1: Final = Regex(b"408|480|486", ignore_case=True)


def route(ctx: Context) -> int:
    """Main request route, forking.cfg:30."""
    if not maxfwd.mf_process_maxfwd_header(ctx, 10):  # forking.cfg:31
        sl.sl_send_reply(ctx, 483, b"Too Many Hops")  # forking.cfg:32
        return STOP  # forking.cfg:33
    if rr.loose_route(ctx):  # forking.cfg:36
        # Who begins a call does not choose its way.
        if not uri.has_totag(ctx):  # forking.cfg:38
            if ctx.method != methods.ACK:  # forking.cfg:39
                sl.sl_send_reply(ctx, 403, b"Preloaded Route")  # forking.cfg:39
            return STOP  # forking.cfg:40
        route_1(ctx)  # forking.cfg:42
        return STOP  # forking.cfg:43
    # Others' domains are none of our business.
    if core.uri_is_not_myself(ctx):  # forking.cfg:47
        sl.sl_send_reply(ctx, 403, b"Relaying Forbidden")  # forking.cfg:48
        return STOP  # forking.cfg:49
    # Anybody can register here as anybody: phones.cfg asks for passwords.
    if ctx.method == methods.REGISTER:  # forking.cfg:53
        registrar.save(ctx, TABLE_1)  # forking.cfg:54
        return STOP  # forking.cfg:55
    rr.record_route(ctx)  # forking.cfg:58
    # The next place stands with the name that was dialled, which lookup() replaces.
    if ctx.method == methods.INVITE:  # forking.cfg:61
        if avpops.avp_db_load(ctx, OWNER_1, PLACE_1):  # forking.cfg:62
            tm.t_on_failure(ctx, 1)  # forking.cfg:62
    if not registrar.lookup(ctx, TABLE_1):  # forking.cfg:65
        # No phone at all: the next place is the first.
        if not avpops.avp_pushto(ctx, DESTINATION_1, SELECTION_1):  # forking.cfg:67
            sl.sl_send_reply(ctx, 404, b"Not Found")  # forking.cfg:68
            return STOP  # forking.cfg:69
        # Once only: the next place has no next.
        avpops.avp_delete(ctx, SELECTION_1)  # forking.cfg:72
    return route_1(ctx) or TRUE  # forking.cfg:74


def route_1(ctx: Context) -> int:
    """route[1], forking.cfg:77."""
    result = tm.t_relay(ctx)  # forking.cfg:78
    if result == STOP:
        return STOP
    if result < 0:
        return verdict(sl.sl_reply_error(ctx))  # forking.cfg:78
    return TRUE


# All phones have given up. A caller who hangs up (487) is done, and a user who declines (603) is asked no more.
def failure_route_1(ctx: Context) -> int:
    """failure_route[1], forking.cfg:82."""
    if tm.t_check_status(ctx, REGEX_1) and avpops.avp_pushto(ctx, DESTINATION_1, SELECTION_1):  # forking.cfg:83
        avpops.avp_delete(ctx, SELECTION_1)  # forking.cfg:84
        core.append_branch(ctx)  # forking.cfg:85
        return tm.t_relay(ctx)  # forking.cfg:86
    return TRUE


# Which line of forking.cfg each line of this file comes from: so errors name forking.cfg.
# fmt: off
LINES: Final = {
    46: 31, 47: 32, 48: 33, 49: 36, 51: 38, 52: 39, 53: 39, 54: 40, 55: 42, 56: 43, 58: 47, 59: 48, 60: 49, 62: 53,
    63: 54, 64: 55, 65: 58, 67: 61, 68: 62, 69: 62, 70: 65, 72: 67, 73: 68, 74: 69, 76: 72, 77: 74, 82: 78, 83: 78,
    84: 78, 85: 78, 86: 78, 93: 83, 94: 84, 95: 85, 96: 86,
}
# fmt: on

PROGRAM: Final = Program(
    config=CONFIG,
    modules=(sl, tm, maxfwd, rr, uri, usrloc, registrar, avpops),
    request=route,
    failure={1: failure_route_1},
    prepared=(TABLE_1, OWNER_1, PLACE_1),
    source="forking.cfg",
    lines=LINES,
    format=1,
)
