"""What tm keeps in a process, whatever program its transactions began with."""

from __future__ import annotations

import os
from typing import Final, final

from librt.strings import BytesWriter
from librt.vecs import vec
from mypy_extensions import i64, u8

from runtime.sip.message import Message
from runtime.sip.scan import DOT, write_reversed_hex
from runtime.sip.transit import MAGIC_COOKIE, ser_branch
from runtime.tx.layer import Layer

SLOTS: Final = 65536
_PAGE_BITS: Final[i64] = 8
_PAGE: Final[i64] = 256

_LABEL_SIZE: Final = 16
_MD5_SIZE: Final = 32
_CHANCE_BYTES: Final = 2048


@final
class Counters:
    """What the FIFO command t_stats tells: final replies sent upstream by class, and how many of all were made here or relayed."""

    def __init__(self) -> None:
        self.local: i64 = 0
        self.own_replies: i64 = 0
        self.relayed_replies: i64 = 0
        self.completed: list[int] = [0] * 7

    def replied(self, status: i64, own: bool) -> None:
        if own:
            self.own_replies += 1
        if status >= 200:
            self.completed[status // 100 if status < 700 else 6] += 1


@final
class Page:
    """Counts of some neighbouring slots."""

    def __init__(self) -> None:
        self.totals = vec[i64]([0] * int(_PAGE))


@final
class State:
    """`layer` holds the transactions. Their names cannot be guessed, with 64 random bits each or a MD5 of which a part is `secret`.

    `syn_branch` is the global parameter; it cannot change while the server runs, for names of transactions are made after it.
    """

    def __init__(self, layer: Layer, syn_branch: bool, secret: bytes) -> None:
        self.layer: Final = layer
        self.counters: Final = Counters()
        # How many transactions each slot has had; a slot is the part of a key that branches show.
        # Made as they are needed: a test file starts thousands of servers, and most see one call.
        self._pages: Final[list[Page | None]] = [None] * (SLOTS // int(_PAGE))
        self._syn_branch: Final = syn_branch
        self._secret: Final = secret
        # Random hex digits, and how many of them have been used.
        self._chance = b""
        self._used: i64 = 0

    def new_id(self, key: i64, received: Message | None) -> bytes:
        """The middle of a new transaction's branches: slot and label, or of a received request with syn_branch=no slot and
        MD5."""
        slot = key & 0xFFFF
        page = self._pages[slot >> _PAGE_BITS]
        if page is None:
            page = Page()
            self._pages[slot >> _PAGE_BITS] = page
        page.totals[slot & (_PAGE - 1)] += 1
        if received is not None and not self._syn_branch:
            return ser_branch(received, self._secret)[len(MAGIC_COOKIE) : -len(b".0")]
        return local_id(slot, self.random_label())

    def slot_totals(self) -> dict[int, int]:
        """How many transactions the slots have had that have had any."""
        found: dict[int, int] = {}
        for number, page in enumerate(self._pages):
            if page is not None:
                first = number * int(_PAGE)
                found.update({first + i: int(total) for i, total in enumerate(page.totals) if total > 0})
        return found

    def named(self, slot: int, label: int) -> bytes:
        """The transaction that `name_of` calls so."""
        # What ends in zeros loses them when it is read as a number, its last digit the highest.
        size = _LABEL_SIZE if self._syn_branch else _MD5_SIZE
        return local_id(slot, (b"%x" % label)[::-1].ljust(size, b"0"))

    def random_label(self) -> bytes:
        """64 random bits in hex. Asking the kernel for each alone would cost more than all else about a name."""
        if self._used == len(self._chance):
            self._chance = os.urandom(_CHANCE_BYTES).hex().encode("ascii")
            self._used = 0
        start = self._used
        self._used += _LABEL_SIZE
        return self._chance[start : self._used]


def local_id(slot: i64, label: bytes) -> bytes:
    """The transaction with this slot and label, as the middle of its branches shows them."""
    out = BytesWriter()
    write_reversed_hex(out, slot)
    out.append(u8(DOT))
    out.write(label)
    return out.getvalue()


def name_of(id: bytes) -> bytes:
    """A transaction as applications name it: slot and label in decimal, `slot:label`."""
    slot, _, label = id.partition(b".")
    return b"%d:%d" % (int(slot[::-1], 16), int(label[::-1], 16))


def slot_in(id: bytes) -> int:
    """The slot that the middle of a branch names."""
    return int(id.partition(b".")[0][::-1], 16)
