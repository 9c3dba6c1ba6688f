"""Whom a request says it comes from, for questions that permissions hang on.

In the main route a From that cannot be read is more than an error: whoever writes what we cannot read, and the next server can, would be let
pass by a challenge for our own users, or by a list of those who are barred. The request gets 400 (RFC 3261 8.2, 16.3); SER goes on.
"""

from __future__ import annotations

from runtime.routing.context import L_ERR, Context
from runtime.routing.refusing import Unreadable
from runtime.sip import headers
from runtime.sip.message import Message
from runtime.sip.scan import IN_BRACKETS, BadMessage, is_plain, skip_white
from runtime.sip.uri import BadUri, SipUri, has_other_scheme, parse_uri


def sender_text(ctx: Context, who: str) -> bytes | None:
    """The URI in From; `who` asks, for the log. None, where the request does not end here, if it cannot be read without doubt."""
    try:
        value = ctx.from_value()
    except BadMessage as e:
        return _unreadable(ctx, f"{who}: {e}")
    buf = ctx.message.buf
    uri = buf[value.uri_start : value.uri_end]
    if not is_plain(uri, IN_BRACKETS):
        return _unreadable(ctx, f"{who}: white space or signs in From that no URI has")
    if value.bracketed and skip_white(buf, value.uri_end + 1, value.end) != value.params_start:
        return _unreadable(ctx, f"{who}: something behind the URI in From")
    if _has_two_froms(ctx.message):
        return _unreadable(ctx, f"{who}: two From headers")
    return uri


def sender(ctx: Context, who: str) -> SipUri | None:
    """The same, parsed. None also for a URI of another scheme, which is logged: a telephone's is nobody's of ours, and no mistake."""
    text = sender_text(ctx, who)
    if text is None:
        return None
    try:
        return parse_uri(text, 0, len(text))
    except BadUri as e:
        why = f"{who}: bad uri <{text.decode('latin-1')}>: {e}"
        if has_other_scheme(text):
            ctx.log(L_ERR, f"ERROR: {why}")
        else:
            _unreadable(ctx, why)
    return None


def _has_two_froms(msg: Message) -> bool:
    for record in msg.headers:
        if headers.kind(record) == headers.FROM and record != msg.from_:
            return True
    return False


def _unreadable(ctx: Context, why: str) -> bytes | None:
    """None, where the request has been sent on already or is none; else it ends here."""
    transaction = ctx.transaction
    is_decided = ctx.is_settled or transaction is not None and len(transaction.branches) > 0
    if ctx.is_parkable and not is_decided:
        raise Unreadable(why)
    ctx.log(L_ERR, f"ERROR: {why}")
    return None
