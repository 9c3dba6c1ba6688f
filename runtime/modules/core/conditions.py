"""Operands of conditions. Reference core, 5.3.

Comparison of strings ignores case. SER compared over the length of the message's value only, so that `sip:x@y` equalled
the literal "sip:x@y.example"; here the whole must be equal. Operands that can fail (a missing From, an unparsable URI) come in
pairs, both False on an error, because an error is neither true nor false in SER (5.2).

A From that cannot be read is more than an error in the main route: see runtime.routing.sender.
"""

from __future__ import annotations

from mypy_extensions import i64

from runtime.routing.context import L_ERR, Context
from runtime.routing.names import AddressNames, HostAddresses
from runtime.routing.sender import sender, sender_text
from runtime.sip.address import Network
from runtime.sip.regex import Regex
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, SipUri, parse_uri


def _same(a: bytes, b: bytes) -> bool:
    return len(a) == len(b) and a.lower() == b.lower()


def method_equals(ctx: Context, name: bytes) -> bool:
    return _same(ctx.message.method_name(), name)


def method_matches(ctx: Context, regex: Regex) -> bool:
    return regex.search(ctx.message.method_name())


def uri_equals(ctx: Context, uri: bytes) -> bool:
    """The current Request-URI, in a reply the status code, equals `uri`."""
    return _same(ctx.uri(), uri)


def uri_matches(ctx: Context, regex: Regex) -> bool:
    return regex.search(ctx.uri())


def status_equals(ctx: Context, status: bytes) -> bool:
    """The status code of a reply equals `status`. In a request, as in SER, its URI stands in the same place."""
    return uri_equals(ctx, status)


def status_matches(ctx: Context, regex: Regex) -> bool:
    return uri_matches(ctx, regex)


def _to(ctx: Context) -> bytes | None:
    try:
        return ctx.to_uri()
    except BadMessage as e:
        ctx.log(L_ERR, f"ERROR: to_uri: {e}")
        return None


def from_uri_equals(ctx: Context, uri: bytes) -> bool:
    text = sender_text(ctx, "from_uri")
    return text is not None and _same(text, uri)


def from_uri_differs(ctx: Context, uri: bytes) -> bool:
    text = sender_text(ctx, "from_uri")
    return text is not None and not _same(text, uri)


def from_uri_matches(ctx: Context, regex: Regex) -> bool:
    text = sender_text(ctx, "from_uri")
    return text is not None and regex.search(text)


def from_uri_mismatches(ctx: Context, regex: Regex) -> bool:
    text = sender_text(ctx, "from_uri")
    return text is not None and not regex.search(text)


def to_uri_equals(ctx: Context, uri: bytes) -> bool:
    text = _to(ctx)
    return text is not None and _same(text, uri)


def to_uri_differs(ctx: Context, uri: bytes) -> bool:
    text = _to(ctx)
    return text is not None and not _same(text, uri)


def to_uri_matches(ctx: Context, regex: Regex) -> bool:
    text = _to(ctx)
    return text is not None and regex.search(text)


def to_uri_mismatches(ctx: Context, regex: Regex) -> bool:
    text = _to(ctx)
    return text is not None and not regex.search(text)


# --- myself ----------------------------------------------------------------------------------------------------------


def _is_myself(ctx: Context, uri: SipUri) -> bool:
    # Without a port SER checks 5060, also for sips (reference core 5.3); 5061 is sips's own default (RFC 3261 19.1.2).
    port: i64 = uri.port
    if port == 0:
        port = 5061 if uri.secure else 5060
    return ctx.world.sockets.is_myself(uri.host(), port, 0)


def _is_our_user(ctx: Context, uri: SipUri | None) -> bool:
    """True for a From or To of ours. A port says nothing there: RFC 3261 19.1.1, table 1. SER looks at it, so that a check of From lets
    sip:alice@ours:9999 pass, which is alice for whoever sees it.
    """
    return uri is not None and ctx.world.sockets.is_myself(uri.host(), 0, 0)


def _parsed(ctx: Context, text: bytes | None, what: str) -> SipUri | None:
    if text is None:
        return None
    try:
        return parse_uri(text, 0, len(text))
    except BadUri as e:
        ctx.log(L_ERR, f"ERROR: {what}: bad uri <{text.decode('latin-1')}>: {e}")
        return None


def _request_uri(ctx: Context) -> SipUri | None:
    try:
        return ctx.parsed_uri()
    except BadUri as e:
        ctx.log(L_ERR, f"ERROR: uri: bad uri <{ctx.uri().decode('latin-1')}>: {e}")
        return None


def uri_is_myself(ctx: Context) -> bool:
    uri = _request_uri(ctx)
    return uri is not None and _is_myself(ctx, uri)


def uri_is_not_myself(ctx: Context) -> bool:
    uri = _request_uri(ctx)
    return uri is not None and not _is_myself(ctx, uri)


def from_uri_is_myself(ctx: Context) -> bool:
    return _is_our_user(ctx, sender(ctx, "from_uri"))


def from_uri_is_not_myself(ctx: Context) -> bool:
    uri = sender(ctx, "from_uri")
    return uri is not None and not _is_our_user(ctx, uri)


def to_uri_is_myself(ctx: Context) -> bool:
    return _is_our_user(ctx, _parsed(ctx, _to(ctx), "to_uri"))


def to_uri_is_not_myself(ctx: Context) -> bool:
    uri = _parsed(ctx, _to(ctx), "to_uri")
    return uri is not None and not _is_our_user(ctx, uri)


# --- addresses -------------------------------------------------------------------------------------------------------


def source_in(ctx: Context, network: Network) -> bool:
    return network.contains(ctx.source.ip)


def destination_in(ctx: Context, network: Network) -> bool:
    return network.contains(ctx.socket.address.ip)


def source_is_myself(ctx: Context) -> bool:
    return ctx.world.sockets.is_myself(ctx.source.text, 0, 0)


def destination_is_myself(ctx: Context) -> bool:
    return ctx.world.sockets.is_myself(ctx.socket.address.text, 0, 0)


def source_is_host(ctx: Context, host: bytes) -> bool:
    """The source is `host`: by its text, by a look-up of the name, by a reverse look-up of the address."""
    return _is_host(ctx, ctx.source.ip, ctx.source.text, host)


def destination_is_host(ctx: Context, host: bytes) -> bool:
    """The receiving address is `host`: by its text, by a look-up of the name, by a reverse look-up of the address."""
    return _is_host(ctx, ctx.socket.address.ip, ctx.socket.address.text, host)


def _is_host(ctx: Context, ip: bytes, text: bytes, host: bytes) -> bool:
    if text == host:
        return True
    names = ctx.world.names
    if names.missing_ips(host, ctx.now_ms) is not None:
        ctx.wait(HostAddresses(names, host))
    if ip in names.ips_now(host, ctx.now_ms):
        return True
    if names.missing_names(ip, ctx.now_ms) is not None:
        ctx.wait(AddressNames(names, ip))
    return host.lower() in names.names_now(ip, ctx.now_ms)


def source_matches(ctx: Context, regex: Regex) -> bool:
    """The source's IP, or one of its names, matches."""
    return _matches(ctx, ctx.source.ip, ctx.source.text, regex)


def destination_matches(ctx: Context, regex: Regex) -> bool:
    """The receiving IP, or one of its names, matches."""
    return _matches(ctx, ctx.socket.address.ip, ctx.socket.address.text, regex)


def _matches(ctx: Context, ip: bytes, text: bytes, regex: Regex) -> bool:
    if regex.search(text):
        return True
    names = ctx.world.names
    if names.missing_names(ip, ctx.now_ms) is not None:
        ctx.wait(AddressNames(names, ip))
    for name in names.names_now(ip, ctx.now_ms):
        if regex.search(name):
            return True
    return False
