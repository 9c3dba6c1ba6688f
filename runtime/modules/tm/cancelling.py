"""CANCEL, hop by hop. RFC 3261 9.1 and 16.10, reference modules-main 1.8."""

from __future__ import annotations

from mypy_extensions import i64

from runtime.modules.tm import hop
from runtime.modules.tm.core import Core
from runtime.tx.transaction import Branch, Transaction


def cancel_rest(core: Core, t: Transaction, now_ms: i64) -> None:
    """End all branches that are still open: cancel those of an INVITE, forget about the others."""
    for branch in t.branches:
        if branch.over:
            continue
        if branch.is_invite and branch.request is not None:
            cancel_branch(core, branch, now_ms)
        else:
            core.layer.end_client(branch)


def cancel_branch(core: Core, branch: Branch, now_ms: i64) -> None:
    """Send this branch its CANCEL, now or as soon as it has given a sign of life."""
    if core.layer.wants_cancel(branch):
        send_cancel(core, branch, now_ms)


def send_cancel(core: Core, branch: Branch, now_ms: i64) -> None:
    """Send the CANCEL: the one that the caller's was turned into, or one of our own."""
    request = branch.cancel_request
    if request is None:
        assert branch.request is not None
        request = hop.cancel(branch, branch.request, core.user_agent)
    core.outbox.append(request)
    core.layer.start_cancel(branch, request, now_ms)
