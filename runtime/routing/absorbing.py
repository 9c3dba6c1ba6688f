"""What comes while the route of a request waits and belongs to that request: its repetitions and its CANCEL."""

from __future__ import annotations

from runtime.routing.context import Context
from runtime.routing.edition import Edition
from runtime.routing.parked import ParkedRequest
from runtime.routing.replying import TRYING, send_reply
from runtime.routing.tags import stateless_signature, stateless_tag
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.reply import reason_of, to_tag_of


def is_absorbed(world: World, edition: Edition, ctx: Context) -> bool:
    """True if the request is a repetition of one whose route waits, or the CANCEL for such a one: no route runs for it."""
    parked = world.parked.find_repeated(ctx.message)
    if parked is not None:
        _say_again(world, parked.ctx)
        return True
    if ctx.message.method != methods.CANCEL:
        return False
    parked = world.parked.find_cancelled(ctx.message)
    if parked is None or not parked.is_undecided():
        return False
    _cancel(world, edition, ctx, parked)
    return True


def _say_again(world: World, waiting: Context) -> None:
    """The last reply to a request that waits or, to an INVITE, the 100 that keeps it from being repeated (RFC 3261 17.2.1)."""
    t = waiting.transaction
    if t is not None and t.message is waiting.message and t.reply is not None:
        world.outbox.append(t.reply)
    elif waiting.message.method == methods.INVITE and not waiting.is_settled:
        send_reply(waiting, 100, TRYING, b"")


def _cancel(world: World, edition: Edition, ctx: Context, parked: ParkedRequest) -> None:
    """Answer the CANCEL with 200 and its INVITE with 487, and end the run of that one. RFC 3261 9.2."""
    answered = False
    for module in edition.enders:
        answered = answered or module.on_cancel(ctx, parked.ctx)
    if not answered:
        tag = stateless_tag(stateless_signature(world.first_address(), world.secret), parked.message, 487)
        own_tag = b"" if len(to_tag_of(parked.message)) > 0 else tag
        send_reply(ctx, 200, b"canceling", own_tag)
        send_reply(parked.ctx, 487, reason_of(487), own_tag)
    world.asking.cancel(parked.question)
