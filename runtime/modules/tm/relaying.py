"""Requests on their way downstream, in transactions. RFC 3261 16.6, reference modules-main 1.5 and 1.8."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm.answering import answer, decide
from runtime.modules.tm.branching import add_branches
from runtime.modules.tm.call import Call, Event, call_of
from runtime.modules.tm.cancelling import send_cancel
from runtime.modules.tm.core import Core
from runtime.routing import errors, forwarding
from runtime.routing.context import IN_FAILURE, Context
from runtime.routing.locating import Hop
from runtime.routing.replying import TRYING, reply_address
from runtime.routing.stateless import forward_to_hop, forward_to_uri
from runtime.sip import headers, methods
from runtime.sip.cseq import parse_cseq
from runtime.sip.edits import Edit
from runtime.sip.reply import reason_of
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send
from runtime.sip.uri import BadUri, has_other_scheme
from runtime.tx.layer import has_open_branches
from runtime.tx.table import key_of
from runtime.tx.transaction import PROCEEDING, Branch

# What `open_transaction` finds.
OPENED: Final = 1
REPEATED: Final = 2  # the request, or an ACK that a transaction here was waiting for
PLAIN_ACK: Final = 3  # an ACK that opens no transaction
REFUSED: Final = 4  # there was no room for its transaction, and it has been answered; or the ACK for that
BROKEN: Final = -1
UNANSWERABLE: Final = -2


def open_transaction(core: Core, ctx: Context) -> i64:
    """Find or open the transaction of a request; repetitions are answered at once. `ctx.transaction` is it then."""
    if ctx.transaction is not None:
        ctx.fail(errors.SCRIPT, "ERROR: t_newtran: transaction already in process")
        return BROKEN
    msg = ctx.message
    if msg.call_id == 0 or msg.from_ == 0 or msg.to == 0 or msg.cseq == 0:
        ctx.is_without_tuple = True
        ctx.fail(errors.BAD_TUPLE, "ERROR: t_newtran: From, To, Call-ID or CSeq is missing")
        return BROKEN
    try:
        key = key_of(msg, parse_cseq(msg))
    except BadMessage as e:
        ctx.is_without_tuple = True
        ctx.fail(errors.BAD_TUPLE, f"ERROR: t_newtran: {e}")
        return BROKEN
    table = core.layer.table
    if msg.method == methods.ACK:
        acknowledged = table.find_acknowledged(msg, key)
        if acknowledged is None:
            if core.overload.acknowledges(ctx):
                return REFUSED
            _pass_on(core, ctx, key)
            return PLAIN_ACK
        ctx.transaction = acknowledged
        core.layer.acknowledged(acknowledged, ctx.now_ms)
        return REPEATED
    found = table.find_request(msg, key)
    if found is not None:
        ctx.transaction = found
        if found.reply is not None:
            ctx.sends.append(found.reply)
        return REPEATED
    if core.overload.refuses(ctx, key):
        return REFUSED
    if not _has_readable_uri(ctx):
        return BROKEN
    destination = reply_address(ctx)
    socket = None if destination is None else forwarding.sending_socket(ctx, destination, ctx.socket.proto)
    if destination is None or socket is None:
        ctx.fail(errors.BAD_ADDRESS, "ERROR: t_newtran: cannot send replies to the topmost Via")
        return UNANSWERABLE
    call = Call(core, core.state.new_id(key, msg), key, ctx, destination, socket)
    core.layer.open(call)
    ctx.transaction = call
    for observer in core.observers:
        watcher = observer.opened(call, ctx)
        if watcher is not None:
            call.watchers = [*call.watchers, watcher]
            if call.is_invite:
                table.watch(call)
    return OPENED


def _has_readable_uri(ctx: Context) -> bool:
    """False, with `ctx.error` set, for a Request-URI that is broken: SER opens no transaction for it either. Another scheme is none of
    our business here (RFC 3261 16.3 item 2), so a tel: URI may have one."""
    try:
        ctx.parsed_uri()
    except BadUri as e:
        text = ctx.uri()
        if not has_other_scheme(text):
            return ctx.fail(errors.BAD_URI, f"ERROR: t_newtran: bad uri <{text.decode('latin-1')}>: {e}")
    return True


def _pass_on(core: Core, ctx: Context, key: i64) -> None:
    """Tell those who watch the call that its ACK goes end to end."""
    if len(core.observers) == 0:
        return
    call = core.layer.table.find_confirmed(ctx.message, key)
    if isinstance(call, Call):
        for watcher in call.watchers:
            watcher.acknowledged(call, ctx)


def relay(core: Core, ctx: Context, fixed: Hop | None, replicate: bool) -> int:
    """t_relay and its relatives: SER's int. `fixed` None: each branch goes where its URI says."""
    if ctx.route_kind == IN_FAILURE:
        call = call_of(ctx)
        assert call is not None
        return 1 if add_branches(core, ctx, call, fixed) > 0 else -1
    if fixed is None and not _leads_somewhere(ctx):
        if ctx.error != errors.BAD_SCHEME or ctx.message.method == methods.ACK:
            return -1
        return _refuse_scheme(core, ctx)
    opened = open_transaction(core, ctx)
    if opened == REPEATED:
        return 1
    if opened == PLAIN_ACK:
        sent = forward_to_uri(ctx, 0, -1) if fixed is None else forward_to_hop(ctx, fixed)
        return 0 if sent else -1
    if opened == REFUSED:
        return 0
    if opened < 0:
        return 0 if opened == UNANSWERABLE else -1
    call = call_of(ctx)
    assert call is not None
    call.is_replicated = replicate
    if call.is_invite:
        answer(core, call, ctx, 100, TRYING)
    elif call.method == methods.CANCEL and cancel_original(core, ctx, call):
        return 1
    if add_branches(core, ctx, call, fixed) > 0:
        return 1
    if replicate:
        core.layer.release(call, ctx.now_ms)
        return -1
    code, phrase = errors.reply_for(ctx.error, b"TM")
    return 0 if answer(core, call, ctx, code, phrase) else -1


def _leads_somewhere(ctx: Context) -> bool:
    """False, with `ctx.error` set, for a Request-URI that does not say where to go (tel:, *), if no Route has said it."""
    if ctx.dst_uri is not None:
        return True
    try:
        ctx.parsed_uri()
    except BadUri as e:
        text = ctx.uri()
        error = errors.BAD_SCHEME if has_other_scheme(text) else errors.BAD_URI
        return ctx.fail(error, f"ERROR: t_relay: bad uri <{text.decode('latin-1')}>: {e}")
    return True


def _refuse_scheme(core: Core, ctx: Context) -> int:
    """416: RFC 3261 16.3 item 2. The script ends, as with other errors that are answered here."""
    opened = open_transaction(core, ctx)
    call = call_of(ctx)
    if opened < 0 or call is None:
        return -1
    if opened == OPENED:
        code, phrase = errors.reply_for(errors.BAD_SCHEME, b"TM")
        answer(core, call, ctx, code, phrase)
    return 0


def cancel_original(core: Core, ctx: Context, call: Call) -> bool:
    """Cancel the request that this CANCEL means, and answer the CANCEL; False if there is none. RFC 3261 9.2 and 16.10.

    With `refuse_stray_cancel` one that means none is answered, too: 481, as RFC 3261 9.2 has it. SER forwards it, as 16.10 allows.
    """
    original = core.layer.table.find_invite(ctx.message, call.key)
    if original is None:
        return core.refuses_stray_cancels and answer(core, call, ctx, 481, reason_of(481))
    assert isinstance(original, Call)
    pending = False
    if original.state == PROCEEDING:
        original.cancelled = original.is_invite
        if original.is_busy:
            pending = True
            original.queue(LateCancel(ctx))
        else:
            pending = _cancel_branches(original.core, ctx, original)
    answer(core, call, ctx, 200, b"canceling" if pending else b"ok -- no more pending branches")
    if pending and not original.is_busy and not has_open_branches(original):
        decide(original.core, original, ctx.now_ms)
    return True


def _cancel_branches(core: Core, ctx: Context, original: Call) -> bool:
    """False if there was nothing to cancel any more. `ctx` is that of the CANCEL.

    A request other than INVITE goes on in any case (RFC 3261 9.2); where it has been answered provisionally the CANCEL is passed on.
    """
    pending = False
    for branch in original.branches:
        if not original.is_invite and branch.status == 0:
            continue
        if branch.seeks and not branch.over:
            # Nobody has been asked yet, and nobody will be.
            core.layer.fail_branch(branch, 487, reason_of(487))
            pending = True
        if branch.over or branch.request is None:
            continue
        pending = True
        if branch.cancel is not None:
            continue
        data = _one_hop_cancel(ctx, branch, branch.request)
        branch.cancel_request = Send(data, branch.request.destination, branch.request.socket)
        if not original.is_invite or core.layer.wants_cancel(branch):
            send_cancel(core, branch, ctx.now_ms)
    return pending


def _one_hop_cancel(ctx: Context, branch: Branch, request: Send) -> bytes:
    """The CANCEL of `ctx` for this branch, with no Via but that of the request (RFC 3261 9.1)."""
    edits = ctx.edits
    msg = ctx.message
    vias = [record for record in msg.headers if headers.kind(record) == headers.VIA]
    ctx.edits = edits + [Edit(headers.line_start(via), headers.line_end(via), b"") for via in vias]
    data = forwarding.outgoing_request(ctx, request.socket, request.destination, branch.id(), branch.uri)
    ctx.edits = edits
    return data


@final
class LateCancel(Event):
    """A CANCEL, answered already."""

    def __init__(self, ctx: Context) -> None:
        self._ctx: Final = ctx

    def run(self, core: Core, call: Call, now_ms: i64) -> None:
        if call.state != PROCEEDING:
            return
        self._ctx.now_ms = now_ms
        if _cancel_branches(core, self._ctx, call) and not has_open_branches(call):
            decide(core, call, now_ms)


def cancel_waiting(core: Core, cancel: Context, invite: Context) -> bool:
    """Answer a CANCEL, and the INVITE whose main route waits, each in a transaction. False if that cannot be."""
    call = call_of(invite)
    if call is None and open_transaction(core, invite) == OPENED:
        call = call_of(invite)
    if call is None or call.message is not invite.message or open_transaction(core, cancel) != OPENED:
        return False
    ending = call_of(cancel)
    assert ending is not None
    cancel.now_ms = invite.now_ms = max(cancel.now_ms, invite.now_ms)
    answer(core, ending, cancel, 200, b"canceling")
    call.cancelled = True
    return answer(core, call, invite, 487, reason_of(487))
