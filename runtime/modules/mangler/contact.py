"""mangler's hidden Contacts: the whole address of a client in the user part of ours. Reference modules-more, A.2.8.

    sip:user:password@host:port;transport=x    sip:prefix*user*password*host*port*x@public

All six parts are always there, though they may be empty. The separator inside of user and password is written as %XX, which
SER did not do: its own answer to a user with a `*` in it cannot be decoded.
"""

from __future__ import annotations

from runtime.sip.uri import BadUri, SipUri


def encode(uri: SipUri, prefix: bytes, public: bytes, separator: bytes) -> bytes:
    """The hidden form; other parameters and headers are lost."""
    parts = [
        prefix,
        _escaped(uri.user(), separator),
        _escaped(uri.buf[uri.password_start : uri.password_end] if uri.password_start >= 0 else b"", separator),
        uri.host(),
        uri.buf[uri.port_start : uri.port_end] if uri.port_start >= 0 else b"",
        uri.param(b"transport") or b"",
    ]
    return b"".join([_scheme(uri.secure), separator.join(parts), b"@", public])


def decode(text: bytes, separator: bytes) -> bytes:
    """The URI that a hidden one stands for, with what follows behind our address. Raises BadUri. The prefix may be any."""
    secure = text[:5].lower() == b"sips:"
    if not secure and text[:4].lower() != b"sip:":
        raise BadUri("not a sip: or sips: uri", 0)
    hidden, at, public = text[5 if secure else 4 :].partition(b"@")
    parts = hidden.split(separator)
    if not at or len(parts) != 6:
        raise BadUri("not a hidden contact: it has not six parts", 0)
    _, user, password, host, port, transport = parts
    if len(host) == 0 or len(password) > 0 and len(user) == 0:
        raise BadUri("a hidden contact without a host, or with a password and no user", 0)
    out = [_scheme(secure), _unescaped(user, separator)]
    if len(password) > 0:
        out += [b":", _unescaped(password, separator)]
    if len(user) > 0:
        out.append(b"@")
    out.append(host)
    if len(port) > 0:
        out += [b":", port]
    if len(transport) > 0:
        out += [b";transport=", transport]
    semicolon = public.find(b";")
    question = public.find(b"?")
    rest = min(place for place in (semicolon, question, len(public)) if place >= 0)
    return b"".join(out) + public[rest:]


def _scheme(secure: bool) -> bytes:
    return b"sips:" if secure else b"sip:"


def _escaped(text: bytes, separator: bytes) -> bytes:
    return text.replace(separator, b"%%%02X" % separator[0])


def _unescaped(text: bytes, separator: bytes) -> bytes:
    return text.replace(b"%%%02X" % separator[0], separator)
