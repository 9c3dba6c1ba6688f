"""Replies without state to a request. Reference core, 6.3."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.context import L_WARN, Context
from runtime.routing.dns_records import NameQuestion
from runtime.routing.forwarding import host_hop, sending_socket, source_edits
from runtime.routing.locating import Hop
from runtime.routing.names import Names, Waiting
from runtime.sip import headers, transit
from runtime.sip.address import Address, from_packed
from runtime.sip.reply import build_reply
from runtime.sip.scan import IN_QUOTES, decimal_text, is_plain, same_bytes
from runtime.sip.soundness import broken_header
from runtime.sip.transport import Send
from runtime.sip.via import Via

# The phrase of SER's 100.
TRYING: Final = b"trying -- your call is important to us"


def send_reply(ctx: Context, code: i64, reason: bytes, to_tag: bytes, body: bytes = b"") -> bool:
    """Answer the request and keep no state; False, with `ctx.error` set, when it cannot be sent.

    A `to_tag` that is not empty is put into To. Redirections carry the branch set in Contact. RFC 3261 16.11.
    """
    if code >= 200 and code != 400:
        broken = broken_in(ctx)
        if len(broken) > 0:
            code, reason, body = 400, refusal(ctx, broken), b""
    destination = reply_address(ctx)
    if destination is None:
        return ctx.fail(errors.BAD_ADDRESS, "ERROR: reply: cannot resolve the host of the topmost via")
    socket = sending_socket(ctx, destination, ctx.socket.proto)
    if socket is None:
        return ctx.fail(errors.NO_SOCKET, "ERROR: reply: no socket to send from")
    data = local_reply(ctx, code, reason, to_tag, body)
    ctx.sends.append(Send(data, destination, socket, ctx.connection))
    if code >= 200:
        ctx.is_settled = True
    ctx.world.counters.local_replies += 1
    return True


def broken_in(ctx: Context) -> str:
    """The name of a header for whose sake the request of `ctx` gets 400, whatever its script has for it; "" if there is none."""
    if ctx.is_sound:
        return ""
    broken = broken_header(ctx.message)
    ctx.is_sound = len(broken) == 0
    return broken


def refusal(ctx: Context, broken: str) -> bytes:
    """The reason phrase of the 400 that a request gets in place of what a script has for it, since this header of it is broken."""
    ctx.log(L_WARN, f"WARNING: reply: {broken} is missing or broken: 400 is the only answer")
    return b"Bad " + broken.encode("ascii")


def local_reply(ctx: Context, code: i64, reason: bytes, to_tag: bytes, body: bytes) -> bytes:
    """The bytes of a reply to the request of `ctx`."""
    extra = ctx.reply_headers
    if 300 <= code < 400:
        contact = redirect_contact(ctx)
        if len(contact) > 0:
            extra = [contact] + extra
    world = ctx.world
    warning = warning_line(ctx) if world.sip_warning else b""
    return build_reply(
        ctx.message, code, reason, to_tag, source_edits(ctx, True), extra, world.server_line, warning, body
    )


def reply_address(ctx: Context) -> Address | None:
    """Where a local reply goes: the source's IP and, unless rport says its port, the port of the topmost Via.

    With reply_to_via the Via's host instead, but for what came over a stream, by which its reply returns (RFC 3261 18.2.2). None when
    that cannot be resolved.
    """
    via = ctx.message.via1
    assert via is not None
    if ctx.world.reply_to_via and ctx.connection == 0:
        # The engine has seen to it that the name is known, if it can be.
        hop = _via_hop(ctx, via)
        return None if hop is None else hop.destination
    if _uses_source_port(ctx, via):
        return ctx.source
    port = via.port
    if port == 0 or port > 65535:
        port = 5060
    if port == ctx.source.port:
        return ctx.source
    return from_packed(ctx.source.ip, port)


def _uses_source_port(ctx: Context, via: Via) -> bool:
    return via.rport_at >= 0 or ctx.force_rport


def _via_hop(ctx: Context, via: Via) -> Hop | None:
    port = ctx.source.port if _uses_source_port(ctx, via) else via.port
    host = ctx.message.buf[via.host_start : via.host_end]
    return host_hop(ctx, host, port if port <= 65535 else 0, via.proto)


@final
class ViaNames(Waiting):
    """Waits until it is known where replies to the request go (reply_to_via) and whether its topmost Via names its source (dns,
    rev_dns)."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx.world.names)
        self._ctx: Final = ctx

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        ctx = self._ctx
        via = ctx.message.via1
        world = ctx.world
        if via is None:
            return None
        host = ctx.message.buf[via.host_start : via.host_end]
        if world.reply_to_via:
            hop = _via_hop(ctx, via)
            if hop is not None and hop.search is not None and hop.destination is None:
                return hop.search.run(names, now_ms)
        if not world.looks_up_via or transit.sent_by_is(ctx.message.buf, via, ctx.source):
            return None
        missing = names.missing_ips(host, now_ms) if world.config.dns else None
        if missing is None and world.config.rev_dns:
            missing = names.missing_names(ctx.source.ip, now_ms)
        return missing


REDIRECT_LIMIT: Final = 512


def redirect_contact(ctx: Context) -> bytes:
    """The Contact line of a redirection: the rewritten URI, then the branches; b"" for none or over 512 bytes.

    A URI with a q stands in brackets, one without is bare (reference core 8.3).
    """
    values: list[bytes] = []
    if ctx.new_uri is not None:
        values.append(_contact_value(ctx.new_uri, ctx.q))
    for branch in ctx.branches:
        values.append(_contact_value(branch.uri, branch.q))
    if len(values) == 0:
        return b""
    line = b"Contact: " + b", ".join(values) + b"\r\n"
    if len(line) > REDIRECT_LIMIT:
        ctx.log(-1, f"ERROR: reply: Contact of the redirection would take {len(line)} bytes, left out")
        return b""
    return line


def _contact_value(uri: bytes, q: i64) -> bytes:
    # A bare URI with a semicolon, comma or question mark would be read as having header parameters (RFC 3261 20.10);
    # SER writes it bare all the same.
    if q < 0:
        # Not `in`, which between bytes costs an exception.
        has_marks = uri.find(b";") >= 0 or uri.find(b",") >= 0 or uri.find(b"?") >= 0
        return b"<" + uri + b">" if has_marks else uri
    return b"<" + uri + b">;q=" + q_text(q)


def q_text(q: i64) -> bytes:
    """A q value of 0…1000 as SIP writes it, trailing zeros dropped."""
    if q >= 1000:
        return b"1"
    if q <= 0:
        return b"0"
    return (b"0.%03d" % q).rstrip(b"0")


WARNING_LIMIT: Final = 256


def warning_line(ctx: Context) -> bytes:
    """SER's Warning header with the circumstances of a local reply, b"" where it would exceed 256 bytes."""
    msg = ctx.message
    vias: i64 = 0
    for record in msg.headers:
        if headers.kind(record) == headers.VIA:
            vias += 1
    last = ctx.world.last_warning
    if ctx.new_uri is not None:
        end = _warning_end(ctx.received_uri(), ctx.new_uri, vias)
    elif vias == last.vias and same_bytes(msg.buf, msg.uri_start, msg.uri_end, last.uri, 0, len(last.uri)):
        end = last.end
    else:
        last.uri = ctx.received_uri()
        last.vias = vias
        last.end = end = _warning_end(last.uri, last.uri, vias)
    if len(end) == 0:
        return b""
    line = b"%s%s%s" % (ctx.world.warning_head_of(ctx.socket), ctx.source.source_text(), end)
    return b"" if len(line) > WARNING_LIMIT else line


def _warning_end(received: bytes, current: bytes, vias: i64) -> bytes:
    """What stands behind the source; b"" where a URI would end the quotes that it is put into."""
    if not is_plain(received, IN_QUOTES) or current is not received and not is_plain(current, IN_QUOTES):
        return b""
    return b'%s out_uri=%s via_cnt==%s"\r\n' % (received, current, decimal_text(vias))
