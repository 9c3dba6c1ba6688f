"""Databases as modules see them (runtime.routing.database), over the connections of this floor."""

from __future__ import annotations

import os
import time
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.asking import ANSWERED, LATE, Kind, Question
from runtime.routing.context import L_ERR, Context
from runtime.routing.database import DELETE, INSERT, UPDATE, Change, Condition, Database, DatabaseError, Row
from runtime.routing.ports import Log, Storage
from runtime.routing.world import World
from runtime.storage.answer import pack_answer, unpack_answer
from runtime.storage.connection import DEADLINE_MS, Connection, connect
from runtime.storage.errors import Late, Overloaded
from runtime.storage.glances import Glances
from runtime.storage.statement import Result, Statement, change, pack, question, unpack
from runtime.storage.telling import answer_text, statement_text
from runtime.storage.url import Url

# Runs of one process that may wait for the same database.
WAITING_MAX: Final = 10_000


@final
class StoredDatabase(Database):
    """The database of one URL. A statement with a Context waits for its turn in a `db` process, where there is one, unless a glance
    tells the answer; all others are done here and now."""

    def __init__(self, world: World, url: Url, deadline_ms: int = DEADLINE_MS) -> None:
        super().__init__()
        self.url: Final = url
        self._world: Final = world
        self._deadline_ms: Final = deadline_ms
        self._place: Final = _place_of(world, url)
        self._kind: Final = Kind(str(url), deadline_ms, WAITING_MAX)
        self._glances: Final = world.keep(f"glances at {url}", Glances, lambda: Glances(url, world.log))

    def query(
        self,
        ctx: Context | None,
        table: str,
        columns: tuple[str, ...],
        where: list[Condition],
        order: str = "",
        most: int = 0,
    ) -> list[Row]:
        return self._run(ctx, [question(table, columns, where, order, most)])[0].rows

    def insert(self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row) -> None:
        self.transaction(ctx, [Change(INSERT, table, columns, values, [])])

    def update(
        self, ctx: Context | None, table: str, columns: tuple[str, ...], values: Row, where: list[Condition]
    ) -> None:
        self.transaction(ctx, [Change(UPDATE, table, columns, values, where)])

    def delete(self, ctx: Context | None, table: str, where: list[Condition]) -> None:
        self.transaction(ctx, [Change(DELETE, table, (), [], where)])

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        if changes:
            self._run(ctx, [change(one) for one in changes])

    def insert_later(self, table: str, columns: tuple[str, ...], values: Row) -> None:
        world = self._world
        statements = [change(Change(INSERT, table, columns, values, []))]
        storage = world.storage
        if storage is not None:
            late = Insertion(self._kind, storage, self._place, pack(statements), table, world.log)
            if not world.asking.begin(late, time.monotonic_ns() // 1_000_000):
                late.is_lost("too many wait for the database already")
            return
        try:
            self._run(None, statements)
        except DatabaseError as e:
            world.log.write(L_ERR, f"ERROR: a row of table {table} is lost: {e}")

    def _run(self, ctx: Context | None, statements: list[Statement]) -> list[Result]:
        storage = self._world.storage
        if ctx is None or storage is None:
            return _DIRECT.connection(self.url, self._deadline_ms).run(statements)
        seen = self._glances.answer(statements)
        if seen is not None:
            number = self._world.asking.note(self._kind)
            if self._world.onlooker is not None:
                self._show(DatabaseQuestion(self._kind, storage, self._place, pack(statements)), number, ctx, seen)
            return [seen]
        question = DatabaseQuestion(self._kind, storage, self._place, pack(statements))
        answer = ctx.wait(question)
        if answer is None:
            if question.fate == LATE:
                raise Late(f"{self.url}: no answer within {self._deadline_ms} ms")
            raise Overloaded(f"{self.url}: {WAITING_MAX} messages wait for the database already")
        return unpack_answer(answer)

    def _show(self, question: DatabaseQuestion, number: int, ctx: Context, seen: Result) -> None:
        """To who watches, what would be shown of one that waits."""
        onlooker = self._world.onlooker
        if onlooker is not None:
            question.number = number
            onlooker.asked(question, ctx)
            question.answer = pack_answer([seen])
            question.fate = ANSWERED
            onlooker.answered(question, ctx)


def urls_of(world: World) -> list[Url]:
    """All databases of the server, by their places."""
    return [url for url in world.databases if isinstance(url, Url)]


def _place_of(world: World, url: Url) -> int:
    """The place of a database among those of the server, which it gets here if it has none."""
    for place, known in enumerate(urls_of(world)):
        if (str(known), known.password) == (str(url), url.password):
            return place
    if world.shared.is_closed:
        raise DatabaseError(f"{url} would be new: databases are opened at the start only")
    world.databases.append(url)
    return len(world.databases) - 1


class DatabaseQuestion(Question[bytes]):
    """Statements for the process that has the databases."""

    def __init__(self, kind: Kind, storage: Storage, place: int, data: bytes) -> None:
        super().__init__(kind)
        self._storage: Final = storage
        self._place: Final = place
        self._data: Final = data

    def asks(self) -> str:
        return "; ".join([statement_text(s) for s in unpack(self._data)])

    def tells(self) -> str:
        if self.answer is None:
            return ""
        try:
            return answer_text(unpack(self._data), unpack_answer(self.answer))
        except DatabaseError as e:
            return str(e)

    def ask(self, now_ms: i64) -> None:
        self._storage.ask(self.number, self._place, int(self.kind.deadline_ms), self._data)


class Insertion(DatabaseQuestion):
    """A row that is added while nobody waits for it."""

    def __init__(self, kind: Kind, storage: Storage, place: int, data: bytes, table: str, log: Log) -> None:
        super().__init__(kind, storage, place, data)
        self._table: Final = table
        self._log: Final = log

    def go_on(self, now_ms: i64) -> None:
        if self.answer is None:
            self.is_lost("no answer within the deadline; it may be there yet")
            return
        try:
            unpack_answer(self.answer)
        except DatabaseError as e:
            self.is_lost(str(e))

    def is_lost(self, why: str) -> None:
        self._log.write(L_ERR, f"ERROR: a row of table {self._table} is lost: {why}")


@final
class DirectConnections:
    """The connections of this process itself. They are closed before it forks: two processes cannot share one."""

    def __init__(self) -> None:
        self._open: Final[dict[tuple[str, str], Connection]] = {}
        self._watches_forks = False

    def connection(self, url: Url, deadline_ms: int) -> Connection:
        key = (str(url), url.password)
        known = self._open.get(key)
        if known is None:
            if not self._watches_forks:
                self._watches_forks = True
                os.register_at_fork(before=self.close)
            known = self._open[key] = connect(url, deadline_ms)
        return known

    def close(self) -> None:
        """All of them; the next statement opens them anew."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


_DIRECT: Final = DirectConnections()
