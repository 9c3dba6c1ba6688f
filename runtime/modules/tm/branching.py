"""Branches of a transaction: to the servers of a URI's host, when those are known. RFC 3261 16.6, RFC 3263 4.3."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm.answering import branch_failed
from runtime.modules.tm.breadth import breadth_left
from runtime.modules.tm.call import Call
from runtime.modules.tm.core import Core
from runtime.routing import errors, forwarding
from runtime.routing.circling import request_circles
from runtime.routing.context import L_DBG, L_ERR, Context
from runtime.routing.dns_records import NameQuestion
from runtime.routing.locating import Hop, Search
from runtime.routing.names import Names, Waiting
from runtime.sip.address import PROTO_NAMES, Address
from runtime.sip.transport import ListenSocket, Send
from runtime.tx.transaction import MAX_BRANCHES, PROCEEDING, Branch, branch_id


def add_branches(core: Core, ctx: Context, call: Call, fixed: Hop | None) -> i64:
    """Send the request to all destinations there are; to how many. The branch set is empty afterwards.

    The Request-URI is a destination only if there is no branch yet. After a CANCEL nothing is added (RFC 3261 16.10).
    """
    added: i64 = 0
    targets = ctx.take_branches()
    if call.cancelled:
        ctx.log(L_DBG, "DEBUG: t_relay: the caller has cancelled, no new branches")
        return 0
    if call.state != PROCEEDING:
        ctx.log(L_DBG, "DEBUG: t_relay: answered while the route waited, no new branches")
        return 0
    breadth: i64 = 0
    wanted: i64 = len(targets) + (1 if len(call.branches) == 0 else 0)
    if wanted > 1:
        left = breadth_left(ctx)
        if wanted > left:
            ctx.fail(
                errors.TOO_BROAD,
                f"ERROR: t_relay: {wanted} branches of a request that may become {left}: it came from us",
            )
            return 0
        breadth = left // wanted
    if len(call.branches) == 0:
        if _add_branch(core, ctx, call, ctx.new_uri, ctx.dst_uri, fixed, breadth):
            added += 1
    elif len(targets) == 0:
        ctx.log(L_ERR, "ERROR: t_forward_nonack: no branches for forwarding")
    path = ctx.path
    for target in targets:
        ctx.path = target.path
        if _add_branch(core, ctx, call, target.uri, target.dst_uri or target.uri, fixed, breadth):
            added += 1
    ctx.path = path
    return added


def _add_branch(
    core: Core, ctx: Context, call: Call, uri: bytes | None, next_uri: bytes | None, fixed: Hop | None, breadth: i64
) -> bool:
    """`uri` None: the Request-URI as received; `next_uri` None: the Request-URI leads the way."""
    number: i64 = len(call.branches)
    if number >= MAX_BRANCHES:
        return ctx.fail(errors.TOO_MANY_BRANCHES, f"ERROR: t_relay: over {MAX_BRANCHES} branches")
    way = fixed
    if way is None:
        way = forwarding.next_hop(ctx, next_uri, 0, -1, True)
        if way is None:
            return False
    target = ctx.received_uri() if uri is None else uri
    if way.destination is None:
        return _add_seeker(core, ctx, call, way, uri, target, breadth)
    request = _request(ctx, way, branch_id(call.id, number, breadth), uri)
    if request is None:
        return False
    branch = Branch(call, number, request, target, breadth)
    if way.search is not None:
        branch.others = _others(way.search, request.socket)
    call.branches.append(branch)
    ctx.sends.append(request)
    core.layer.start(branch, core.fr_ms(call.decided.avps), ctx.now_ms)
    core.world.counters.forwarded_requests += 1
    return True


def _request(ctx: Context, way: Hop, id: bytes, uri: bytes | None) -> Send | None:
    """The request as it goes that way; None, with `ctx.error` set, when no socket can send there, or it goes round."""
    destination = way.destination
    assert destination is not None
    socket = forwarding.sending_socket(ctx, destination, way.proto)
    if socket is None:
        ctx.fail(
            forwarding.no_socket(ctx, way.proto),
            f"ERROR: t_relay: no socket for {PROTO_NAMES[way.proto]} to {destination}",
        )
        return None
    if request_circles(ctx, destination):
        ctx.fail(errors.CIRCLES, forwarding.CIRCLING)
        return None
    return Send(forwarding.outgoing_request(ctx, socket, destination, id, uri), destination, socket)


# --- names that are not known yet --------------------------------------------------------------------------------------


def _add_seeker(core: Core, ctx: Context, call: Call, way: Hop, uri: bytes | None, target: bytes, breadth: i64) -> bool:
    """A branch whose next hop has to be looked up first."""
    assert way.search is not None
    branch = Branch(call, len(call.branches), None, target, breadth)
    if not core.world.names.wait(Seeker(core, ctx, branch, way.search, uri), ctx.now_ms):
        return ctx.fail(errors.UNSPECIFIED, "ERROR: t_relay: too many requests wait for names")
    branch.seeks = True
    call.branches.append(branch)
    core.layer.start(branch, core.fr_ms(call.decided.avps), ctx.now_ms)
    return True


@final
class Seeker(Waiting):
    """A branch, and the request as the script had it by then, until the next hop is known."""

    def __init__(self, core: Core, ctx: Context, branch: Branch, search: Search, uri: bytes | None) -> None:
        super().__init__(core.world.names)
        self._core: Final = core
        self._ctx: Final = ctx.copy()
        self._branch: Final = branch
        self._search: Final = search
        self._uri: Final = uri

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        # What has been cancelled meanwhile, or given up, needs nothing any more.
        return None if self._branch.over else self._search.run(names, now_ms)

    def go_on(self, now_ms: i64) -> None:
        branch = self._branch
        if branch.over:
            return
        core = self._core
        ctx = self._ctx
        ctx.world.log.about = ctx
        call = branch.transaction
        assert isinstance(call, Call)
        hop = self._search.first()
        request: Send | None = None
        if hop is None:
            host = branch.uri.decode("latin-1")
            ctx.fail(errors.BAD_ADDRESS, f"ERROR: t_relay: cannot resolve the next hop of <{host}>")
        else:
            request = _request(ctx, hop, branch.id(), self._uri)
        if request is None:
            status, phrase = errors.reply_for(ctx.error, b"TM")
            branch_failed(core, branch, status, phrase, now_ms)
            return
        branch.others = _others(self._search, request.socket)
        core.outbox.append(request)
        core.layer.sent(branch, request, core.fr_ms(call.decided.avps), now_ms)
        core.world.counters.forwarded_requests += 1


# --- servers that do not answer ----------------------------------------------------------------------------------------


def _others(search: Search, socket: ListenSocket) -> list[Address]:
    """What is left of the servers that were found, as far as the same socket can send there."""
    found: list[Address] = []
    for hop in search.hops[1:]:
        destination = hop.destination
        if destination is not None and hop.proto == socket.proto:
            if destination.is_ipv6 == socket.address.is_ipv6:
                found.append(destination)
    return found
