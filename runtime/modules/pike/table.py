"""How often each source has sent, in memory that all processes share. Reference modules-main, chapter 26."""

from __future__ import annotations

import mmap
from typing import Final, final

from mypy_extensions import i64

from runtime.sip.scan import hash_range, hash_start

OK: Final = 0
BLOCKED: Final = 1
NEWLY_BLOCKED: Final = 2

BUCKETS: Final = 4096
SLOTS: Final = 8  # of a bucket
SLOT_BYTES: Final = 32
BUCKET_BYTES: Final = SLOTS * SLOT_BYTES
_LIMIT: Final = 65535
# What stands before the four bytes of an IPv4 address.
_MAPPED: Final = bytes(10) + b"\xff\xff"

# A slot: 16 bytes address, 4 the period of the last request (0: the slot is free), 2 the level, 2 and 2 the requests in
# the period before and in this one.
_PERIOD: Final = 16
_LEVEL: Final = 20
_BEFORE: Final = 22
_NOW: Final = 24


@final
class Source:
    """What the table knows of an address, `ip` of 4 or 16 bytes: how many of them are measured (`level`), its requests in the period
    before and in this one, and in how many periods it is forgotten."""

    def __init__(self, ip: bytes, level: i64, before: i64, now: i64, periods_left: i64) -> None:
        self.ip: Final = ip
        self.level: Final = level
        self.before: Final = before
        self.now: Final = now
        self.periods_left: Final = periods_left


@final
class SourceTable:
    """A table of fixed size, 32,768 sources where `memory` has room for them: the one that is silent longest makes room for
    a new one.

    `limit` requests in a period are too many, also in the period before, and on the average of the two. As in SER's tree of
    addresses, a source is not measured at once: for every byte of its address but the first it must have sent `limit`/4 times
    within a period or two. Each process writes without a lock: two at the same time may lose a count, nothing else.
    """

    def __init__(self, limit: int, periods_kept: int, memory: mmap.mmap) -> None:
        self._limit: Final[i64] = limit
        self._quarter: Final[i64] = limit // 4
        self._kept: Final[i64] = periods_kept
        self._memory: Final = memory
        self._buckets: Final[i64] = len(self._memory) // BUCKET_BYTES

    def count(self, ip: bytes, period: i64) -> i64:
        """Count a request of `ip` (4 or 16 bytes) in the period of this number, from 1: OK, BLOCKED or NEWLY_BLOCKED.

        The latter once in a period, for the log.
        """
        key = ip if len(ip) == 16 else _MAPPED + ip
        start = hash_range(hash_start(), key, 0, 16) % self._buckets * BUCKET_BYTES
        bucket: bytes = self._memory[start : start + BUCKET_BYTES]
        place = _place_of(bucket, key)
        known = place >= 0
        if not known:
            place = _oldest(bucket)
        last = _number(bucket, place + _PERIOD, 4)
        before: i64 = 0
        now: i64 = 0
        level: i64 = 0
        if known and period - last <= self._kept:
            level = _number(bucket, place + _LEVEL, 2)
            if period == last:
                before = _number(bucket, place + _BEFORE, 2)
                now = _number(bucket, place + _NOW, 2)
            elif period == last + 1:
                before = _number(bucket, place + _NOW, 2)
        leaf: i64 = len(ip)
        now += 1
        verdict: i64 = OK
        if level == leaf:
            verdict = self._judge(before, now)
        elif level == 0:
            level = 1
        elif self._is_over(before, now, self._quarter):
            level += 1
            before = 0
            now = 0 if level == leaf else now - 1
        if now > _LIMIT:
            now = _LIMIT
        slot = b"".join([key, _packed(period, 4), _packed(level, 2), _packed(before, 2), _packed(now, 2)])
        self._memory[start + place : start + place + len(slot)] = slot
        return verdict

    def sources(self, period: i64) -> list[Source]:
        """Those that are not forgotten in the period of this number, by their addresses."""
        found: list[Source] = []
        memory: bytes = self._memory[:]
        place: i64 = 0
        while place < len(memory):
            last = _number(memory, place + _PERIOD, 4)
            if last != 0 and period - last <= self._kept:
                key = memory[place : place + 16]
                before = _number(memory, place + _BEFORE, 2)
                now = _number(memory, place + _NOW, 2)
                if period > last:
                    before = now if period == last + 1 else 0
                    now = 0
                ip = key[12:] if key[:12] == _MAPPED else key
                level = _number(memory, place + _LEVEL, 2)
                found.append(Source(ip, level, before, now, last + self._kept + 1 - period))
            place += SLOT_BYTES
        found.sort(key=_ip_of)
        return found

    def _is_over(self, before: i64, now: i64, limit: i64) -> bool:
        return before >= limit or now >= limit or (before + now) // 2 >= limit

    def _judge(self, before: i64, now: i64) -> i64:
        if not self._is_over(before, now, self._limit):
            return OK
        return BLOCKED if now > 1 and self._is_over(before, now - 1, self._limit) else NEWLY_BLOCKED


def _ip_of(source: Source) -> bytes:
    return source.ip


def _place_of(bucket: bytes, key: bytes) -> i64:
    """Where the slot of this address begins; -1 when it has none."""
    place: i64 = 0
    while place < BUCKET_BYTES:
        i: i64 = 0
        while i < 16 and bucket[place + i] == key[i]:
            i += 1
        if i == 16 and _number(bucket, place + _PERIOD, 4) != 0:
            return place
        place += SLOT_BYTES
    return -1


def _oldest(bucket: bytes) -> i64:
    """A free slot, or the one whose source has been silent longest."""
    found: i64 = 0
    oldest: i64 = _number(bucket, _PERIOD, 4)
    place: i64 = SLOT_BYTES
    while place < BUCKET_BYTES:
        period = _number(bucket, place + _PERIOD, 4)
        if period < oldest:
            found = place
            oldest = period
        place += SLOT_BYTES
    return found


def _number(bucket: bytes, at: i64, size: i64) -> i64:
    value: i64 = 0
    while size > 0:
        value = value * 256 + bucket[at]
        at += 1
        size -= 1
    return value


def _packed(value: i64, size: i64) -> bytes:
    return int(value).to_bytes(int(size), "big")
