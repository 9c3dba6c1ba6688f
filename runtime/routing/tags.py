"""To tags of local replies. Reference modules-main, chapter 0.

A tag is a function of the request's topmost Via, so that retransmissions get the same one and any worker knows the ACK for its
neighbour's reply. One that can be of a dialog is a function of a secret of this server too: nobody else can guess it (RFC 3261 19.3).
That of a refusal is of no dialog, and is SER's own: it tells whoever reads a trace which server has refused.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.sip import methods
from runtime.sip.md5 import md5_hex
from runtime.sip.message import Message
from runtime.sip.scan import hash_with_key, write_hex

# The first digits of a signature are shown in tags, the others are the key of what follows.
_SHOWN: Final = 16


@final
class Signature:
    """What stands for this server in its tags: digits that are `shown` and the key of what follows them; `known` ones in those of refusals."""

    def __init__(self, digits: bytes, known: bytes) -> None:
        self.known: Final = known
        self.shown: Final = digits[:_SHOWN]
        self.key: Final = digits[_SHOWN:]


def signature(name: bytes, first_address: bytes, secret: bytes) -> Signature:
    """`name` is sl's or tm's own, `first_address` World.first_address(), `secret` World's."""
    return Signature(md5_hex(b"".join([secret, name, first_address])), md5_hex(name + first_address))


def reply_tag(server: Signature, separator: bytes, msg: Message, code: i64) -> bytes:
    """The 37 bytes of the tag of a reply `code` to `msg`: SER's signature, or where there can be a dialog half a signature and the
    topmost Via under the key that is the other half; a separator; and the CRC of the Via in reversed hex, padded with zeros.

    CANCEL has the tag of the refusal of its INVITE (RFC 3261 9.2).
    """
    via = msg.via1
    assert via is not None
    buf = msg.buf
    branch = buf[via.branch_start : via.branch_end] if via.branch_start >= 0 else b""
    port = buf[via.port_start : via.port_end] if via.port_start >= 0 else b""
    crc = _crc(0xFFFF, buf, via.host_start, via.host_end)
    crc = _crc(_crc(crc, port, 0, len(port)), branch, 0, len(branch))
    out = BytesWriter()
    if code >= 300 or msg.method == methods.CANCEL:
        out.write(server.known)
    else:
        _write_own(out, server, b"%s:%s;%s" % (buf[via.host_start : via.host_end], port, branch))
    _write_end(out, separator, crc)
    return out.getvalue()


def _write_own(out: BytesWriter, server: Signature, what: bytes) -> None:
    out.write(server.shown)
    write_hex(out, hash_with_key(server.key + what))


def _write_end(out: BytesWriter, separator: bytes, crc: i64) -> None:
    out.write(separator)
    _write_digits(out, crc ^ 0xFFFF)


def stateless_tag(server: Signature, msg: Message, code: i64) -> bytes:
    """The To tag of a reply `code` without a transaction; `server` is stateless_signature's."""
    return reply_tag(server, b".", msg, code)


def stateless_signature(first_address: bytes, secret: bytes) -> Signature:
    """Of replies without a transaction; sl absorbs the ACKs that they cause."""
    return signature(b"SER-stateless", first_address, secret)


def from_tag(server: Signature, call_id: bytes) -> bytes:
    """The From tag of a request that is made here: `server` is a signature; of one Call-ID it is always the same."""
    out = BytesWriter()
    _write_own(out, server, call_id)
    _write_end(out, b"-", _crc(0xFFFF, call_id, 0, len(call_id)))
    return out.getvalue()


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
