"""What tm keeps in a process, whatever program its transactions began with."""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.sip.message import Message
from runtime.sip.scan import DOT, write_reversed_hex
from runtime.sip.transit import MAGIC_COOKIE, ser_branch
from runtime.tx.layer import Layer

SLOTS: Final = 65536


@final
class Counters:
    """What the FIFO command t_stats tells: final replies sent upstream by class, and how many of all were made here."""

    def __init__(self) -> None:
        self.local: i64 = 0
        self.own_replies: i64 = 0
        self.completed: list[int] = [0] * 7

    def replied(self, status: i64, own: bool) -> None:
        if own:
            self.own_replies += 1
        if status >= 200:
            self.completed[status // 100 if status < 700 else 6] += 1


@final
class State:
    """`layer` holds the transactions. They are named with `first_label` and those that follow.

    `syn_branch` is the global parameter; it cannot change while the server runs, for names of transactions are made after it.
    """

    def __init__(self, layer: Layer, first_label: int, syn_branch: bool) -> None:
        self.layer: Final = layer
        self.counters: Final = Counters()
        # How many transactions each slot has had; a slot is the part of a key that branches show.
        self.slot_totals: Final[dict[int, int]] = {}
        self._syn_branch: Final = syn_branch
        self._label: i64 = first_label
        # Of Call-IDs that are made here: so that those of two runs differ.
        self._call_number: i64 = first_label << 24

    def new_id(self, key: i64, received: Message | None) -> bytes:
        """The middle of a new transaction's branches: slot and label, or of a received request with syn_branch=no slot and
        MD5."""
        slot: int = key & 0xFFFF
        self.slot_totals[slot] = self.slot_totals.get(slot, 0) + 1
        if received is not None and not self._syn_branch:
            return ser_branch(received)[len(MAGIC_COOKIE) : -len(b".0")]
        self._label = (self._label + 1) & 0xFFFFFFFF
        return local_id(slot, self._label)

    def named(self, slot: int, label: int) -> bytes:
        """The transaction that `name_of` calls so."""
        id = local_id(slot, label)
        # An MD5 that ends in zeros loses them when it is read as a number, its last digit the highest.
        return id if self._syn_branch else id.ljust(len(id.partition(b".")[0]) + 1 + 32, b"0")

    def next_call_number(self) -> int:
        self._call_number += 1
        return self._call_number


def local_id(slot: i64, label: i64) -> bytes:
    """The transaction with this slot and label, as the middle of its branches shows them."""
    out = BytesWriter()
    write_reversed_hex(out, slot)
    out.append(u8(DOT))
    write_reversed_hex(out, label)
    return out.getvalue()


def name_of(id: bytes) -> bytes:
    """A transaction as applications name it: slot and label in decimal, `slot:label`."""
    slot, _, label = id.partition(b".")
    return b"%d:%d" % (int(slot[::-1], 16), int(label[::-1], 16))


def slot_in(id: bytes) -> int:
    """The slot that the middle of a branch names."""
    return int(id.partition(b".")[0][::-1], 16)
