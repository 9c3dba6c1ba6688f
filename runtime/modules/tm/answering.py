"""Replies on their way upstream: from downstream, chosen among several, or made here. RFC 3261 16.7, modules-main 1.6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm import hop
from runtime.modules.tm.call import Call, Event
from runtime.modules.tm.cancelling import cancel_rest, send_cancel
from runtime.modules.tm.core import Core
from runtime.modules.tm.dialog import acknowledge_2xx
from runtime.modules.tm.failover import try_next_server
from runtime.routing.context import IN_REPLY, L_ERR, Context
from runtime.routing.reply_forwarding import outgoing_reply
from runtime.routing.replying import local_reply, refusal
from runtime.routing.tags import reply_tag
from runtime.sip import headers
from runtime.sip.message import parse
from runtime.sip.reply import reason_of, to_tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.soundness import broken_header
from runtime.sip.transport import Send
from runtime.tx.layer import (
    ACKNOWLEDGE,
    ANSWERS,
    CANCEL_REST,
    KEEP,
    RELAY,
    chosen,
    has_open_branches,
)
from runtime.tx.transaction import PROCEEDING, Branch


def answer(
    core: Core, call: Call, ctx: Context, code: i64, reason: bytes, body: bytes = b"", own_tag: bytes = b""
) -> bool:
    """Answer the request of `call` from here; False if it has had its final reply. `ctx` is a context of the request.

    `own_tag` is the To tag to give, b"" for that of this server.
    """
    if call.state != PROCEEDING or call.is_local:
        return False
    if code >= 200 and code != 400:
        broken = broken_header(call.message)
        if len(broken) > 0:
            code, reason, body = 400, refusal(ctx, broken), b""
    new_tag = b""
    if code >= 180:
        tag = to_tag_of(call.message)
        if len(tag) == 0:
            new_tag = own_tag or call.own_tag or reply_tag(core.tag_signature, b"-", call.message, code)
            tag = new_tag
        call.own_tag = tag
    reply = Send(local_reply(ctx, code, reason, new_tag, body), call.reply_to, call.reply_socket, call.connection)
    ctx.sends.append(reply)
    core.layer.replied(call, code, reply, True, ctx.now_ms)
    if call.is_invite and 200 <= code < 300:
        core.layer.table.answered(call)
    core.counters.replied(code, True)
    core.world.counters.local_replies += 1
    for watcher in call.watchers:
        watcher.replied(call, code, reply.data, True)
    if code >= 200:
        cancel_rest(core, call, ctx.now_ms)
    return True


# Replies that one transaction has not looked at yet. More are lost; whoever sent them sends them again.
LATER_MAX: Final = 64


@final
class LateReply(Event):
    """A reply that came to a branch."""

    def __init__(self, branch: Branch, ctx: Context) -> None:
        self._branch: Final = branch
        self._ctx: Final = ctx

    def run(self, core: Core, call: Call, now_ms: i64) -> None:
        self._ctx.now_ms = now_ms
        core.world.log.about = self._ctx
        _take_reply(core, call, self._branch, self._ctx)


def take_reply(core: Core, call: Call, branch: Branch, ctx: Context) -> None:
    """A reply has come to a branch."""
    if not call.is_busy:
        _take_reply(core, call, branch, ctx)
        run_later(core, call)
    elif len(call.later) < LATER_MAX:
        call.queue(LateReply(branch, ctx))
    else:
        core.world.counters.dropped_replies += 1


def run_later(core: Core, call: Call) -> None:
    """A route of `call` may just have ended: what has happened while it waited happens now, one after the other."""
    while len(call.later) > 0 and not call.is_busy:
        call.later.pop(0).run(core, call, core.world.asking.now_ms)


def _take_reply(core: Core, call: Call, branch: Branch, ctx: Context) -> None:
    status = ctx.message.status
    now_ms = ctx.now_ms
    layer = core.layer
    passes = False
    todo: i64 = 0
    if status < 200:
        passes = layer.provisional(branch, status, core.fr_inv_ms(call.decided.avps), now_ms)
        if branch.cancel_wanted and not branch.over:
            send_cancel(core, branch, now_ms)
    else:
        todo = layer.final(branch, status, now_ms)
        passes = todo & RELAY != 0
        # The caller does not learn of a 2xx to a copy: nobody else would acknowledge it.
        is_ours = call.is_replicated and call.is_invite and status < 300
        if (todo & ACKNOWLEDGE or is_ours) and branch.request is not None:
            ctx.sends.append(hop.acknowledge(branch, branch.request, ctx.message, core.user_agent))
        if status == 503 and todo & KEEP and try_next_server(core, branch, status, now_ms):
            return
    if call.on_reply != 0:
        _run_onreply_route(core, call, ctx)
        now_ms = ctx.now_ms
    if call.is_local or call.is_replicated:
        _finish_here(core, call, ctx, todo, passes)
        return
    if todo & KEEP:
        layer.keep(branch, outgoing_reply(ctx, call.reply_socket.proto))
    if passes:
        _relay(
            core,
            call,
            status,
            outgoing_reply(ctx, call.reply_socket.proto),
            now_ms,
            status < 200 or todo & ANSWERS != 0,
        )
    if todo & CANCEL_REST:
        cancel_rest(core, call, now_ms)
    if todo & KEEP and not has_open_branches(call):
        _decide(core, call, now_ms)


def _run_onreply_route(core: Core, call: Call, ctx: Context) -> None:
    route = core.onreply.get(call.on_reply)
    if route is None:
        ctx.log(L_ERR, f"ERROR: reply_received: there is no onreply_route[{call.on_reply}]")
        return
    ctx.route_kind = IN_REPLY
    ctx.flags = call.decided.flags
    ctx.use_avps(call.decided.avps)
    core.run_route(route, call, ctx)
    call.decided.flags = ctx.flags


def _relay(core: Core, call: Call, status: i64, data: bytes, now_ms: i64, changes_state: bool) -> None:
    """Send a reply from downstream to the caller. A 2xx that comes on top of a final reply changes nothing here."""
    reply = Send(data, call.reply_to, call.reply_socket, call.connection)
    core.outbox.append(reply)
    core.world.counters.forwarded_replies += 1
    core.counters.relayed_replies += 1
    if changes_state:
        core.layer.replied(call, status, reply, False, now_ms)
        core.counters.replied(status, False)
    for watcher in call.watchers:
        watcher.replied(call, status, data, False)


def _finish_here(core: Core, call: Call, ctx: Context, todo: i64, passes: bool) -> None:
    """The replies to a request of our own, or to a copy, go nowhere."""
    status = ctx.message.status
    outcome = call.outcome
    ends = todo & ANSWERS != 0 or todo & KEEP != 0 and not has_open_branches(call)
    if call.is_invite and call.is_local and passes and status >= 200:
        acknowledge_2xx(core, call, ctx)
    msg = ctx.message
    if outcome is not None and status < 200 and passes and core.passes_provisional:
        outcome.provisional(msg)
    if outcome is not None and ends:
        outcome.answered(status, msg.buf[msg.reason_start : msg.first_header].strip(), msg)
    if ends:
        call.status = status
        core.counters.replied(status, False)
        core.layer.release(call, ctx.now_ms)


def decide(core: Core, call: Call, now_ms: i64) -> None:
    """All branches have failed: let the failure route look for another way, else send the best of the replies."""
    _decide(core, call, now_ms)
    run_later(core, call)


@final
class LateFailure(Event):
    """A branch that has failed."""

    def __init__(self, branch: Branch, status: i64, reason: bytes) -> None:
        self._branch: Final = branch
        self._status: Final = status
        self._reason: Final = reason

    def run(self, core: Core, call: Call, now_ms: i64) -> None:
        branch = self._branch
        # Its reply may have been ahead.
        if branch.status < 200 and core.layer.fail_branch(branch, self._status, self._reason):
            _decide(core, call, now_ms)


def branch_failed(core: Core, branch: Branch, status: i64, reason: bytes, now_ms: i64) -> None:
    """No reply will come to `branch`: it counts as answered with this one."""
    call = branch.transaction
    assert isinstance(call, Call)
    if call.is_busy:
        call.queue(LateFailure(branch, status, reason))
    elif core.layer.fail_branch(branch, status, reason):
        if call.on_failure == 0:
            decide(core, call, now_ms)
        else:
            # The failure route may wait, and the caller has others to look after.
            core.world.asking.apart(decide, core, call, now_ms)


def _decide(core: Core, call: Call, now_ms: i64) -> None:
    if call.is_local or call.is_replicated:
        _give_up_here(core, call, now_ms)
        return
    if call.on_failure != 0:
        before = len(call.branches)
        now_ms = _run_failure_route(core, call, now_ms)
        # Also a new branch that somebody else serves is a way that has been found.
        found = len(call.branches) > before and not call.branches[len(call.branches) - 1].over
        if call.state != PROCEEDING or found or has_open_branches(call):
            return
    best = chosen(call)
    if best is None:
        return
    data = best.reply
    if data is None or best.status == 503:
        # A 503 would say that this server is out of service (RFC 3261 16.7 item 6).
        status: i64 = 500 if best.status == 503 else best.status
        ctx = call.context(core.world, now_ms)
        answer(core, call, ctx, status, best.reason or reason_of(status))
        return
    if best.status == 401 or best.status == 407:
        data = _with_challenges(call, best, data)
    _relay(core, call, best.status, data, now_ms, True)


def _run_failure_route(core: Core, call: Call, now_ms: i64) -> i64:
    """Once: to catch a second failure the route has to arm one again. Returns the time afterwards."""
    number = call.on_failure
    call.on_failure = 0
    route = core.failure.get(number)
    best = chosen(call)
    if route is None or best is None:
        return now_ms
    ctx = call.context(core.world, now_ms)
    call.failure_status = best.status
    core.run_route(route, call, ctx)
    call.decided.flags = ctx.flags
    return ctx.now_ms


def _give_up_here(core: Core, call: Call, now_ms: i64) -> None:
    best = chosen(call)
    outcome = call.outcome
    if outcome is not None and best is not None:
        outcome.answered(best.status, best.reason or reason_of(best.status), None)
    if best is not None:
        call.status = best.status
        core.counters.replied(best.status, True)
    core.layer.release(call, now_ms)


def _with_challenges(call: Call, best: Branch, data: bytes) -> bytes:
    """The chosen 401 or 407 with the challenges of all others added. RFC 3261 16.7 item 7."""
    extra = b""
    for branch in call.branches:
        if branch is not best and branch.reply is not None and (branch.status == 401 or branch.status == 407):
            extra += _challenges(branch.reply)
    if not extra:
        return data
    try:
        place = parse(data).headers_end
    except BadMessage:
        return data
    return b"".join([data[:place], extra, data[place:]])


def _challenges(reply: bytes) -> bytes:
    """The lines of a reply that challenge. None where it cannot be read: it had one Via, or a script has left too little of it."""
    try:
        msg = parse(reply)
    except BadMessage:
        return b""
    found: list[bytes] = []
    for name in (b"www-authenticate", b"proxy-authenticate"):
        i = msg.find_header(name)
        while i >= 0:
            record = msg.headers[i]
            found.append(msg.buf[headers.line_start(record) : headers.line_end(record)])
            i = msg.find_header(name, i)
    return b"".join(found)
