"""Replies without state to a request. Reference core, 6.3."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.routing import errors
from runtime.routing.context import Context
from runtime.routing.forwarding import resolve, sending_socket, source_edits
from runtime.sip import headers
from runtime.sip.address import Address, from_packed
from runtime.sip.reply import build_reply
from runtime.sip.scan import COLON, write_decimal
from runtime.sip.transport import Send


def send_reply(ctx: Context, code: i64, reason: bytes, to_tag: bytes, body: bytes = b"") -> bool:
    """Answer the request and keep no state; False, with `ctx.error` set, when it cannot be sent.

    A `to_tag` that is not empty is put into To. Redirections carry the branch set in Contact. RFC 3261 16.11.
    """
    destination = reply_address(ctx)
    if destination is None:
        return ctx.fail(errors.BAD_ADDRESS, "ERROR: reply: cannot resolve the host of the topmost via")
    socket = sending_socket(ctx, destination, ctx.socket.proto)
    if socket is None:
        return ctx.fail(errors.NO_SOCKET, "ERROR: reply: no socket to send from")
    data = local_reply(ctx, code, reason, to_tag, body)
    ctx.sends.append(Send(data, destination, socket, ctx.connection))
    ctx.world.counters.local_replies += 1
    return True


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

    With reply_to_via the Via's host instead. None when that cannot be resolved.
    """
    via = ctx.message.via1
    assert via is not None
    use_source_port = via.rport_at >= 0 or ctx.force_rport
    port: i64 = ctx.source.port if use_source_port else via.port
    if ctx.world.reply_to_via:
        host = ctx.message.buf[via.host_start : via.host_end]
        return resolve(ctx, host, port if port <= 65535 else 0, via.proto)
    if port == 0 or port > 65535:
        port = 5060
    if use_source_port or port == ctx.source.port:
        return ctx.source
    return from_packed(ctx.source.ip, port)


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
        return b"<" + uri + b">" if b";" in uri or b"," in uri or b"?" in uri else uri
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
    vias: i64 = 0
    for record in ctx.message.headers:
        if headers.kind(record) == headers.VIA:
            vias += 1
    out = BytesWriter()
    out.write(b"Warning: 392 ")
    out.write(ctx.socket.name)
    out.append(u8(COLON))
    write_decimal(out, ctx.socket.address.port)
    out.write(b' "Noisy feedback tells:  pid=')
    write_decimal(out, ctx.world.pid)
    out.write(b" req_src_ip=")
    out.write(ctx.source.text)
    out.write(b" req_src_port=")
    write_decimal(out, ctx.source.port)
    out.write(b" in_uri=")
    out.write(ctx.received_uri())
    out.write(b" out_uri=")
    out.write(ctx.uri())
    out.write(b" via_cnt==")
    write_decimal(out, vias)
    out.write(b'"\r\n')
    line = out.getvalue()
    if len(line) > WARNING_LIMIT or line.count(b'"') != 2 or b"\\" in line:
        return b""
    return line
