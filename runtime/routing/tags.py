"""To tags of local replies. Reference modules-main, chapter 0.

A tag is a function of the request's topmost Via and of a secret of this server, so that retransmissions get the same one, any
worker knows the ACK for its neighbour's reply, and nobody else can guess it (RFC 3261 19.3).
"""

from __future__ import annotations

import hashlib
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.sip.message import Message
from runtime.sip.scan import keyed_hash, write_hex

# The first digits of a signature are shown in tags, the others are the key of what follows.
_SHOWN: Final = 16


def signature(name: bytes, first_address: bytes, secret: bytes) -> bytes:
    """32 hex digits that stand for this server; `name` is sl's or tm's own, `first_address` World.first_address(), `secret` World's."""
    return hashlib.md5(b"".join([secret, name, first_address]), usedforsecurity=False).hexdigest().encode("ascii")


def reply_tag(server: bytes, separator: bytes, msg: Message) -> bytes:
    """The 37 bytes of a tag: half a signature, the topmost Via under the key that is the other half, a separator, and as in SER the
    CRC of the Via in reversed hex, padded with zeros."""
    via = msg.via1
    assert via is not None
    buf = msg.buf
    branch = buf[via.branch_start : via.branch_end] if via.branch_start >= 0 else b""
    port = buf[via.port_start : via.port_end] if via.port_start >= 0 else b""
    own = b"".join([buf[via.host_start : via.host_end], b":", port, b";", branch])
    crc = _crc(0xFFFF, buf, via.host_start, via.host_end)
    crc = _crc(_crc(crc, port, 0, len(port)), branch, 0, len(branch))
    return _tag(server, own, separator, crc)


def _tag(server: bytes, own: bytes, separator: bytes, crc: i64) -> bytes:
    out = BytesWriter()
    out.write(server[:_SHOWN])
    write_hex(out, keyed_hash(server[_SHOWN:], own))
    out.write(separator)
    _write_digits(out, crc ^ 0xFFFF)
    return out.getvalue()


def stateless_tag(server: bytes, msg: Message) -> bytes:
    """The To tag of replies without a transaction; `server` is stateless_signature's."""
    return reply_tag(server, b".", msg)


def stateless_signature(first_address: bytes, secret: bytes) -> bytes:
    """Of replies without a transaction; sl absorbs the ACKs that they cause."""
    return signature(b"SER-stateless", first_address, secret)


def from_tag(server: bytes, call_id: bytes) -> bytes:
    """The From tag of a request that is made here: `server` is a signature; of one Call-ID it is always the same."""
    return _tag(server, call_id, b"-", _crc(0xFFFF, call_id, 0, len(call_id)))


def _write_digits(out: BytesWriter, value: i64) -> None:
    """The four last bytes of a tag: the least significant digit first."""
    left: i64 = 4
    while left > 0:
        digit = value & 15
        out.append(u8(digit + (48 if digit < 10 else 87)))
        value >>= 4
        left -= 1


def _crc(crc: i64, buf: bytes, start: i64, end: i64) -> i64:
    """CRC-16/X-25 (polynomial 0x8408 reflected), not yet complemented. What eight bits at a time come to is worked out by hand."""
    while start < end:
        byte: i64 = buf[start]
        low = (crc ^ byte) & 0xFF
        low ^= low << 4 & 0xFF
        crc = crc >> 8 ^ low << 8 ^ low << 3 ^ low >> 4
        start += 1
    return crc
