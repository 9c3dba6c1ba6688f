"""The folder of `keep`: who has it, what is in it, and how it stays small."""

from __future__ import annotations

import fcntl
import os
import time
from typing import Final, final

from runtime.modules.usrloc.batch import Batch
from runtime.modules.usrloc.journal import (
    JOURNAL,
    SNAPSHOT,
    UNFINISHED,
    Journal,
    JournalError,
    JournalFile,
    entry,
    head,
)
from runtime.modules.usrloc.store import Store, StoreError
from runtime.modules.usrloc.syncing import Disk
from runtime.routing.context import Context
from runtime.routing.ports import L_ERR, L_INFO, L_WARN, Log

_LOCK: Final = "lock"
# The processes of a server that was killed need a moment to die.
_PATIENCE_S: Final = 3.0
_TRY_S: Final = 0.05
# Entries that are read in one go.
_TURN: Final = 5000
# A snapshot is made when the journals have grown by more than the last one is large, and by more than this.
_LEAST_BYTES: Final = 4 << 20
# After a failure.
_REST_S: Final = 60


@final
class Folder:
    """The folder at `path`, for one server. `owner`: user and group of its processes, -1: ours."""

    def __init__(self, path: str, owner: tuple[int, int]) -> None:
        self.path: Final = path
        self._owner: Final = owner
        self._lock = -1

    def take(self) -> None:
        """Make the folder, if there is none, and have it for this server and all its processes. Raises JournalError."""
        try:
            if not os.path.isdir(self.path):
                os.mkdir(self.path, 0o700)
                if self._owner != (-1, -1):
                    os.chown(self.path, *self._owner)
            self._check_rights()
            self._take_lock()
        except OSError as e:
            cure = f": make {os.path.dirname(self.path)} first" if isinstance(e, FileNotFoundError) else ""
            raise JournalError(f"{self.path}: {e.strerror}{cure}") from e

    def check(self) -> None:
        """Whether `take` could make or have the folder. It may be in use. Raises JournalError."""
        try:
            parent = os.path.dirname(self.path)
            if os.path.isdir(self.path):
                self._check_rights()
            elif os.path.lexists(self.path):
                raise JournalError(f"{self.path}: something else than a folder is there: name another one")
            elif not os.access(parent, os.W_OK | os.X_OK):
                raise JournalError(f"{self.path}: cannot be made in {parent}")
        except OSError as e:
            raise JournalError(f"{self.path}: {e.strerror}") from e

    def _check_rights(self) -> None:
        """The workers will make files here. Raises JournalError."""
        user, group = self._owner
        status = os.stat(self.path)
        if user in (-1, 0):
            allowed = os.access(self.path, os.R_OK | os.W_OK | os.X_OK)
        elif status.st_uid == user:
            allowed = status.st_mode & 0o700 == 0o700
        elif status.st_gid == group:
            allowed = status.st_mode & 0o070 == 0o070
        else:
            allowed = status.st_mode & 0o007 == 0o007
        if not allowed:
            who = f"user {user}, as whom the server runs" if user > 0 else "this user"
            cure = f": chown {user}:{group} {self.path}" if user > 0 else ""
            raise JournalError(f"{self.path}: {who}, may not write there{cure}")

    def _take_lock(self) -> None:
        """All processes of the server inherit the lock, and it is free when the last of them has ended."""
        lock = os.open(os.path.join(self.path, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until_s:
                    holder = os.pread(lock, 20, 0).decode("latin-1").strip()
                    os.close(lock)
                    raise JournalError(
                        f"{self.path} is in use by another server (pid {holder}): each server needs a folder of its own"
                    ) from None
            time.sleep(_TRY_S)
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        self._lock = lock

    def leave(self) -> None:
        """This process does not need it any more."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def files(self, kind: str) -> list[int]:
        """The numbers of the files of this kind, in order. Raises OSError."""
        names = [name.removeprefix(kind) for name in os.listdir(self.path) if name.startswith(kind)]
        return sorted([int(number) for number in names if number.isdecimal()])

    def file(self, kind: str, number: int) -> str:
        return os.path.join(self.path, f"{kind}{number}")


def load(folder: Folder, store: Store, log: Log) -> Journal:
    """Put everything that the folder has into the store, and begin a journal for what comes. In the master, before it forks. Raises
    JournalError, StoreError."""
    try:
        snapshots = folder.files(SNAPSHOT)
        journals = folder.files(JOURNAL)
        first = snapshots[-1] if snapshots else 0
        paths = [folder.file(SNAPSHOT, first)] if snapshots else []
        paths += [folder.file(JOURNAL, number) for number in journals if number >= first]
        for path in paths:
            _load_file(JournalFile(path), store, log)
    except OSError as e:
        raise JournalError(f"cannot read what was kept: {e}") from e
    journal = Journal(folder.path)
    # Never the same file again: what is broken in it stays behind everything.
    store.begin_journal(journal, max([first, *journals], default=0) + 1)
    return journal


def _load_file(file: JournalFile, store: Store, log: Log) -> None:
    count = 0
    store_numbers: dict[bytes, int] = {}
    is_writing = False
    try:
        for table, key, record in file.entries():
            number = store_numbers.get(table)
            if number is None:
                if is_writing:
                    store.commit()
                    is_writing = False
                number = store_numbers[table] = store.add_table(table)
            if not is_writing:
                store.begin()
                is_writing = True
            store.write(number, key, record)
            count += 1
            if count % _TURN == 0:
                store.commit()
                is_writing = False
        if is_writing:
            store.commit()
    finally:
        store.abort()
    if file.damaged:
        log.write(L_ERR, f"ERROR: usrloc: {file.path}: {file.damaged} bytes amid the contacts are damaged: left out")
    if file.torn:
        log.write(L_WARN, f"WARNING: usrloc: {file.path}: the last {file.torn} bytes were never finished: left out")
    log.write(L_INFO, f"INFO: usrloc: {count} entries of {file.path}")


@final
class Compactor:
    """Keeps the folder small: `turn` is called again and again by one process, and writes snapshots in short turns."""

    def __init__(self, folder: Folder, store: Store, journal: Journal, log: Log) -> None:
        self._folder: Final = folder
        self._store: Final = store
        self._journal: Final = journal
        self._log: Final = log
        # The snapshot that is being written: its number, file, the tables that are left and the last key of the first of them.
        self._number = 0
        self._fd = -1
        self._left: list[int] = []
        self._after: bytes | None = None
        self._rest_until_ms = 0

    def turn(self, now_ms: int) -> None:
        """Begin a snapshot, if one is due, or write a part of it."""
        if now_ms < self._rest_until_ms:
            return
        try:
            if self._fd < 0:
                if self._is_due():
                    self._begin()
            elif self._left:
                self._write_part()
            else:
                self._finish()
        except (OSError, StoreError) as e:
            self._give_up()
            self._rest_until_ms = now_ms + _REST_S * 1000
            self._log.write(L_ERR, f"ERROR: usrloc: cannot write a snapshot, next try in {_REST_S} s: {e}")

    def _is_due(self) -> bool:
        snapshots = self._folder.files(SNAPSHOT)
        size = os.stat(self._folder.file(SNAPSHOT, snapshots[-1])).st_size if snapshots else 0
        journals = [self._folder.file(JOURNAL, number) for number in self._folder.files(JOURNAL)]
        return sum([os.stat(path).st_size for path in journals]) > max(_LEAST_BYTES, size)

    def _begin(self) -> None:
        """What changes from now on goes into a new journal; then what there is can be written down while it changes."""
        store = self._store
        self._clean()
        for number in self._folder.files(JOURNAL)[-1:]:
            # So that there is little left to write while all others wait.
            self._sync_file(self._folder.file(JOURNAL, number))
        store.begin()
        try:
            number, end = store.journal_place()
            if end > 0:
                # Whoever waits for an entry in it, will hear of another file's fate.
                self._sync_file(self._folder.file(JOURNAL, number))
            store.use_journal(number + 1, 0)
            store.commit()
        finally:
            store.abort()
        self._number = number + 1
        path = self._folder.file(SNAPSHOT, self._number) + UNFINISHED
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        _write(self._fd, head())
        self._left = list(range(len(store.tables)))
        self._after = None

    def _clean(self) -> None:
        """Remove what a process did not finish."""
        for name in os.listdir(self._folder.path):
            if name.startswith(SNAPSHOT) and name.endswith(UNFINISHED):
                os.unlink(os.path.join(self._folder.path, name))

    def _sync_file(self, path: str) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def _write_part(self) -> None:
        table = self._left[0]
        part = self._store.part(table, self._after, _TURN)
        name = self._store.tables[table]
        _write(self._fd, b"".join([entry(name, key, record) for key, record in part]))
        # Little by little: a disk that is busy for long holds up the registrations.
        os.fdatasync(self._fd)
        if len(part) < _TURN:
            self._left.pop(0)
            self._after = None
        else:
            self._after = part[-1][0]

    def _finish(self) -> None:
        os.fsync(self._fd)
        path = self._folder.file(SNAPSHOT, self._number)
        os.rename(path + UNFINISHED, path)
        self._journal.sync_folder()
        os.close(self._fd)
        self._fd = -1
        for kind in (JOURNAL, SNAPSHOT):
            for number in self._folder.files(kind):
                if number < self._number:
                    os.unlink(self._folder.file(kind, number))

    def _give_up(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            os.unlink(self._folder.file(SNAPSHOT, self._number) + UNFINISHED)
        self._fd = -1


@final
class Keep:
    """A server's folder, in use."""

    def __init__(self, folder: Folder, compactor: Compactor, disk: Disk) -> None:
        self._folder: Final = folder
        self._compactor: Final = compactor
        self._disk: Final = disk

    def wait(self, ctx: Context | None, batch: Batch) -> None:
        """See Disk.wait."""
        self._disk.wait(ctx, batch)

    def turn(self, now_ms: int) -> None:
        """See Compactor.turn."""
        self._compactor.turn(now_ms)

    def leave(self) -> None:
        """The server ends."""
        self._folder.leave()


def open_keep(path: str, owner: tuple[int, int], store: Store, log: Log) -> Keep:
    """Take the folder at `path` for this server, and put what is in it into the store. In the master, before it forks. Raises JournalError,
    StoreError."""
    folder = Folder(path, owner)
    folder.take()
    try:
        journal = load(folder, store, log)
    except (JournalError, StoreError):
        folder.leave()
        raise
    return Keep(folder, Compactor(folder, store, journal, log), Disk(journal))


def _write(fd: int, data: bytes) -> None:
    """All of it. Raises OSError."""
    while data:
        data = data[os.write(fd, data) :]
