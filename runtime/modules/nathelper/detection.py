"""Signs of a NAT in a message. Reference modules-main, chapter 13."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.routing.context import L_ERR, Context
from runtime.sip.contacts import contacts_in
from runtime.sip.scan import BadMessage
from runtime.sip.sdp import find_connection, sdp_start
from runtime.sip.transit import sent_by_is
from runtime.sip.uri import BadUri, parse_ipv4, parse_uri

CONTACT: Final = 1
SOURCE: Final = 2
VIA: Final = 4
SDP: Final = 8
PORT: Final = 16


def looks_nated(ctx: Context, tests: i64) -> bool:
    """True if one of the `tests`, a sum of the numbers above, holds."""
    return (
        (tests & PORT) != 0
        and _port_differs(ctx)
        or (tests & SOURCE) != 0
        and _source_differs(ctx)
        or (tests & CONTACT) != 0
        and _private_contact(ctx)
        or (tests & SDP) != 0
        and _private_sdp(ctx)
        or (tests & VIA) != 0
        and _private_via(ctx)
    )


def is_private(buf: bytes, start: i64, end: i64) -> bool:
    """True for the text of an IPv4 address of RFC 1918 3."""
    ip = parse_ipv4(buf, start, end)
    if len(ip) == 0:
        return False
    first: i64 = ip[0]
    second: i64 = ip[1]
    return first == 10 or first == 172 and 16 <= second <= 31 or first == 192 and second == 168


def _port_differs(ctx: Context) -> bool:
    via = ctx.message.via1
    assert via is not None
    return ctx.source.port != (via.port or 5060)


def _source_differs(ctx: Context) -> bool:
    via = ctx.message.via1
    assert via is not None
    return via.received_at >= 0 or not sent_by_is(ctx.message.buf, via, ctx.source)


def _private_via(ctx: Context) -> bool:
    via = ctx.message.via1
    assert via is not None
    return is_private(ctx.message.buf, via.host_start, via.host_end)


def _private_contact(ctx: Context) -> bool:
    """Any of the first header's Contacts, with the one that fix_nated_contact changed as it is now."""
    msg = ctx.message
    fixed = ctx.fixed_contact
    try:
        for value in contacts_in(msg, msg.contact):
            if fixed is not None and fixed.uri_start == value.uri_start:
                uri = parse_uri(fixed.uri, 0, len(fixed.uri))
            else:
                uri = parse_uri(msg.buf, value.uri_start, value.uri_end)
            if is_private(uri.buf, uri.host_start, uri.host_end):
                return True
    except (BadMessage, BadUri) as bad:
        ctx.log(L_ERR, f"ERROR: nat_uac_test: Contact: {bad}")
    return False


def _private_sdp(ctx: Context) -> bool:
    """The address that counts for the session: the first c= line."""
    buf = ctx.message.buf
    try:
        line = find_connection(buf, sdp_start(ctx.message), len(buf))
    except BadMessage as e:
        ctx.log(L_ERR, f"ERROR: nat_uac_test: SDP: {e}")
        return False
    return line is not None and is_private(buf, line.start, line.end)
