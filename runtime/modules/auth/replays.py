"""Which responses have been used, in memory that all processes share. RFC 7616 3.4, "nc"; 5.12, replay.

A response with a nonce-count is good for one request. Its repetition over UDP is that request again and passes for as long as there
are repetitions; anything else with the same response is a replay.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import tempfile
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.sip import headers
from runtime.sip.address import UDP
from runtime.sip.scan import hash_range, hash_start

# A slot: 8 bytes of the response, 8 that tell the request, 8 that tell its transaction at any hop, 4 the second of its first use,
# 4 the second in which the nonce expires (0: the slot is free).
SLOT_BYTES: Final = 32
_SLOTS: Final = 8  # of a bucket
BUCKET_BYTES: Final = _SLOTS * SLOT_BYTES
_SAME: Final = 8
_CALL: Final = 16
_USED: Final = 24
_EXPIRES: Final = 28

# Repetitions of a request end after 64 times T1. RFC 3261 17.1.
_REPETITIONS_S: Final = 32

# What changes from hop to hop, and the credentials themselves.
_LEFT_OUT: Final = (
    headers.VIA,
    headers.MAX_FORWARDS,
    headers.ROUTE,
    headers.RECORD_ROUTE,
    headers.AUTHORIZATION,
    headers.PROXY_AUTHORIZATION,
)


@final
class Replays:
    """A table of fixed size. Where a bucket is full the response that was used longest ago makes room for a new one.

    Buckets are changed under a lock of their file that ends with the process that holds it.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory: Final = memory
        self._buckets: Final[i64] = len(memory) // BUCKET_BYTES
        self._lock: Final = tempfile.TemporaryFile()

    def take(self, ctx: Context, response: bytes, expires_s: int, now_s: int) -> bool:
        """Note that the request uses `response`, hex digits, whose nonce expires at `expires_s`; False if another one has."""
        key = bytes.fromhex(response[:16].decode("ascii"))
        # Seven bytes: all eight may not fit into an i64.
        number: i64 = int.from_bytes(key[1:], "big")
        bucket = number % self._buckets
        start = bucket * BUCKET_BYTES
        same = _request_of(ctx)
        call = _call_of(ctx)
        fcntl.lockf(self._lock, fcntl.LOCK_EX, 1, int(bucket))
        try:
            slots: bytes = self._memory[start : start + BUCKET_BYTES]
            place = _place_of(slots, key, now_s)
            if place >= 0:
                used_s = _number(slots, place + _USED)
                if slots[place + _SAME : place + _CALL] == same:
                    return now_s - used_s <= _REPETITIONS_S
                # Our own request comes back to us by another name: a spiral.
                return slots[place + _CALL : place + _USED] == call and _comes_from_us(ctx)
            at = start + _oldest(slots, now_s)
            times = now_s.to_bytes(4, "big") + expires_s.to_bytes(4, "big")
            self._memory[at : at + SLOT_BYTES] = b"".join([key, same, call, times])
            return True
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, int(bucket))


def _request_of(ctx: Context) -> bytes:
    """8 bytes that stand for who sent what: two requests of the same are one and its repetition."""
    msg = ctx.message
    buf = msg.buf
    pieces = [ctx.source.ip, buf[msg.start : msg.first_header]]
    for record in msg.headers:
        if headers.kind(record) not in _LEFT_OUT:
            pieces.append(buf[headers.line_start(record) : headers.line_end(record)])
    pieces.append(msg.body())
    return hashlib.blake2b(b"".join(pieces), digest_size=8).digest()


def _call_of(ctx: Context) -> bytes:
    """8 bytes of what a request keeps from hop to hop: Call-ID, CSeq and From."""
    msg = ctx.message
    value = hash_start()
    for record in (msg.call_id, msg.cseq, msg.from_):
        value = hash_range(value, msg.buf, msg.value_start(record), msg.value_end(record))
    return int(value).to_bytes(8, "big")


def _comes_from_us(ctx: Context) -> bool:
    """True if one of our own sockets has sent the request; over TCP, whose senders have other ports, our host."""
    source = ctx.source
    proto = ctx.socket.proto
    for socket in ctx.world.sockets.sockets:
        if socket.proto == proto and socket.address.ip == source.ip:
            if proto != UDP or socket.address.port == source.port:
                return True
    return False


def _place_of(slots: bytes, key: bytes, now_s: i64) -> i64:
    """Where the slot of this response begins; -1 when there is none, or its nonce has expired since."""
    place: i64 = 0
    while place < BUCKET_BYTES:
        if slots[place : place + 8] == key and _number(slots, place + _EXPIRES) >= now_s:
            return place
        place += SLOT_BYTES
    return -1


def _oldest(slots: bytes, now_s: i64) -> i64:
    """A slot that nobody needs, else the one that was used longest ago."""
    found: i64 = 0
    oldest: i64 = -1
    place: i64 = 0
    while place < BUCKET_BYTES:
        used = _number(slots, place + _USED)
        if _number(slots, place + _EXPIRES) < now_s:
            return place
        if oldest < 0 or used < oldest:
            found = place
            oldest = used
        place += SLOT_BYTES
    return found


def _number(slots: bytes, at: i64) -> i64:
    value: i64 = 0
    end = at + 4
    while at < end:
        value = value * 256 + slots[at]
        at += 1
    return value
