"""How many branches at a time a request may become, however often it comes back to us. RFC 5393 5.

Contacts that lead back to the server that looks them up make of one request as many as there are contacts, and that again at each
pass. So each branch of a fork has its share of what the request may become, and brings it along in its branch parameter. A header
of its own, as RFC 5393 has it, would stand in every request that is forwarded.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.sip import headers
from runtime.sip.scan import BadMessage
from runtime.sip.via import Via, parse_via
from runtime.tx.transaction import breadth_in

# RFC 5393 5.3.3.1.
MAX_BREADTH: Final = 60


def breadth_left(ctx: Context) -> i64:
    """How many branches at a time the request may become here: all that one may, or the smallest share in a Via of ours."""
    left: i64 = MAX_BREADTH
    msg = ctx.message
    for record in msg.headers:
        if headers.kind(record) != headers.VIA:
            continue
        at = headers.value_start(record)
        end = headers.line_end(record)
        while at < end:
            try:
                via = parse_via(msg.buf, at, end)
            except BadMessage:
                break
            share = breadth_in(msg.buf, via.branch_start, via.branch_end)
            if 0 < share < left and _is_ours(ctx, via):
                left = share
            at = via.end + 1 if via.more else end
    return left


def _is_ours(ctx: Context, via: Via) -> bool:
    host = ctx.message.buf[via.host_start : via.host_end]
    return ctx.world.sockets.is_myself(host, via.port or 5060, via.proto)
