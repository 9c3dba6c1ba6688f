"""What happens to transactions beside what routes do: replies, timers, failed sends, repetitions of what waits.

Each event is handled with the configuration that its transaction began with, `Call.core`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.tm.answering import branch_failed, take_reply
from runtime.modules.tm.call import Call, call_of
from runtime.modules.tm.cancelling import send_cancel
from runtime.modules.tm.core import Core
from runtime.modules.tm.failover import try_next_server
from runtime.modules.tm.rescue import rescue
from runtime.routing import errors
from runtime.routing.context import L_NOTICE, L_WARN, Context
from runtime.routing.reply_forwarding import is_known_reply
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import parse
from runtime.sip.reply import reason_of
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from runtime.tx.layer import REPEAT, TIMED_OUT, Layer
from runtime.tx.table import key_of
from runtime.tx.transaction import OVER, PROCEEDING, Branch, Client, Transaction

# So much of what is due is done before it is looked whether messages have come: some 0.2 ms. Thousands of transactions can be due at
# once, after an overload or a pause.
A_TURN: Final[i64] = 100


def reply_came(core: Core, ctx: Context) -> bool:
    """False if the reply belongs to a transaction, and is dealt with, or is a stray one that is not to go on."""
    layer = core.layer
    client = layer.table.find_client(ctx.message)
    if client is None:
        if core.drops_stray_replies and not is_known_reply(ctx):
            ctx.log(L_NOTICE, "NOTICE: reply_received: no request that came through here has this reply: dropped")
            ctx.world.counters.dropped_replies += 1
            return False
        return True
    call = client.transaction
    assert isinstance(call, Call)
    if call.is_invite and ctx.message.to == 0:
        # Without To nobody could confirm it: it goes on without state, as in SER.
        return True
    if not isinstance(client, Branch):
        # It answers our CANCEL.
        if ctx.message.status >= 200:
            layer.cancel_answered(client, ctx.now_ms)
        return False
    ctx.transaction = call
    try:
        take_reply(call.core, call, client, ctx)
    except Exception as e:
        ctx.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
        rescue(call.core, call, ctx.now_ms)
    return False


def route_ended(layer: Layer, ctx: Context) -> None:
    """A transaction that the main route opened, and neither answered nor forwarded, would stay for ever."""
    call = call_of(ctx)
    if call is None or call.message is not ctx.message or call.state != PROCEEDING or call.is_released:
        return
    if call.pending == 0 and len(call.branches) > 0:
        rescue(call.core, call, ctx.now_ms)
    elif len(call.branches) == 0 and call.status < 200:
        ctx.log(L_WARN, "WARNING: script writer didn't release transaction")
        layer.release(call, ctx.now_ms)


def time_passed(layer: Layer, now_ms: i64) -> None:
    """Do what is due, or as much of it as is done in a turn: the layer's `next_timer_ms` tells that there is more."""
    left = A_TURN
    while left > 0:
        left -= 1
        due = layer.pop_due(now_ms)
        if due is None:
            return
        if isinstance(due, Client):
            call = due.transaction
            assert isinstance(call, Call)
            try:
                _client_due(call.core, call, due, now_ms)
            except Exception as e:
                call.core.world.bugs.report(e, None)
                rescue(call.core, call, now_ms)
        else:
            assert isinstance(due, Call)
            if due.core.layer.server_due(due, now_ms) == REPEAT and due.reply is not None:
                due.core.outbox.append(due.reply)


def _client_due(core: Core, call: Call, client: Client, now_ms: i64) -> None:
    what = core.layer.client_due(client, now_ms)
    if what == REPEAT:
        assert client.request is not None
        core.outbox.append(client.request)
    elif what == TIMED_OUT:
        assert isinstance(client, Branch)
        if call.state >= OVER:
            return
        if client.is_invite and client.status >= 100 and client.cancel is None:
            send_cancel(core, client, now_ms)
        if client.status == 0 and try_next_server(core, client, 408, now_ms):
            return
        branch_failed(core, client, 408, reason_of(408), now_ms)


def send_failed(layer: Layer, failed: Send, now_ms: i64) -> None:
    """The kernel did not take `failed`, which may be the request of a branch."""
    try:
        message = parse(failed.data)
    except BadMessage:
        return
    if not message.is_request:
        return
    client = layer.table.find_client(message)
    if not isinstance(client, Branch) or client.request is not failed or client.over:
        return
    call = client.transaction
    assert isinstance(call, Call)
    status, phrase = errors.reply_for(errors.SEND, b"TM")
    if client.repeated > 0:
        status, phrase = 503, reason_of(503)
    if client.status == 0 and try_next_server(call.core, client, status, now_ms):
        return
    branch_failed(call.core, client, status, phrase, now_ms)


def known(layer: Layer, ctx: Context) -> Transaction | None:
    """The transaction that this request, a repetition, belongs to."""
    msg = ctx.message
    if msg.call_id == 0 or msg.cseq == 0:
        return None
    try:
        cseq = parse_cseq(msg)
    except BadMessage:
        return None
    return layer.table.find_request(msg, key_of(msg, cseq))


def absorbed(layer: Layer, ctx: Context) -> bool:
    """True if the request repeats one that is under way already: the last reply has been sent again."""
    found = known(layer, ctx)
    if found is None or found.message is ctx.message:
        return False
    if found.reply is not None:
        ctx.sends.append(found.reply)
    return True
