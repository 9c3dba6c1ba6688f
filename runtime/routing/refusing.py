"""Requests that are answered with 400 although no script says so. RFC 3261 8.2, 16.3."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.context import L_ERR, Context
from runtime.routing.replying import send_reply
from runtime.routing.tags import stateless_signature, stateless_tag
from runtime.sip import methods
from runtime.sip.reply import to_tag_of


class Unreadable(BaseException):
    """The script asks for what is in a header, and nobody can tell: nothing more of it runs, and the request gets 400. No module catches this."""


def refuse_unreadable(ctx: Context, why: Unreadable) -> None:
    """400 for a request that the script has asked about in vain."""
    ctx.world.counters.dropped_bad += 1
    ctx.log(L_ERR, f"ERROR: receive_msg: {why} (message from {ctx.source} refused)")
    _refuse(ctx, 400, b"Bad From")


def refuse_ambiguous(ctx: Context, what: str) -> None:
    """A message that others could read otherwise than we do: 400 for a request, nothing for what has no answer."""
    ctx.world.counters.dropped_bad += 1
    ctx.log(L_ERR, f"ERROR: receive_msg: {what} (message from {ctx.source} refused)")
    if ctx.message.is_request:
        _refuse(ctx, 400, b"Bad Request: " + what.encode("ascii"))


def refuse_without_tuple(ctx: Context) -> None:
    """A request that can have no transaction, and that the script has neither answered nor forwarded: its sender must not wait in vain."""
    if not ctx.is_settled:
        code, reason = errors.reply_for(errors.BAD_TUPLE, b"TM")
        _refuse(ctx, code, reason)


def _refuse(ctx: Context, code: i64, reason: bytes) -> None:
    if ctx.message.method != methods.ACK:
        world = ctx.world
        tag = stateless_tag(stateless_signature(world.first_address(), world.secret), ctx.message, code)
        send_reply(ctx, code, reason, b"" if len(to_tag_of(ctx.message)) > 0 else tag)
