"""usrloc: the table of who is where. Reference modules-main, chapter 5."""

from __future__ import annotations

import mmap
import time
from typing import Final, final

from runtime.modules.usrloc.arriving import STATES_BYTES
from runtime.modules.usrloc.batch import Batch
from runtime.modules.usrloc.commands import Commands
from runtime.modules.usrloc.expiring import Expiry
from runtime.modules.usrloc.folder import make_private_folder
from runtime.modules.usrloc.journal import JournalError
from runtime.modules.usrloc.keeping import Folder, Keep, open_keep
from runtime.modules.usrloc.locations import Locations, Table
from runtime.modules.usrloc.pacing import Pace
from runtime.modules.usrloc.rows import Columns, Rows
from runtime.modules.usrloc.store import Store, StoreError
from runtime.routing.command import Command
from runtime.routing.database import Database, DatabaseError, VersionUnknown, open_database, require_version
from runtime.routing.module import Module, ModuleError
from runtime.routing.port import Port
from runtime.routing.ports import L_ERR
from runtime.routing.prepared import CannotPrepare, Prepared
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.transport import Send
from runtime.spec.declare import Arg, ArgumentKind, ModuleSpec, integer_param, string_param, switch_param
from runtime.spec.params import READ_WRITE_URL, column_param, idle, seconds_param, url_param
from runtime.spec.values import BadArgument, Constant
from runtime.storage.errors import Unavailable

_MB: Final = 1 << 20
# db_mode: memory alone is 0.
WRITE_THROUGH: Final = 1
WRITE_BACK: Final = 2
# The database alone.
DIRECT: Final = 3
# How often the journal of kept contacts is looked after; each time a part of a snapshot is written.
_COMPACT_MS: Final = 1000
# Contacts on their way from a database that fails are tried again so often; in a month when all have come.
_RETRY_MS: Final = 1000
_NEVER_MS: Final = 30 * 86_400_000
# Of the tables location and aliases.
_VERSION: Final = 6
# What MySQL takes.
_TABLE_NAME_MAX: Final = 64


@final
class Usrloc(Module):
    """Keeps tables of contacts. `locations` is for other modules, from `bind` on."""

    locations: Locations

    def __init__(
        self,
        *,
        user_column: str = "username",
        domain_column: str = "domain",
        contact_column: str = "contact",
        expires_column: str = "expires",
        q_column: str = "q",
        callid_column: str = "callid",
        cseq_column: str = "cseq",
        method_column: str = "method",
        replicate_column: str = "replicate",
        state_column: str = "state",
        flags_column: str = "flags",
        user_agent_column: str = "user_agent",
        received_column: str = "received",
        db_url: str = READ_WRITE_URL,
        timer_interval: int = 60,
        db_mode: int = 0,
        use_domain: int = 0,
        desc_time_order: int = 0,
        max_memory: int = 4096,
        keep: str = "",
        rows_at_start: int = 20000,
    ) -> None:
        super().__init__("usrloc")
        self._columns: Final = Columns(
            user_column,
            contact_column,
            expires_column,
            q_column,
            callid_column,
            cseq_column,
            replicate_column,
            flags_column,
            state_column,
            user_agent_column,
            received_column,
            domain_column,
        )
        self._url: Final = db_url
        self._database: Database | None = None
        self.db_mode: Final = db_mode
        self.use_domain: Final = use_domain != 0
        self.desc_time_order: Final = desc_time_order != 0
        self.timer_interval: Final = timer_interval
        self._max_bytes: Final = max_memory * _MB
        self._keep: Final = keep
        self._rows_at_start: Final = rows_at_start
        # Contacts of a database cannot be loaded now, and that was logged.
        self._is_stuck = False

    def fixed(self) -> dict[str, object]:
        """Locations are kept as these say."""
        return {
            "db_url": self._url,
            "db_mode": self.db_mode,
            "use_domain": self.use_domain,
            "desc_time_order": self.desc_time_order,
            "max_memory": self._max_bytes // _MB,
            "keep": self._keep,
            "rows_at_start": self._rows_at_start,
        }

    def statistics(self) -> dict[str, int]:
        """How many users each table has: of the whole server, whichever process is asked."""
        locations = self.locations
        if locations.direct is not None:
            # That would be a question to the database.
            return {}
        locations.store.enter()
        try:
            return {f"users_{table.name.decode('latin-1')}": int(table.count()) for table in locations.tables}
        except StoreError:
            return {}

    def bind(self, world: World) -> None:
        self.locations = world.keep("usrloc", Locations, lambda: self._made(world))

    def _made(self, world: World) -> Locations:
        if world.shared.is_closed:
            raise ModuleError(
                "usrloc: locations are kept from the start only: it cannot be loaded while the server runs"
            )
        if self._keep and self.db_mode != 0:
            raise ModuleError(
                f"usrloc: keep is for contacts in memory alone, with db_mode 0: with db_mode {self.db_mode} the database keeps them"
            )
        rows: Rows | None = None
        if self.db_mode != 0:
            self._database = open_database(world, "usrloc", self._url)
            rows = Rows(self._database, self._columns, self.use_domain)
        store = self._store(world)
        keep = self._load_kept(world, store) if self._keep else None
        epoch_ms = (time.time_ns() - time.monotonic_ns()) // 1_000_000
        return Locations(
            *(
                store,
                Batch(store, world.asking.deferrals, world.bugs),
                world.log,
                epoch_ms,
                self.use_domain,
                self.desc_time_order,
            ),
            *(
                rows,
                self._arrivals(world),
                self._rows_at_start,
                self.db_mode == WRITE_BACK,
                keep,
                self.db_mode == DIRECT,
            ),
        )

    def _arrivals(self, world: World) -> mmap.mmap | None:
        may_come_later = self.db_mode in (WRITE_THROUGH, WRITE_BACK) and self._rows_at_start > 0
        return world.shared.take(STATES_BYTES, "usrloc") if may_come_later else None

    def _store(self, world: World) -> Store:
        """An empty one: that of a world that is over, if it fits."""
        spare = world.spares.get("usrloc")
        if isinstance(spare, Store) and spare.is_for(self._max_bytes):
            del world.spares["usrloc"]
            return spare
        try:
            return Store(make_private_folder(world.owner), self._max_bytes, world.owner)
        except OSError as e:
            raise ModuleError(f"usrloc: cannot make a folder for locations: {e}") from e

    def _load_kept(self, world: World, store: Store) -> Keep | None:
        """Have the contacts of the last time, and those of this time survive. None where nothing is to be changed."""
        path = world.path(self._keep)
        try:
            if world.only_checks:
                Folder(path, world.owner).check()
                return None
            return open_keep(path, world.owner, store, world.log)
        except (JournalError, StoreError) as e:
            raise ModuleError(f"usrloc: keep: {e}") from e

    def open_table(self, name: bytes) -> Table:
        """The table with this name, with what the database has. In the master only. Raises StoreError, DatabaseError, ModuleError."""
        if self._database is not None and self.locations.find_table(name) is None:
            self._check_version(self._database, name.decode("latin-1"))
        return self.locations.open_table(name)

    def _check_version(self, database: Database, table: str) -> None:
        """A database that is away keeps nobody from starting who has nothing to load from it. Raises ModuleError."""
        try:
            require_version(database, "usrloc", table, _VERSION)
        except VersionUnknown as e:
            if self.db_mode != DIRECT or not isinstance(e.reason, Unavailable):
                raise
            self.locations.log.write(L_ERR, f"ERROR: {e}: registrations and calls to users wait for it")

    def end(self) -> None:
        """What the database does not know yet is written."""
        if self.db_mode == WRITE_BACK:
            expiries = self._expiries()
            while self._expire(expiries, time.monotonic_ns() // 1_000_000, Pace(0)):
                pass
        if self.locations.keep is not None:
            self.locations.keep.leave()

    def timers(self) -> list[Timer]:
        """Expired contacts are removed by one process for all."""
        timers: list[Timer] = []
        if self.timer_interval != 0:
            timers.append(self._expiry_timer())
        if any([table.arrival is not None for table in self.locations.tables]):
            timers.append(self._arrival_timer())
        if self._keep:
            timers.append(Timer("usrloc: snapshots of kept contacts", _COMPACT_MS, self._compact))
        return timers

    def _arrival_timer(self) -> Timer:
        def bring(now_ms: int, sends: list[Send]) -> None:
            timer.due_ms = now_ms + self._bring()

        timer = Timer("usrloc: contacts of the database", _RETRY_MS, bring)
        return timer

    def _bring(self) -> int:
        """Have the next contacts of large tables come from the database; in how many ms this goes on."""
        locations = self.locations
        locations.store.enter()
        try:
            for table in locations.tables:
                if table.arrival is not None and not (table.arrival.work() and table.arrival.sweep()):
                    self._is_stuck = False
                    return 0
        except (StoreError, DatabaseError) as e:
            if not self._is_stuck:
                self._is_stuck = True
                locations.log.write(L_ERR, f"ERROR: usrloc: contacts of the database are still to come; retrying: {e}")
            return _RETRY_MS
        return _NEVER_MS

    def _compact(self, now_ms: int, sends: list[Send]) -> None:
        self.locations.store.enter()
        if self.locations.keep is not None:
            self.locations.keep.turn(now_ms)

    def _expiry_timer(self) -> Timer:
        expiries: list[Expiry] = []
        pace = Pace()

        def expire(now_ms: int, sends: list[Send]) -> None:
            if not expiries:
                expiries.extend(self._expiries())
            if self._expire(expiries, now_ms, pace):
                # What else has to be done is done, and then this goes on.
                timer.due_ms = now_ms

        timer = Timer("usrloc: expired contacts", self.timer_interval * 1000, expire)
        return timer

    def _expiries(self) -> list[Expiry]:
        """A way through each table, the first one last."""
        return [Expiry(table) for table in reversed(self.locations.tables)]

    def _expire(self, expiries: list[Expiry], now_ms: int, pace: Pace) -> bool:
        """Go on with the last of `expiries`, which goes when it is done; False when none is left."""
        locations = self.locations
        locations.store.enter()
        if expiries:
            try:
                is_over = expiries[-1].work(locations.now_s(now_ms), pace)
            except (StoreError, DatabaseError) as e:
                is_over = True
                shown = expiries[-1].table.name.decode("latin-1")
                locations.log.write(L_ERR, f"ERROR: usrloc: table {shown}: cannot write or remove contacts: {e}")
            if is_over:
                expiries.pop()
        return len(expiries) > 0

    def commands(self) -> list[Command]:
        return Commands(self.locations).all()


USRLOC: Final = Port("usrloc", Usrloc)


@final
class TableName(Prepared):
    """A table that ser.cfg names: it is made when the server starts."""

    table: Table

    def __init__(self, name: bytes) -> None:
        self.name: Final = name

    def prepare(self, world: World) -> None:
        usrloc = USRLOC.find(world)
        shown = self.name.decode("latin-1")
        if usrloc is None:
            raise CannotPrepare(f"the table {shown} is one of usrloc, which is not loaded")
        if world.shared.is_closed and usrloc.locations.find_table(self.name) is None:
            raise CannotPrepare(f"usrloc: the table {shown} would be new: tables are made at the start only")
        try:
            self.table = usrloc.open_table(self.name)
        except (StoreError, DatabaseError, ModuleError) as e:
            raise CannotPrepare(f"usrloc: cannot make the table {shown}: {e}") from e


def _table_name(text: str) -> Constant[TableName]:
    name = text.strip()
    if not name:
        raise BadArgument("the name of a location table is missing")
    if len(name) > _TABLE_NAME_MAX:
        raise BadArgument(f"the name of a location table has up to {_TABLE_NAME_MAX} characters")
    return Constant(TableName, (name.encode("latin-1"),), "TABLE", True)


_TABLE: Final = ArgumentKind[TableName]("location table", "the name of a location table", _table_name)


def table_name(name: str = "table") -> Arg[TableName]:
    """Name of one of usrloc's tables, such as "location"."""
    return Arg(name, _TABLE)


EXPORTS: Final = ModuleSpec(
    name="usrloc",
    implementation="runtime.modules.usrloc:Usrloc",
    summary="User locations, in memory and on request in a database; for registrar and others.",
    params=(
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("contact_column", "contact"),
        column_param("expires_column", "expires"),
        column_param("q_column", "q"),
        column_param("callid_column", "callid"),
        column_param("cseq_column", "cseq"),
        idle(column_param("method_column", "method", "Column for the method, which is never written.")),
        column_param("replicate_column", "replicate"),
        column_param("state_column", "state"),
        column_param("flags_column", "flags"),
        column_param("user_agent_column", "user_agent"),
        column_param("received_column", "received"),
        url_param(),
        seconds_param("timer_interval", 60, "Period of the search for expired contacts and of write-back.", usual=3600),
        integer_param("db_mode", 0, "0 memory alone, 1 write through, 2 write back, 3 database alone.", low=0, high=3),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
        switch_param("desc_time_order", 0, "Newest contacts first, whatever their q."),
        string_param("keep", None, "Folder where contacts survive a restart and a power cut. Not in SER."),
        integer_param("max_memory", 4096, "Most memory that contacts may take, in MB. Not in SER.", low=2),
        integer_param(
            "rows_at_start",
            20000,
            "A table of the database with more rows is loaded while the server answers; 0: all before it begins. Not in SER.",
            low=0,
            high=10_000_000,
        ),
    ),
    fifo_commands=("ul_stats", "ul_rm", "ul_rm_contact", "ul_dump", "ul_flush", "ul_add", "ul_show_contact"),
)
