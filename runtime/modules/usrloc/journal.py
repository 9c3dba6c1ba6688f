"""The journal of `keep`: what has been changed, in files that outlive the server and a power cut.

A file is a head and then entries, each of them the whole record of one user as it is from then on (none: the user is gone), so that
reading an entry twice does no harm, and one that is lost spoils no other. Each entry begins with a mark and has a checksum: what a
power cut has left of the last ones is told from what is whole.

`journal.N` has the changes since N began, `snapshot.N` all that was there by then; who reads takes the last snapshot and then all
journals from its number on.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc import record as records

JOURNAL: Final = "journal."
SNAPSHOT: Final = "snapshot."
# What is being written, and counts for nothing until it is whole.
UNFINISHED: Final = ".new"

# Of the files as such; the records in them have a version of their own. A change of either is another format.
_FORMAT: Final = 1
_TITLE: Final = b"SER locations, format "
_VERSION: Final = b"%d.%d" % (_FORMAT, records.VERSION)
_TEXT_BYTES: Final = 36
HEAD_BYTES: Final = 40

_MARK: Final = b"\xf5UL\n"
# Mark, checksum, length of the body.
_ENTRY: Final = struct.Struct("<4sII")
_ENTRY_BYTES: Final = 12
# Lengths of the table's name and of the key, which the body begins with.
_LENGTHS: Final = struct.Struct("<BH")
_LENGTHS_BYTES: Final = 3
# Longer than any body of ours.
_BODY_MAX: Final = 1 << 18
_CHUNK: Final = 1 << 16


class JournalError(Exception):
    """Files of a journal cannot be used: `str()` is why, for the administrator."""


def head() -> bytes:
    """What a file begins with: what it is, in words, and their checksum."""
    text = (_TITLE + _VERSION).ljust(_TEXT_BYTES - 1) + b"\n"
    return text + struct.pack("<I", zlib.crc32(text))


def entry(table: bytes, key: bytes, record: bytes) -> bytes:
    """The entry for the record of a user; b"" where the user is gone."""
    body = b"".join([_LENGTHS.pack(len(table), len(key)), table, key, record])
    # The length is part of what the checksum is about: it begins with it.
    return _ENTRY.pack(_MARK, zlib.crc32(body, len(body)), len(body)) + body


@final
class JournalFile:
    """A file that was written by a server before. `damaged` and `torn` count, once all is read, the bytes that are nothing: amid entries,
    and behind the last one, as a power cut leaves them."""

    def __init__(self, path: str) -> None:
        self.path: Final = path
        self.damaged = 0
        self.torn = 0

    def entries(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Table, key and record of each, in their order. Raises JournalError for a file of another version, OSError."""
        with open(self.path, "rb", buffering=1 << 20) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(HEAD_BYTES)
            at = HEAD_BYTES if self._is_whole(start) else 0
            file.seek(at)
            bad = 0
            while at < size:
                body = _body(file.read(_ENTRY_BYTES), file.read)
                if body is None:
                    following = self._next_mark(at + 1, size)
                    bad += following - at
                    at = following
                    file.seek(at)
                    continue
                self.damaged += bad
                bad = 0
                at += _ENTRY_BYTES + len(body)
                names, key_length = _LENGTHS.unpack_from(body)
                key_start = _LENGTHS_BYTES + names
                yield body[_LENGTHS_BYTES:key_start], body[key_start : key_start + key_length], body[
                    key_start + key_length :
                ]
            self.torn = bad

    def _is_whole(self, start: bytes) -> bool:
        """False for a head that is damaged, or was never finished. Raises JournalError."""
        text = start[:_TEXT_BYTES]
        if len(start) < HEAD_BYTES or start[_TEXT_BYTES:] != struct.pack("<I", zlib.crc32(text)):
            return False
        if text != head()[:_TEXT_BYTES]:
            found = text.removeprefix(_TITLE).strip().decode("latin-1")
            raise JournalError(
                f"{self.path} was written by another version of the server: it has format {found}, "
                f"and this version knows {_VERSION.decode()} alone"
            )
        return True

    def _next_mark(self, at: int, size: int) -> int:
        """Where the next entry may begin; `size` if nowhere."""
        with open(self.path, "rb") as file:
            while at < size:
                file.seek(at)
                chunk = file.read(_CHUNK)
                found = chunk.find(_MARK)
                if found >= 0:
                    return at + found
                if len(chunk) < _CHUNK:
                    break
                # A mark may lie across the border.
                at += len(chunk) - len(_MARK) + 1
        return size


def _body(start: bytes, read: Callable[[int], bytes]) -> bytes | None:
    """The body of the entry that begins so, None if it is none, or not whole."""
    if len(start) < _ENTRY_BYTES:
        return None
    mark, checksum, length = _ENTRY.unpack(start)
    if mark != _MARK or not _LENGTHS_BYTES <= length <= _BODY_MAX:
        return None
    body = read(length)
    if len(body) < length or zlib.crc32(body, length) != checksum:
        return None
    names, key_length = _LENGTHS.unpack_from(body)
    return body if _LENGTHS_BYTES + names + key_length <= length else None


@final
class Journal:
    """The journal that this process writes to, in `folder`. Each process opens it for itself, when it first needs it.

    Who writes is the one writer of the store (Store.begin). Which file is in use and how far is said there, too, so that what a
    process has written that died before it was done is not taken for a part of the journal.
    """

    def __init__(self, folder: str) -> None:
        self.folder: Final = folder
        self._fd = -1
        self._pid = 0
        self._number: i64 = -1

    def path(self, number: i64) -> str:
        return os.path.join(self.folder, f"{JOURNAL}{number}")

    def append(self, number: i64, end: i64, entries: bytes) -> None:
        """Write entries behind `end` of file `number`, with a head before them where `end` is 0. Raises OSError; then nothing is written.
        It is not on the disk yet: see `sync`."""
        fd = self._opened(number)
        status = os.fstat(fd)
        if status.st_nlink == 0:
            raise OSError(errno.ENOENT, "the file has been removed under the running server", self.path(number))
        if status.st_size != end:
            # Somebody has died while writing, before it was kept.
            os.ftruncate(fd, end)
        data = head() + entries if end == 0 else entries
        try:
            written = os.pwrite(fd, data, end)
            if written < len(data):
                # Of a full disk the next try tells the reason.
                written += os.pwrite(fd, data[written:], end + written)
            if written < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path(number))
        except OSError:
            self.cut(end)
            raise
        if end == 0:
            self.sync_folder()

    def cut(self, end: i64) -> None:
        """What was appended behind `end` shall not be there. Raises OSError."""
        os.ftruncate(self._fd, end)

    def sync(self) -> None:
        """Return when all that this process has appended is on the disk. May be called by a thread. Raises OSError."""
        os.fdatasync(self._fd)

    def sync_folder(self) -> None:
        """What was made, renamed and removed in the folder is on the disk. Raises OSError."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _opened(self, number: i64) -> int:
        if self._number != number or self._pid != os.getpid():
            fresh = os.open(self.path(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if self._fd < 0 or self._pid != os.getpid():
                # The parent's, if any, is the parent's: its errors, too.
                self._fd = fresh
            else:
                # A thread may be about to use it.
                os.dup2(fresh, self._fd, False)
                os.close(fresh)
            self._pid = os.getpid()
            self._number = number
        return self._fd

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._number = -1
