"""Bytes that one process publishes and all read."""

from __future__ import annotations

import mmap
import os

from runtime.routing.published import Published


def test_the_newest_text_is_read_with_its_number() -> None:
    published = Published(mmap.mmap(-1, 4096))
    assert published.number() == 0
    for number, text in enumerate((b"one", b"", b"three" * 100), 1):
        assert published.publish(text)
        assert published.read() == (number, text)


def test_a_text_without_room_leaves_the_old_one() -> None:
    published = Published(mmap.mmap(-1, 4096))
    assert published.publish(b"x" * 2000)
    assert not published.publish(b"y" * 2050)
    assert published.read() == (1, b"x" * 2000)


def test_another_process_reads_what_is_published() -> None:
    published = Published(mmap.mmap(-1, 4096))
    child = os.fork()
    if child == 0:
        os._exit(0 if published.publish(b"from the child") else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert published.read() == (1, b"from the child")
