"""Another server of the same host, where the first does not do its work. RFC 3263 4.3."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.modules.tm.call import Call
from runtime.modules.tm.core import Core
from runtime.sip.transport import Send
from runtime.tx.transaction import MAX_BRANCHES, PROCEEDING, Branch, branch_id


def try_next_server(core: Core, branch: Branch, status: i64, now_ms: i64) -> bool:
    """Send the branch's request to the next server, in a branch that takes its place; False if there is none to try.

    `status` is how the branch has failed: it could not be sent, was never answered, or was answered with 503.
    """
    call = branch.transaction
    request = branch.request
    if len(branch.others) == 0 or request is None or branch.is_replaced:
        return False
    number: i64 = len(call.branches)
    if call.state != PROCEEDING or call.cancelled or branch.cancel_wanted or number >= MAX_BRANCHES:
        return False
    assert isinstance(call, Call)
    id = branch_id(call.id, number, branch.breadth)
    data = request.data.replace(branch.id(), id, 1)
    other = Branch(call, number, Send(data, branch.others[0], request.socket), branch.uri, branch.breadth)
    other.others = branch.others[1:]
    core.layer.replace(branch, status)
    call.branches.append(other)
    assert other.request is not None
    core.outbox.append(other.request)
    core.layer.start(other, core.fr_ms(call.decided.avps), now_ms)
    core.world.counters.forwarded_requests += 1
    return True
