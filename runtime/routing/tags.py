"""To tags of local replies. Reference modules-main, chapter 0.

A tag is a function of the request's topmost Via and of this server, so that retransmissions get the same one and any
worker knows the ACK for its neighbour's reply.
"""

from __future__ import annotations

import hashlib

from mypy_extensions import i64

from runtime.sip.message import Message
from runtime.sip.transit import reversed_hex


def signature(name: bytes, first_address: bytes) -> bytes:
    """32 hex digits that stand for this server; `name` is sl's or tm's own, `first_address` World.first_address()."""
    return hashlib.md5(name + first_address, usedforsecurity=False).hexdigest().encode("ascii")


def reply_tag(server: bytes, separator: bytes, msg: Message) -> bytes:
    """The 37 bytes of a tag: signature, separator, CRC of the topmost Via in reversed hex, padded with zeros."""
    via = msg.via1
    assert via is not None
    crc: i64 = 0xFFFF
    crc = _crc(crc, msg.buf, via.host_start, via.host_end)
    if via.port_start >= 0:
        crc = _crc(crc, msg.buf, via.port_start, via.port_end)
    if via.branch_start >= 0:
        crc = _crc(crc, msg.buf, via.branch_start, via.branch_end)
    return server + separator + _digits(crc)


def stateless_tag(server: bytes, msg: Message) -> bytes:
    """The To tag of replies without a transaction; `server` is stateless_signature's."""
    return reply_tag(server, b".", msg)


def stateless_signature(first_address: bytes) -> bytes:
    """Of replies without a transaction; sl absorbs the ACKs that they cause."""
    return signature(b"SER-stateless", first_address)


def from_tag(server: bytes, call_id: bytes) -> bytes:
    """The From tag of a request that is made here: `server` is a signature; of one Call-ID it is always the same."""
    crc = _crc(0xFFFF, call_id, 0, len(call_id))
    return server + b"-" + _digits(crc)


def _digits(crc: i64) -> bytes:
    """The four last bytes of a tag."""
    return reversed_hex(int(crc ^ 0xFFFF)).ljust(4, b"0")


def _crc(crc: i64, buf: bytes, start: i64, end: i64) -> i64:
    """CRC-16/X-25 (polynomial 0x8408 reflected), not yet complemented."""
    while start < end:
        byte: i64 = buf[start]
        crc ^= byte
        bit: i64 = 0
        while bit < 8:
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
            bit += 1
        start += 1
    return crc
