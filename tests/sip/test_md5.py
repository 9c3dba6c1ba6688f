"""MD5 on RFC 1321's own texts, and beside hashlib's on all lengths around its blocks."""

from __future__ import annotations

import hashlib
import random

from runtime.sip.md5 import md5_hex

# RFC 1321 A.5.
SUITE = {
    b"": b"d41d8cd98f00b204e9800998ecf8427e",
    b"a": b"0cc175b9c0f1b6a831c399e269772661",
    b"message digest": b"f96b697d7cb7938d525a2f31aaf161d0",
    b"1234567890" * 8: b"57edf4a22be3c955ac49da2e2107b67a",
}


def test_the_texts_of_the_rfc() -> None:
    assert {text: md5_hex(text) for text in SUITE} == SUITE


def test_texts_of_all_lengths() -> None:
    chance = random.Random(1)
    for size in (*range(300), 4095, 4096, 70_000):
        text = chance.randbytes(size)
        assert md5_hex(text) == hashlib.md5(text).hexdigest().encode()
