"""The end of a transaction that work has broken off on: a bug, or memory that was not there. RFC 3261 16.7 has nobody wait for ever."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.modules.tm.answering import answer
from runtime.modules.tm.call import Call
from runtime.modules.tm.core import Core
from runtime.sip.reply import reason_of
from runtime.tx.transaction import PROCEEDING


def rescue(core: Core, call: Call, now_ms: i64) -> None:
    """Answer it with 500, or let it go, if nothing is left that could end it: no branch that waits, no route that works on it."""
    if call.state != PROCEEDING or call.pending > 0:
        return
    try:
        if not call.is_replicated and answer(core, call, call.context(core.world, now_ms), 500, reason_of(500)):
            return
    except Exception as e:
        core.world.bugs.report(e, call.message.value(call.message.call_id))
    core.layer.release(call, now_ms)
