"""Texts of any length, one behind the other, each with its length in front."""

from __future__ import annotations

from librt.strings import BytesWriter, read_i64_le, write_i64_le
from mypy_extensions import i64


def packed_words(words: list[bytes]) -> bytes:
    out = BytesWriter()
    for word in words:
        write_i64_le(out, len(word))
        out.write(word)
    return out.getvalue()


def unpacked_words(packet: bytes, at: i64, end: i64) -> list[bytes]:
    """The words between these two places."""
    words: list[bytes] = []
    while at < end:
        size = read_i64_le(packet, at)
        at += 8
        words.append(packet[at : at + size])
        at += size
    return words
