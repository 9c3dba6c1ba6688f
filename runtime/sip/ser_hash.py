"""SER's own hashes of texts. Reference core 6.4, modules-main, chapters 18, 20 and 24."""

from __future__ import annotations

from mypy_extensions import i64


def sum_of_words(text: bytes) -> i64:
    """What a text adds to a hash: its words of four bytes, the rest as a shorter one. The sum may have more than 32 bits.

    Bytes count as signed, as C's char does on SER's usual machines.
    """
    total: i64 = 0
    word: i64 = 0
    i: i64 = 0
    size: i64 = len(text)
    while i < size:
        c: i64 = text[i]
        word = word * 256 + (c - 256 if c > 127 else c)
        i += 1
        if i % 4 == 0:
            total += _mixed(word)
            word = 0
    return total + _mixed(word)


def _mixed(word: i64) -> i64:
    word &= 0xFFFFFFFF
    return word ^ (word >> 3)


def hash_of_sum(total: i64) -> i64:
    """The hash, 32 bits, of texts whose `sum_of_words` make this total."""
    total &= 0xFFFFFFFF
    return (total + (total >> 11) + (total >> 13) + (total >> 23)) & 0xFFFFFFFF


def table_slot(text: bytes) -> i64:
    """Where the tables of domains and of trusted peers have an entry, of 128 slots."""
    h: i64 = 0
    for c in text:
        h = (h * 31 + c) & 0xFFFFFFFF
    return h % 128
