"""To tags of local replies. Reference modules-main, chapter 0.

A tag is a function of the request's topmost Via and of a secret of this server, so that retransmissions get the same one, any
worker knows the ACK for its neighbour's reply, and nobody else can guess it (RFC 3261 19.3).
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.sip.md5 import md5_hex
from runtime.sip.message import Message
from runtime.sip.scan import hash_with_key, write_hex

# The first digits of a signature are shown in tags, the others are the key of what follows.
_SHOWN: Final = 16


@final
class Signature:
    """What stands for this server in its tags: digits that are `shown`, and the key of what follows them."""

    def __init__(self, digits: bytes) -> None:
        self.shown: Final = digits[:_SHOWN]
        self.key: Final = digits[_SHOWN:]


def signature(name: bytes, first_address: bytes, secret: bytes) -> Signature:
    """`name` is sl's or tm's own, `first_address` World.first_address(), `secret` World's."""
    return Signature(md5_hex(b"".join([secret, name, first_address])))


def reply_tag(server: Signature, separator: bytes, msg: Message) -> bytes:
    """The 37 bytes of a tag: half a signature, the topmost Via under the key that is the other half, a separator, and as in SER the
    CRC of the Via in reversed hex, padded with zeros."""
    via = msg.via1
    assert via is not None
    buf = msg.buf
    branch = buf[via.branch_start : via.branch_end] if via.branch_start >= 0 else b""
    port = buf[via.port_start : via.port_end] if via.port_start >= 0 else b""
    own = b"%s%s:%s;%s" % (server.key, buf[via.host_start : via.host_end], port, branch)
    crc = _crc(0xFFFF, buf, via.host_start, via.host_end)
    crc = _crc(_crc(crc, port, 0, len(port)), branch, 0, len(branch))
    return _tag(server, hash_with_key(own), separator, crc)


def _tag(server: Signature, own: i64, separator: bytes, crc: i64) -> bytes:
    out = BytesWriter()
    out.write(server.shown)
    write_hex(out, own)
    out.write(separator)
    _write_digits(out, crc ^ 0xFFFF)
    return out.getvalue()


def stateless_tag(server: Signature, msg: Message) -> bytes:
    """The To tag of replies without a transaction; `server` is stateless_signature's."""
    return reply_tag(server, b".", msg)


def stateless_signature(first_address: bytes, secret: bytes) -> Signature:
    """Of replies without a transaction; sl absorbs the ACKs that they cause."""
    return signature(b"SER-stateless", first_address, secret)


def from_tag(server: Signature, call_id: bytes) -> bytes:
    """The From tag of a request that is made here: `server` is a signature; of one Call-ID it is always the same."""
    return _tag(server, hash_with_key(server.key + call_id), b"-", _crc(0xFFFF, call_id, 0, len(call_id)))


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
