"""flatstore: rows in files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine import Lines

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
