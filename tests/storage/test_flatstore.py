"""flatstore: rows in files."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine import Lines
from script import Site, request

from runtime.storage.errors import Refused
from runtime.storage.flatstore import Flatstore
from runtime.storage.url import parse_url


def store(folder: Path, flushes: bool = True) -> tuple[Flatstore, list[int]]:
    rotations = [0]
    return Flatstore(parse_url(f"flatstore:{folder}"), Lines(), flushes, lambda: rotations[0]), rotations


def test_a_row_is_a_line(tmp_path: Path) -> None:
    db, _ = store(tmp_path)
    db.insert(None, "acc", ("a", "b", "c", "d"), [b"text", 7, 0.5, None])
    assert (tmp_path / "acc_1.log").read_bytes() == b"text|7|0.500000|\n"


def test_what_would_break_a_row_is_escaped(tmp_path: Path) -> None:
    db, _ = store(tmp_path)
    db.insert(None, "acc", ("a", "b"), [b"a|b\nc", b"\\"])
    assert (tmp_path / "acc_1.log").read_bytes() == b"a\\|b\\nc|\\\\\n"


def test_after_a_rotation_rows_go_into_a_new_file(tmp_path: Path) -> None:
    db, rotations = store(tmp_path)
    db.insert(None, "acc", ("a",), [1])
    os.rename(tmp_path / "acc_1.log", tmp_path / "old")
    db.insert(None, "acc", ("a",), [2])
    rotations[0] += 1
    db.insert(None, "acc", ("a",), [3])
    assert ((tmp_path / "old").read_bytes(), (tmp_path / "acc_1.log").read_bytes()) == (b"1\n2\n", b"3\n")


def test_each_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    for number in (1, 2):
        db, _ = store(tmp_path)
        db.insert(None, "acc", ("a",), [number])
    assert sorted(p.name for p in tmp_path.glob("*.log")) == ["acc_1.log", "acc_2.log"]


def test_without_flush_rows_wait_for_more(tmp_path: Path) -> None:
    db, rotations = store(tmp_path, flushes=False)
    db.insert(None, "acc", ("a",), [1])
    assert (tmp_path / "acc_1.log").read_bytes() == b""
    rotations[0] += 1
    db.insert(None, "acc", ("a",), [2])
    assert (tmp_path / "acc_1.log").read_bytes() == b"1\n"


def test_it_does_nothing_else(tmp_path: Path) -> None:
    db, _ = store(tmp_path)
    with pytest.raises(Refused):
        db.query(None, "acc", ("a",), [])


def test_a_row_that_is_lost_is_logged(tmp_path: Path) -> None:
    log = Lines()
    db = Flatstore(parse_url(f"flatstore:{tmp_path}/none"), log, True, lambda: 0)
    db.insert_later("acc", ("a",), [1])
    assert "a row of table acc is lost" in log.lines[0]


@contextmanager
def disk_of(limit: int) -> Iterator[None]:
    """No file grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_a_row_is_there_or_is_not(tmp_path: Path) -> None:
    db, _ = store(tmp_path)
    db.insert(None, "acc", ("a",), [b"before"])
    with disk_of(12):
        for _ in range(2):
            with pytest.raises(Refused, match="table acc: File too large"):
                db.insert(None, "acc", ("a",), [b"too much"])
        db.insert(None, "acc", ("a",), [b"fits"])
    db.insert(None, "acc", ("a",), [b"behind"])
    assert (tmp_path / "acc_1.log").read_bytes() == b"before\nfits\nbehind\n"


def test_rows_that_have_waited_for_a_full_disk_are_lost_whole_and_logged(tmp_path: Path) -> None:
    log = Lines()
    rotations = [0]
    db = Flatstore(parse_url(f"flatstore:{tmp_path}"), log, False, lambda: rotations[0])
    with disk_of(8):
        for number in (1000, 2000):
            db.insert(None, "acc", ("a",), [number])
        rotations[0] += 1
        db.insert(None, "acc", ("a",), [3])
    rotations[0] += 1
    db.insert(None, "acc", ("a",), [4])
    assert log.lines == ["ERROR: rows of table acc that have waited are lost: File too large"]
    assert (tmp_path / "acc_1.log").read_bytes() == b"3\n"


def test_rows_that_wait_do_so_for_a_second(tmp_path: Path) -> None:
    params = f'modparam("flatstore", "flush", 0) modparam("acc", "db_url", "flatstore:{tmp_path}")'
    site = Site(f'{params} route {{ acc_db_request("200 OK", "acc"); }}', "flatstore sl tm acc")
    site.say(request())
    assert (tmp_path / "acc_1.log").read_bytes() == b""
    (timer,) = site.engine.program.modules[0].timers()
    timer.body(site.now_ms + 1000, [])
    assert timer.period_ms == 1000 and not timer.once_per_server
    assert (tmp_path / "acc_1.log").read_bytes().count(b"\n") == 1
