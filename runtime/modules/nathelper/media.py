"""Changes of the session description: the source address, or the RTP proxy's. Reference modules-main, chapter 13."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.nathelper.rtpproxy import RtpProxy
from runtime.routing.context import L_ERR, Context
from runtime.sip import methods
from runtime.sip.edits import Edit
from runtime.sip.nameaddr import tag_of
from runtime.sip.scan import IN_WORD, BadMessage, is_plain
from runtime.sip.sdp import (
    Connection,
    Media,
    find_connection,
    find_line,
    find_media,
    is_place,
    line_to_append,
    next_line,
    sdp_start,
)

ACTIVE: Final = 1
ADDRESS: Final = 2

ON_HOLD: Final = b"0.0.0.0"
ALREADY_PROXIED: Final = b"a=nortpproxy:yes"


def fix_sdp(ctx: Context, changes: i64) -> bool:
    """The work of fix_nated_sdp; False without a session description.

    As in SER it is true also where no address can be repaired: without a c= line, or with one of IPv6 from a sender of IPv4.
    """
    try:
        start = sdp_start(ctx.message)
    except BadMessage as e:
        ctx.log(L_ERR, f"ERROR: fix_nated_sdp: {e}")
        return False
    appended: list[bytes] = []
    if changes & ACTIVE:
        appended.append(b"a=direction:active")
    if changes & ADDRESS:
        _fix_addresses(ctx, start, appended)
    _append(ctx, appended)
    return True


def _fix_addresses(ctx: Context, start: i64, appended: list[bytes]) -> None:
    """Of the first two c= lines; the first address goes into a line to be appended."""
    buf = ctx.message.buf
    address = ctx.source.text
    first = find_connection(buf, start, len(buf))
    if first is None:
        ctx.log(L_ERR, "ERROR: fix_nated_sdp: no c= line")
        return
    if first.is_ipv6 and b":" not in address:
        ctx.log(L_ERR, "ERROR: fix_nated_sdp: not an IPv4 address in the c= line")
        return
    if _replace_address(ctx, first, address):
        appended.append(b"a=oldmediaip:" + buf[first.start : first.end])
    second = find_connection(buf, next_line(buf, first.end), len(buf))
    if second is not None:
        _replace_address(ctx, second, address)


def _append(ctx: Context, lines: list[bytes]) -> None:
    buf = ctx.message.buf
    for edit in ctx.edits:
        # What has been appended before is not appended again.
        if edit.start == len(buf):
            lines = [line for line in lines if line not in edit.text]
    if len(lines) > 0:
        ctx.edits.append(Edit(len(buf), len(buf), line_to_append(buf, b"\r\n".join(lines))))


def _replace_address(ctx: Context, line: Connection, address: bytes) -> bool:
    """Put `address` into a c= line; False where nothing changes: it is there already, or the stream is on hold."""
    old = ctx.message.buf[line.start : line.end]
    if old == ON_HOLD or old == address or _has_edit(ctx, line.start, line.end, address):
        return False
    is_ipv6 = b":" in address
    if is_ipv6 != line.is_ipv6:
        ctx.edits.append(Edit(line.kind_at, line.kind_at + 1, b"6" if is_ipv6 else b"4"))
    ctx.edits.append(Edit(line.start, line.end, address))
    return True


def _has_edit(ctx: Context, start: i64, end: i64, text: bytes) -> bool:
    """True if the script has done just this before."""
    for edit in ctx.edits:
        if edit.start == start and edit.end == end and edit.text == text:
            return True
    return False


# --- the RTP proxy ---------------------------------------------------------------------------------------------------


class _Unusable(Exception):
    """Why the RTP proxy cannot help here."""


def force_rtp_proxy(ctx: Context, proxy: RtpProxy, flags: bytes, address: bytes) -> bool:
    """The work of force_rtp_proxy; what prevents it is logged. Flags count in any case, as in SER."""
    try:
        _lead_over(ctx, proxy, flags.lower(), address)
    except (_Unusable, BadMessage) as e:
        ctx.log(L_ERR, f"ERROR: force_rtp_proxy: {e}")
        return False
    return True


def _lead_over(ctx: Context, proxy: RtpProxy, flags: bytes, address: bytes) -> None:
    msg = ctx.message
    buf = msg.buf
    is_reply = not msg.is_request
    if not is_reply and msg.method != methods.INVITE:
        raise _Unusable("neither an INVITE nor a reply")
    for flag in flags:
        if flag not in b"aielfr":
            raise _Unusable(f"unknown flag {chr(flag)}")
    only_lookup = b"l" in flags
    if only_lookup and is_reply:
        raise _Unusable("flag l is for requests")
    start = sdp_start(msg)
    if b"f" not in flags and _is_proxied(buf, start):
        raise _Unusable("another RTP proxy is in the way of this media already")
    media = find_media(buf, start)
    if media is None or not media.is_audio or media.port < 0 or media.port > 65535:
        raise _Unusable("the first m= line is no audio with a port")
    lines = _connections(buf, start, media)
    if len(lines) == 0:
        raise _Unusable("no c= line")
    # The address that counts for the stream is that of its own c= line, the last one here.
    line = lines[-1]
    options = bytes([c - 32 for c in flags if c in b"aie"]) + (b"6" if line.is_ipv6 else b"")
    trusts_sdp = b"a" in flags or b"r" in flags
    media_ip = _word(buf[line.start : line.end], "address of the media") if trusts_sdp else ctx.source.text
    verb = b"L" if is_reply or only_lookup else b"U"
    place = b"%s %d" % (media_ip, media.port)
    answer = proxy.ask(
        ctx, b"%s%s %s %s %s" % (verb, options, _call_id(ctx), place, _tags(ctx, verb == b"L", only_lookup))
    )
    _follow(ctx, answer, address, media, lines)


def _is_proxied(buf: bytes, start: i64) -> bool:
    line = find_line(buf, 97, start, len(buf))
    while line >= 0:
        following = next_line(buf, line)
        if buf[line:following].rstrip() == ALREADY_PROXIED:
            return True
        line = find_line(buf, 97, following, len(buf))
    return False


def _connections(buf: bytes, start: i64, media: Media) -> list[Connection]:
    """The c= lines of the session and of its first stream, those that there are."""
    found: list[Connection] = []
    of_session = find_connection(buf, start, media.start)
    if of_session is not None:
        found.append(of_session)
    following = next_line(buf, media.end)
    second = find_line(buf, 109, following, len(buf))
    of_stream = find_connection(buf, following, second if second >= 0 else len(buf))
    if of_stream is not None:
        found.append(of_stream)
    return found


def _call_id(ctx: Context) -> bytes:
    value = ctx.message.value(ctx.message.call_id)
    if len(value) == 0:
        raise _Unusable("no Call-ID")
    return _word(value, "Call-ID")


def _word(value: bytes, what: str) -> bytes:
    """`value`, if it can be nothing but one word of a command: with a blank in it, it could name another call or another address."""
    if not is_plain(value, IN_WORD):
        raise _Unusable(f"a blank or a control character in the {what}")
    return value


def _tags(ctx: Context, needs_both: bool, swapped: bool) -> bytes:
    """The tags as the proxy wants them: that of the caller's side first; the other one where there is one."""
    buf = ctx.message.buf
    from_tag = _word(tag_of(buf, ctx.from_value()), "From tag")
    to_tag = _word(tag_of(buf, ctx.to_value()), "To tag")
    if len(from_tag) == 0:
        raise _Unusable("no From tag")
    if len(to_tag) == 0:
        if needs_both:
            raise _Unusable("no To tag")
        return from_tag
    return to_tag + b" " + from_tag if swapped else from_tag + b" " + to_tag


def _follow(ctx: Context, answer: bytes, address: bytes, media: Media, lines: list[Connection]) -> None:
    """Write what the proxy answered, `port [ip [6]]`, into the description."""
    words = answer.split()
    if len(words) == 0:
        raise _Unusable("no answer from the RTP proxy")
    port = int(words[0]) if words[0].isdigit() and len(words[0]) <= 5 else 0
    if port <= 0 or port > 65535:
        raise _Unusable(f"the RTP proxy has no port for this call, it answers {answer[:60].decode('latin-1')}")
    ip = words[1] if len(words) > 1 else address or ctx.socket.address.text
    if len(words) > 1 and not is_place(ip, words[0]):
        raise _Unusable(f"the RTP proxy has no address for this call, it answers {answer[:60].decode('latin-1')}")
    # The proxy has one port for the stream, however many it had.
    ctx.edits.append(Edit(media.start, media.behind, b"%d" % port))
    for line in lines:
        _replace_address(ctx, line, ip)
    buf = ctx.message.buf
    if not _is_proxied(buf, sdp_start(ctx.message)):
        _append(ctx, [ALREADY_PROXIED])


def unforce_rtp_proxy(ctx: Context, proxy: RtpProxy) -> bool:
    """The work of unforce_rtp_proxy; what the proxy answers does not matter."""
    try:
        proxy.ask(ctx, b"D %s %s" % (_call_id(ctx), _tags(ctx, False, False)))
    except (_Unusable, BadMessage) as e:
        ctx.log(L_ERR, f"ERROR: unforce_rtp_proxy: {e}")
        return False
    return True
