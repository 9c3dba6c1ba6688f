"""The table of who is where: one file of memory for all processes of a server. LMDB does the work.

Reading takes no lock. There is one writer at a time, in any process; what it commits is seen by all at once, and survives the death of
any process. The lock of a process that dies passes on.
"""

from __future__ import annotations

import mmap
import os
from typing import Any, Final, final

import lmdb
from mypy_extensions import i64

from runtime.modules.usrloc.folder import give
from runtime.modules.usrloc.journal import HEAD_BYTES, Journal, entry

_DATA_FILE: Final = "data.mdb"
_PAGE: Final = 4096
# No transaction of ours takes more new pages: see RECORD_LIMIT.
_MARGIN_BYTES: Final = 1 << 20
# Memory is taken from the system in pieces of this size.
_STEP_BYTES: Final = 1 << 20
# More processes than any server has.
_READERS_MAX: Final = 2048
_TABLES_MAX: Final = 64
# One with more of them is not used again: each program may want others.
_SPARE_TABLES: Final = 6
# Where LMDB's two meta pages have the number of the last page, in words of eight bytes (MDB_meta.mm_last_pg of LMDB 0.9).
_LAST_PAGES: Final = (17, 512 + 17)
# A key of LMDB may not be empty, and a user's name may.
_KEY_HEAD: Final = b"="

# The table of what is no user, behind all others.
COUNTERS: Final = -1

# Among the counters: number and end of the journal that is in use.
_JOURNAL: Final = b"journal"

# The longest record of a user. All contacts of a user have to fit into one reply.
RECORD_LIMIT: Final = 48 << 10
KEY_LIMIT: Final = 500


class StoreError(Exception):
    """The store cannot do it: `str()` is why, in a few words."""


@final
class Store:
    """Tables of records by keys, in `folder`, up to `limit` bytes in all. `owner`: user and group of the processes, -1: ours.

    The master makes the folder's files with `add_table`, before it forks; each process opens them when it first needs them.
    What is committed goes to a journal first, if there is one (`begin_journal`).
    """

    def __init__(self, folder: str, limit: int, owner: tuple[int, int] = (-1, -1)) -> None:
        self.folder: Final = folder
        self._owner: Final = owner
        self._limit: Final = max(limit, 2 * _MARGIN_BYTES)
        self._tables: list[bytes] = []
        self._env: Any = None
        self._dbs: list[Any] = []
        self._pid = 0
        self._txn: Any = None
        # What `look` looks at.
        self._view: Any = None
        self._file = -1
        self._reserved: i64 = 0
        # The file has grown to its limit: there is room only where records have gone.
        self._is_tight = False
        self._words: memoryview | None = None
        self.journal: Journal | None = None
        # What the writer has written, for the journal.
        self._entries: list[bytes] = []
        # Records that the writer has not put in yet, all of one table: together they cost a third less.
        self._puts: list[tuple[bytes, bytes]] = []
        self._puts_table = 0

    # --- opening -----------------------------------------------------------------------------------------------------

    def add_table(self, name: bytes) -> int:
        """The number of the table with this name. In the master only. Raises StoreError."""
        if name in self._tables:
            return self._tables.index(name)
        if len(self._tables) == _TABLES_MAX:
            raise StoreError(f"over {_TABLES_MAX} tables")
        self._tables.append(name)
        self._make()
        return len(self._tables) - 1

    def _make(self) -> None:
        """The files, with all that they have to have. In the master only. Raises StoreError."""
        self.close()
        try:
            self._open(True)
            give(self.folder, self._owner)
        except OSError as e:
            raise StoreError(str(e)) from e
        finally:
            # Who forks may not have it open.
            self.close()

    @property
    def tables(self) -> list[bytes]:
        """The names of all tables, by their numbers."""
        return self._tables

    def _open(self, create: bool = False) -> None:
        try:
            env = lmdb.open(
                self.folder,
                map_size=self._limit,
                # As few as there are: each look at the store makes room for all that there might be.
                max_dbs=len(self._tables) + 1,
                max_readers=_READERS_MAX,
                # Memory that is mapped is not in danger from our death, and from a power cut nothing saves it.
                sync=False,
                writemap=True,
                map_async=True,
                readahead=False,
                mode=0o600,
            )
            names = [*(b"=" + name for name in self._tables), b"counters"]
            self._dbs = [env.open_db(name, create=create) for name in names]
            env.reader_check()
            self._file = os.open(os.path.join(self.folder, _DATA_FILE), os.O_RDWR | os.O_CLOEXEC)
        except (lmdb.Error, OSError) as e:
            raise StoreError(str(e)) from e
        self._env = env
        self._pid = os.getpid()
        self._reserved = 0
        self._words = memoryview(mmap.mmap(self._file, 2 * _PAGE, prot=mmap.PROT_READ)).cast("Q")
        if self._last_page() != env.info()["last_pgno"]:
            # Another LMDB than we know: ask it each time, which is slow.
            self._words = None

    def close(self) -> None:
        """Let go of the files, which stay."""
        if self._env is not None and self._pid == os.getpid():
            self._env.close()
            os.close(self._file)
        self._forget_files()

    def is_for(self, limit: int) -> bool:
        """May who wants a store of this limit use it again?"""
        return self._limit == max(limit, 2 * _MARGIN_BYTES)

    def is_spare(self) -> bool:
        """May it be used again at all? Not where something was written down of it."""
        return self.journal is None and len(self._tables) < _SPARE_TABLES

    def empty(self) -> None:
        """All tables are as they were when they were made. For one process that has the store to itself. Raises StoreError."""
        self.look_away()
        self.abort()
        try:
            if self._env is None:
                self._open()
            with self._env.begin(write=True) as txn:
                for db in self._dbs:
                    txn.drop(db, False)
        except (lmdb.Error, OSError) as e:
            raise StoreError(str(e)) from e

    def _forget_files(self) -> None:
        self._env = None
        self._txn = None
        self._view = None

    def enter(self) -> None:
        """To be called where this process may have been forked by one that used the store: it needs a way of its own."""
        if self._env is not None and self._pid != os.getpid():
            # The parent's place among the readers is known by its process number, and so stays.
            self._env.close()
            os.close(self._file)
            self._forget_files()

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, table: int, key: bytes) -> bytes:
        """The record of this key, b"" if there is none. Raises StoreError."""
        try:
            if self._env is None:
                self._open()
            txn = self._env.begin()
            found: bytes | None = txn.get(_KEY_HEAD + key, None, self._dbs[table])
            txn.abort()
        except lmdb.Error as e:
            raise StoreError(str(e)) from e
        return b"" if found is None else found

    def look(self, table: int, key: bytes) -> bytes:
        """The same, in all as it was at the first look since the last `look_away`. Raises StoreError."""
        try:
            view = self._view
            if view is None:
                if self._env is None:
                    self._open()
                view = self._view = self._env.begin()
            found: bytes | None = view.get(_KEY_HEAD + key, None, self._dbs[table])
        except lmdb.Error as e:
            raise StoreError(str(e)) from e
        return b"" if found is None else found

    def look_away(self) -> i64:
        """The number of the last change that `look` has seen, -1 if nobody has looked."""
        view = self._view
        if view is None:
            return -1
        self._view = None
        number: int = view.id()
        view.abort()
        return number

    def count(self, table: int) -> int:
        """How many records the table has. Raises StoreError."""
        try:
            if self._env is None:
                self._open()
            with self._env.begin() as txn:
                entries: int = txn.stat(self._dbs[table])["entries"]
                return entries
        except lmdb.Error as e:
            raise StoreError(str(e)) from e

    def expired(self, table: int) -> int:
        """How many contacts of the table have expired. Raises StoreError."""
        return int(self.get(COUNTERS, b"%d" % table) or b"0")

    def add_expired(self, table: int, number: int) -> None:
        """Count what has expired; by the writer. Raises StoreError."""
        if number > 0:
            key = b"%d" % table
            self.write(COUNTERS, key, b"%d" % (int(self.read(COUNTERS, key) or b"0") + number))

    def part(self, table: int, after: bytes | None, most: int) -> list[tuple[bytes, bytes]]:
        """Up to `most` keys with their records, in order, from the first behind `after` (None: the very first). Raises StoreError.

        A walk through a table by such parts sees each record that stays, and holds up nobody.
        """
        found: list[tuple[bytes, bytes]] = []
        try:
            if self._env is None:
                self._open()
            with self._env.begin() as txn:
                cursor = txn.cursor(db=self._dbs[table])
                # The least key behind another is that with a zero byte behind it.
                there = cursor.first() if after is None else cursor.set_range(_KEY_HEAD + after + b"\0")
                while there and len(found) < most:
                    key, record = cursor.item()
                    found.append((key[1:], record))
                    there = cursor.next()
        except lmdb.Error as e:
            raise StoreError(str(e)) from e
        return found

    # --- writing -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Become the writer; waits for another one to end. Raises StoreError if there is no memory left."""
        try:
            if self._env is None:
                self._open()
            self._txn = self._env.begin(None, None, True)
            needed = (self._last_page() + 1) * _PAGE + _MARGIN_BYTES
            if needed > self._reserved:
                self._reserve(needed)
        except (lmdb.Error, OSError) as e:
            self.abort()
            raise StoreError(str(e)) from e

    def _last_page(self) -> i64:
        """How far the file is in use. It only grows, so the newer of the two meta pages has the larger number."""
        words = self._words
        if words is None:
            last: int = self._env.info()["last_pgno"]
            return last
        first: i64 = words[_LAST_PAGES[0]]
        second: i64 = words[_LAST_PAGES[1]]
        return first if first > second else second

    def _reserve(self, needed: i64) -> None:
        """Take memory from the system before it is written to: where there is none left, writing would kill the process."""
        target = min(self._limit, (needed // _STEP_BYTES + 1) * _STEP_BYTES)
        self._is_tight = target < needed
        if target > self._reserved:
            os.posix_fallocate(self._file, self._reserved, target - self._reserved)
            self._reserved = target

    def _check_room(self, table: int, key: bytes, record: bytes) -> None:
        """What there is may be changed and removed in a full store, too: only what makes it grow is refused."""
        found: bytes | None = self._txn.get(_KEY_HEAD + key, db=self._dbs[table])
        if found is None or len(found) < len(record):
            used = 0
            for db in self._dbs:
                pages = self._txn.stat(db)
                used += pages["branch_pages"] + pages["leaf_pages"] + pages["overflow_pages"]
            if used * _PAGE + _MARGIN_BYTES > self._limit:
                raise lmdb.MapFullError(f"the {self._limit >> 20} MB that contacts may take are full")

    def follows(self, number: i64) -> bool:
        """True if the writer's will be the first change behind that of this number, so that who saw that one has seen all."""
        own: int = self._txn.id()
        return number >= 0 and own == number + 1

    def read(self, table: int, key: bytes) -> bytes:
        """The record as the writer has it, b"" if there is none. Raises StoreError."""
        try:
            self._put_all()
            found: bytes | None = self._txn.get(_KEY_HEAD + key, None, self._dbs[table])
        except lmdb.Error as e:
            raise StoreError(str(e)) from e
        return b"" if found is None else found

    def write(self, table: int, key: bytes, record: bytes, lasting: bool = True) -> None:
        """Replace the record; b"" removes it. What is not `lasting` need not be written down: it would come about anew. Raises StoreError,
        maybe only in `commit`."""
        if self.journal is not None and lasting and table >= 0:
            self._entries.append(entry(self._tables[table], key, record))
        try:
            if len(record) == 0:
                self._put_all()
                self._txn.delete(_KEY_HEAD + key, db=self._dbs[table])
                return
            if self._puts_table != table or self._is_tight:
                self._put_all()
                self._puts_table = table
            if self._is_tight:
                self._check_room(table, key, record)
            self._puts.append((_KEY_HEAD + key, record))
        except lmdb.Error as e:
            raise StoreError(str(e)) from e

    def _put_all(self) -> None:
        """Put in what waits. Raises lmdb.Error."""
        puts = self._puts
        if len(puts) > 0:
            self._puts = []
            db = self._dbs[self._puts_table]
            # With defaults: duplicates do not matter, what is there is replaced, nothing is appended.
            if len(puts) == 1:
                key, record = puts[0]
                self._txn.put(key, record, True, True, False, db)
            else:
                self._txn.cursor(db).putmulti(puts)

    def commit(self) -> None:
        """What was written is there for all. Raises StoreError; then nothing of it is."""
        txn = self._txn
        began = -1
        try:
            # What does not fit is not written down either.
            self._put_all()
            if len(self._entries) > 0:
                began = self._write_down()
                self._put_all()
            self._txn = None
            txn.commit()
        except (lmdb.Error, OSError) as e:
            self.abort()
            raise StoreError(self._struck_out(str(e), began)) from e
        self._entries.clear()

    def abort(self) -> None:
        """Forget what was written, if the writer has not committed."""
        self._entries.clear()
        self._puts.clear()
        if self._txn is not None:
            self._txn.abort()
            self._txn = None

    # --- the journal -------------------------------------------------------------------------------------------------

    def begin_journal(self, journal: Journal, number: int) -> None:
        """From now on what is committed is in the journal as well, in its file `number`. In the master only. Raises StoreError."""
        self._make()
        self.begin()
        try:
            self.use_journal(number, 0)
            self.commit()
        finally:
            self.abort()
            self.close()
        self.journal = journal

    def journal_place(self) -> tuple[int, int]:
        """Number and end of the file that is in use, by the writer. Raises StoreError."""
        number, _, end = self.read(COUNTERS, _JOURNAL).partition(b" ")
        return int(number), int(end)

    def use_journal(self, number: int, end: int) -> None:
        """The next entry goes behind `end` of file `number`; by the writer. Raises StoreError."""
        self.write(COUNTERS, _JOURNAL, b"%d %d" % (number, end))

    def _write_down(self) -> int:
        """Where the entries begin in the journal. Raises OSError, StoreError."""
        journal = self.journal
        assert journal is not None
        number, end = self.journal_place()
        data = b"".join(self._entries)
        self.use_journal(number, end + len(data) + (HEAD_BYTES if end == 0 else 0))
        journal.append(number, end, data)
        return end

    def _struck_out(self, why: str, began: int) -> str:
        """What could not be committed shall not come up at the next start: it goes from the journal. Why that is so."""
        journal = self.journal
        if journal is not None and began >= 0:
            try:
                journal.cut(began)
            except OSError as e:
                # The next writer tries again.
                return f"{why}; and then {e}"
        return why
