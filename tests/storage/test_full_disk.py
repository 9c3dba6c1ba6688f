"""A disk that is full: what was answered with 200 is there, the rest is refused, calls go on, and all is well when there is room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from acceptance.conftest import Ser
from acceptance.test_kept_registrations import Phones, config_in, kill_all, started

from storage.test_registrations import config, made, users

# Enough for the tables, and for some users.
SIZE_KB = 6144
# By then a disk without room has been asked for some.
ROUNDS = 100


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own. Who may not make one skips."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k,mode=0755", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small file system can be made by root only, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def place(kind: str, mode: int, disk: Path, folder: Path) -> tuple[Path, str]:
    """A ser.cfg beside the small disk, which has what is to last; the URL of the database, "" without one."""
    if kind == "keep":
        return config_in(folder, f'modparam("usrloc", "keep", "{disk}/kept")'), ""
    url = made(f"{kind}://{disk}/database")
    return config(folder, url, mode), url


def refused_ones(server: Ser, phones: Phones) -> bool:
    for _ in range(ROUNDS):
        phones.register(server, 20, 20.0)
        if phones.refused:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mode"), [("keep", 0), ("sqlite", 1), ("sqlite", 3), ("dbtext", 1), ("dbtext", 3), ("sqlite", 2)]
)
def test_no_200_lies_and_calls_go_on(kind: str, mode: int, small_disk: Path, tmp_path: Path) -> None:
    file, url = place(kind, mode, small_disk, tmp_path)
    phones = Phones()
    server = started(tmp_path, file)
    try:
        phones.register(server, 20, 20.0)
        assert len(phones.answered) == 20, server.log.read_text()
        ballast = fill(small_disk)
        if mode != 2:
            assert refused_ones(server, phones), server.log.read_text()
        else:
            phones.register(server, 20, 20.0)
        assert phones.missing(server) == set(), server.log.read_text()
        ballast.unlink()
        before = len(phones.answered)
        phones.register(server, 20, 20.0)
        assert len(phones.answered) == before + 20, server.log.read_text()
        if mode == 2:
            assert server.terminate(20.0) == 0
        else:
            kill_all(server)
        assert not url or phones.answered <= users(url)
        server = started(tmp_path, file)
        assert phones.missing(server) == set(), server.log.read_text()
    finally:
        server.kill()
