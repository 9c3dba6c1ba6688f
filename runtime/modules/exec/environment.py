"""The environment variables in which a command finds the message. Reference modules-main, chapter 23."""

from __future__ import annotations

import os
from typing import Final

from runtime.routing.context import Context
from runtime.sip import headers
from runtime.sip.md5 import md5_hex
from runtime.sip.message import Message
from runtime.sip.reply import to_tag_of
from runtime.sip.uri import BadUri, parse_uri

# Headers that have a compact form go by their long one, which for Call-ID is SER's own spelling.
_NAMES: Final[dict[int, bytes]] = {
    headers.VIA: b"VIA",
    headers.CONTENT_TYPE: b"CONTENT_TYPE",
    headers.FROM: b"FROM",
    headers.CALL_ID: b"CALLID",
    headers.SUPPORTED: b"SUPPORTED",
    headers.CONTENT_LENGTH: b"CONTENT_LENGTH",
    headers.CONTACT: b"CONTACT",
    headers.TO: b"TO",
    headers.EVENT: b"EVENT",
}
_LEGAL: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def environment_of(ctx: Context) -> dict[bytes, bytes]:
    """This process's environment with the variables SIP_… for the request.

    SIP_HF_NAME holds the values of all headers of a name, with commas between them. SIP_ORURI is the Request-URI as received,
    also under the name that SER misspelt, SIP_ORUI. SIP_USER and SIP_OUSER are missing where a URI cannot be parsed.
    """
    msg = ctx.message
    variables = dict(os.environb)
    for name, values in _header_values(msg).items():
        variables[b"SIP_HF_" + name] = b",".join(values)
    variables[b"SIP_SRCIP"] = ctx.source.text
    variables[b"SIP_RURI"] = ctx.uri()
    variables[b"SIP_ORURI"] = variables[b"SIP_ORUI"] = ctx.received_uri()
    for name, uri in ((b"SIP_USER", ctx.uri()), (b"SIP_OUSER", ctx.received_uri())):
        try:
            variables[name] = parse_uri(uri, 0, len(uri)).user()
        except BadUri:
            continue
    variables[b"SIP_TID"] = transaction_id(msg)
    variables[b"SIP_DID"] = to_tag_of(msg)
    # A peer may put a NUL anywhere; the kernel ends a variable there.
    return {name: value.replace(b"\0", b"") for name, value in variables.items()}


def _header_values(msg: Message) -> dict[bytes, list[bytes]]:
    """The headers' values by the names of their variables."""
    found: dict[bytes, list[bytes]] = {}
    for record in msg.headers:
        kind = headers.kind(record)
        if kind != headers.BROKEN:
            name = _NAMES.get(int(kind)) or _variable_name(msg.name(record))
            found.setdefault(name, []).append(msg.value(record))
    return found


def _variable_name(header: bytes) -> bytes:
    return bytes([c if c in _LEGAL else 95 for c in header.upper()])


def transaction_id(msg: Message) -> bytes:
    """32 hex digits, the same for all copies of a request and for no other request."""
    via = msg.via1
    branch = msg.buf[via.branch_start : via.branch_end] if via is not None and via.branch_start >= 0 else b""
    parts = (msg.from_, msg.to, msg.call_id, msg.cseq)
    text = b"\n".join([*[msg.value(record) for record in parts], msg.buf[msg.uri_start : msg.uri_end], branch])
    return md5_hex(text)
