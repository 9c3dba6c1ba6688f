"""What msilo reads of a MESSAGE, and the texts that it sends."""

from __future__ import annotations

import time
from typing import Final, final

from runtime.routing.context import Context
from runtime.routing.destination import plain_host
from runtime.sip.contacts import all_contacts
from runtime.sip.scan import BadMessage, decimal
from runtime.sip.uri import BadUri, SipUri, parse_uri

PLAIN: Final = b"text/plain"
# A text that would be longer with the line about its time goes without.
_BODY_MAX: Final = 1024
# What may not stand in a URI without angle brackets around it. RFC 3261 20.
_NEEDS_BRACKETS: Final = b";?,"
_CPIM: Final = b"message/cpim"


class CannotStore(Exception):
    """The message is none that is kept: `str()` says why."""


@final
class Owner:
    """Whose message it is."""

    def __init__(self, uri: SipUri) -> None:
        self.user: Final = uri.user()
        self.domain: Final = domain_of(uri)


def domain_of(uri: SipUri) -> bytes:
    """The domain as rows have it: a user is the same in every spelling."""
    host = plain_host(uri.host())
    return b"[%s]" % host if b":" in host else host


ORIGINAL_URI: Final = 1
TO: Final = 2


def owner_of(ctx: Context, recipient: int) -> Owner:
    """The user of the current Request-URI (0), of the original one (1) or of To (2); where a URI is nobody's, which one at an IP
    address of others is, the next one counts. Raises CannotStore."""
    if recipient < ORIGINAL_URI and ctx.new_uri is not None:
        found = _somebody(ctx.new_uri)
        if found is not None and _is_domain(ctx, found.domain):
            return found
    if recipient < TO:
        found = _somebody(ctx.received_uri())
        if found is not None and _is_domain(ctx, found.domain):
            return found
    found = _somebody(ctx.to_uri())
    if found is None:
        raise CannotStore("To has no user")
    return found


def _somebody(text: bytes) -> Owner | None:
    try:
        uri = parse_uri(text, 0, len(text))
    except BadUri:
        return None
    return Owner(uri) if len(uri.user()) > 0 else None


def _is_domain(ctx: Context, host: bytes) -> bool:
    """False for where a phone is: an IP address that is not ours. SER takes ours for a phone's, too, so that To, which anybody writes, counts."""
    return not _is_ip(host) or ctx.world.sockets.is_myself(host, 0, 0)


def _is_ip(host: bytes) -> bool:
    return host.startswith(b"[") or (host.count(b".") == 3 and host.replace(b".", b"").isdigit())


def body_of(ctx: Context) -> bytes:
    """The text of the message; bytes beyond Content-Length are no part of it (RFC 3261, 18.3).

    Raises CannotStore where it has none, or no Content-Length.
    """
    msg = ctx.message
    if msg.content_length == 0:
        raise CannotStore("no Content-Length")
    size = decimal(msg.buf, msg.value_start(msg.content_length), msg.value_end(msg.content_length))
    body = msg.body() if size < 0 else msg.body()[:size]
    if len(body) == 0:
        raise CannotStore("the body is empty")
    return body


def content_type_of(ctx: Context) -> bytes:
    """What is kept as the type: that of the header without its parameters. A text in CPIM is a text. Raises CannotStore.

    A body of no type is nothing that could be delivered: RFC 3261 20.15.
    """
    msg = ctx.message
    value = b"" if msg.content_type == 0 else msg.value(msg.content_type).partition(b";")[0].strip()
    if b"/" not in value:
        raise CannotStore("no type in Content-Type")
    return PLAIN if value.lower() in (PLAIN, _CPIM) else value


def expires_of(ctx: Context) -> int | None:
    """The number in the Expires header, None without one; 0 where it is no number."""
    i = ctx.message.find_header(b"expires")
    if i < 0:
        return None
    text = ctx.message.value(ctx.message.headers[i]).strip()
    return int(text[:9]) if text.isdigit() else 0


def contact_of(ctx: Context) -> bytes:
    """The first sip: URI in Contact, b"" where there is none."""
    try:
        contacts = all_contacts(ctx.message)
    except BadMessage:
        return b""
    if len(contacts) == 0:
        return b""
    uri = ctx.message.buf[contacts[0].uri_start : contacts[0].uri_end]
    return uri if uri[:4].lower() == b"sip:" else b""


def header_lines(to: bytes, sender: bytes, type: bytes) -> bytes:
    """The headers of a message from `sender`, who stands in Contact as well."""
    return b"To: %s\r\nFrom: %s\r\nContent-Type: %s\r\nContact: <%s>;msilo=yes\r\n" % (
        _shown(to),
        _shown(sender),
        type,
        sender,
    )


def _shown(uri: bytes) -> bytes:
    """A URI as a header's value: bare, as SER has it, where that means the same."""
    return b"<" + uri + b">" if any([byte in _NEEDS_BRACKETS for byte in uri]) else uri


def offline_note(to: bytes) -> bytes:
    """What the sender is told."""
    return b"User [%s] is offline. The message will be delivered when user goes online." % to


def delivered_body(body: bytes, type: bytes, stored_s: int) -> bytes:
    """The text with the time of its arrival before it, as far as that fits. What is no plain text stays as it is."""
    if type.lower() != PLAIN:
        return body
    text = b"[Offline message - %s] %s" % (time.ctime(stored_s).encode("ascii"), body)
    return body if len(text) > _BODY_MAX else text
