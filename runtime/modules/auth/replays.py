"""Which responses have been used, in memory that all processes share. RFC 7616 3.4, "nc"; 5.12, replay.

A response with a nonce-count is good for one request. Its repetition over UDP is that request again and passes for as long as there
are repetitions; anything else with the same response is a replay.

Where a bucket is full the response with the oldest nonce makes room, and the bucket remembers how old that was: a response that old is
refused from then on, for it may be the one that was forgotten. So nobody gets a used response accepted by filling the table; who is
refused for it gets a newer nonce.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.routing.lock_file import lock_file
from runtime.sip import headers
from runtime.sip.address import UDP, Address
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage
from runtime.sip.via import Via, parse_via

# A slot: 8 bytes that tell the response, 8 that tell the request, 8 that tell what of it stays at any hop, 4 the second of its first
# use, 4 the second in which the nonce expires (0: the slot is free). Behind the slots of a bucket, in 4 bytes: responses whose nonces
# expire up to this second may have been forgotten.
_SLOT_BYTES: Final = 32
SLOTS: Final = 8  # of a bucket
_FORGOTTEN: Final = SLOTS * _SLOT_BYTES
BUCKET_BYTES: Final = _FORGOTTEN + 4
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
    """A table of fixed size. `secret` decides which response belongs into which bucket: nobody can choose one.

    Buckets are changed under a lock of their file that ends with the process that holds it.
    """

    def __init__(self, memory: mmap.mmap, secret: bytes) -> None:
        self._memory: Final = memory
        self._secret: Final = secret
        self._buckets: Final[i64] = len(memory) // BUCKET_BYTES
        self._lock: Final = lock_file("auth")

    def take(self, ctx: Context, response: bytes, expires_s: int, now_s: int) -> bool:
        """Note that the request uses `response`, whose nonce expires at `expires_s`; False if another one has, or may have."""
        told = hashlib.blake2b(response, key=self._secret, digest_size=15).digest()
        key = told[:8]
        # Seven bytes: eight may not fit into an i64.
        number: i64 = int.from_bytes(told[8:], "big")
        bucket = number % self._buckets
        start = bucket * BUCKET_BYTES
        same = _request_of(ctx)
        call = _call_of(ctx)
        fcntl.lockf(self._lock, fcntl.LOCK_EX, 1, int(bucket))
        try:
            slots: bytes = self._memory[start : start + BUCKET_BYTES]
            place = _place_of(slots, key, now_s)
            if place >= 0:
                if now_s - _number(slots, place + _USED) > _REPETITIONS_S:
                    return False
                if slots[place + _SAME : place + _CALL] == same:
                    return True
                # Our own request comes back to us by another name: a spiral.
                return slots[place + _CALL : place + _USED] == call and _comes_from_us(ctx)
            forgotten_s = _number(slots, _FORGOTTEN)
            place = _place_for(slots, now_s)
            oldest_s = _number(slots, place + _EXPIRES)
            if oldest_s >= now_s:
                forgotten_s = max(forgotten_s, min(oldest_s, expires_s))
                end = start + BUCKET_BYTES
                self._memory[start + _FORGOTTEN : end] = int(forgotten_s).to_bytes(4, "big")
            if expires_s <= forgotten_s:
                return False
            at = start + place
            times = now_s.to_bytes(4, "big") + expires_s.to_bytes(4, "big")
            self._memory[at : at + _SLOT_BYTES] = b"".join([key, same, call, times])
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
    """8 bytes of what a request keeps until it comes back to us: who asks whom for what, and which client has sent it.

    Its Contact and its body are among it: a request that was edited on the way is another one.
    """
    msg = ctx.message
    pieces = [msg.value(record) for record in (msg.call_id, msg.cseq, msg.from_, msg.to)]
    for record in msg.headers:
        if headers.kind(record) == headers.CONTACT:
            pieces.append(msg.value(record))
    pieces.append(msg.body())
    pieces.extend(_client_of(ctx))
    whole = b"".join([b"%d:%s" % (len(piece), piece) for piece in pieces])
    return hashlib.blake2b(whole, digest_size=8).digest()


def _client_of(ctx: Context) -> tuple[bytes, bytes]:
    """The IP address that the request came to us from first, and the branch that it had then.

    Below our own Vias, which nobody but us can have put there, is one that we have given a `received` if its host was not the sender's.
    """
    msg = ctx.message
    if not _comes_from_us(ctx):
        return ctx.source.ip, _branch_of(msg, msg.via1)
    sockets = ctx.world.sockets
    for record in msg.headers:
        if headers.kind(record) != headers.VIA:
            continue
        at = headers.value_start(record)
        is_more = True
        while is_more:
            try:
                via = parse_via(msg.buf, at, headers.line_end(record))
            except BadMessage:
                return b"", b""
            host = msg.buf[via.host_start : via.host_end]
            if via.received_end > via.received_start >= 0:
                host = msg.buf[via.received_start : via.received_end]
            if not sockets.is_myself(host, via.port or 5060, 0):
                return _packed(host), _branch_of(msg, via)
            is_more = via.more
            at = via.end + 1
    return b"", b""


def _branch_of(msg: Message, via: Via | None) -> bytes:
    return b"" if via is None or via.branch_start < 0 else msg.buf[via.branch_start : via.branch_end]


def _packed(host: bytes) -> bytes:
    try:
        return Address.parse(host.decode("latin-1"), 0).ip
    except ValueError:
        return b""


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
    while place < _FORGOTTEN:
        if slots[place : place + 8] == key and _number(slots, place + _EXPIRES) >= now_s:
            return place
        place += _SLOT_BYTES
    return -1


def _place_for(slots: bytes, now_s: i64) -> i64:
    """A slot that nobody needs, else the one with the oldest nonce."""
    found: i64 = 0
    place: i64 = 0
    while place < _FORGOTTEN:
        expires = _number(slots, place + _EXPIRES)
        if expires < now_s:
            return place
        if expires < _number(slots, found + _EXPIRES):
            found = place
        place += _SLOT_BYTES
    return found


def _number(slots: bytes, at: i64) -> i64:
    value: i64 = 0
    end = at + 4
    while at < end:
        value = value * 256 + slots[at]
        at += 1
    return value
