"""What a server does, as a text: a ser.cfg, what happens to it, and everything that can be seen of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from engine import Names, where
from script import Asked
from tables import URL, Tables, TablesDriver, TableSite

from runtime.modules.tm import Tm
from runtime.routing.context import Context
from runtime.routing.database import Change, Condition, Database, Driver, Row, Value
from runtime.routing.module import Module
from runtime.sip.transport import Send

# What a test uses in the place of a renamed table.
OTHER: Final = "other"
OTHER_URL: Final = "dbtext:///other"
CALLEE: Final = 5090

Records = list[dict[str, Value]]
T = TypeVar("T")


@dataclass(frozen=True)
class Effect:
    """Without the parameter, `module.name`, `seen` shows `usual`; with this value it shows `changed`, which it does not without.

    `usual` "" is nothing: then `changed` is new. `changed` "" is nothing: then `usual` is gone.
    """

    parameter: str
    value: int | str
    seen: Callable[[str], str]
    usual: str = ""
    changed: str = ""

    @property
    def line(self) -> str:
        module, _, name = self.parameter.partition(".")
        value = self.value if isinstance(self.value, int) else f'"{self.value}"'
        return f'modparam("{module}", "{name}", {value})\n'


class Told(Tables):
    """Tables that tell what they are asked; a table called OTHER has every version that is needed."""

    def __init__(self, told: list[str], tables: dict[str, Records], version: int) -> None:
        super().__init__(**{name: [dict(row) for row in rows] for name, rows in tables.items()})
        self.told = told
        self.tables["version"].append({"table_name": OTHER.encode(), "table_version": version})

    def _tell(
        self, what: str, table: str, columns: tuple[str, ...], values: Row | None, where: list[Condition]
    ) -> None:
        shown = columns if values is None else [f"{c}={v!r}" for c, v in zip(columns, values, strict=True)]
        conditions = [f"{c.column}{c.operator}{c.value!r}" for c in where]
        self.told.append(f"{what} {table}: {' '.join(shown)} where {' '.join(conditions)}")

    def query(
        self,
        ctx: Context | None,
        table: str,
        columns: tuple[str, ...],
        where: list[Condition],
        order: str = "",
        most: int = 0,
    ) -> list[Row]:
        self._tell("query", table, columns, None, where)
        self.told[-1] += f" by {order}" if order else ""
        return super().query(ctx, table, columns, where, order, most)

    def transaction(self, ctx: Context | None, changes: list[Change]) -> None:
        for change in changes:
            self._tell(change.kind, change.table, change.columns, change.values, change.where)
        super().transaction(ctx, changes)


class ToldDriver(TablesDriver):
    """Tells what it opens."""

    def open(self, url: str) -> Database:
        assert isinstance(self.tables, Told)
        self.tables.told.append(f"open {url}")
        return super().open(url)


class Stage(TableSite):
    """A server of which everything is written down in `told`: datagrams, log lines, statements, timers, and the time."""

    listen = ("udp:127.0.0.1:5070", "udp:127.0.0.1:5071", "tcp:127.0.0.1:5070")

    def __init__(
        self, cfg: str, modules: str, tables: dict[str, Records], version: int, folder: str, names: Names | None
    ) -> None:
        self.told: list[str] = []
        super().__init__(Told(self.told, tables, version), cfg, modules, names, folder)
        self.wall.now_s = 1_100_000_000
        self._logged = 0
        self.questions: list[Asked] = []
        tm = self.engine.world.modules.get("tm")
        if isinstance(tm, Tm):
            tm.begin(self.engine.world, self.now_ms)
        for module in self.modules():
            for timer in module.timers():
                self.told.append(f"timer {timer.name}: every {timer.period_ms} ms")
        self.take_log()

    def driver(self) -> Driver:
        return ToldDriver(self.tables)

    def modules(self) -> list[Module]:
        return [module for module in self.engine.world.modules.values() if isinstance(module, Module)]

    def take_log(self) -> None:
        self.told += [line for _, line in self.log.records[self._logged :]]
        self._logged = len(self.log.records)
        for question in self.questions:
            self.told += [answer.decode("latin-1") for answer in question.answers]
            question.answers.clear()

    def show(self, sends: list[Send]) -> None:
        self.take_log()
        for send in sends:
            self.told.append(
                f"at {self.now_ms / 1000:g} s to {where(send)} from {send.socket.address.port}:\n{send.data.decode('latin-1')}"
            )


Event = Callable[[Stage], None]


def says(data: bytes, source: str = "127.0.0.1", port: int = 5080, to: int = 0) -> Event:
    """A datagram."""

    def event(stage: Stage) -> None:
        stage.show(stage.say(data, source, port, to))

    return event


def answers(status: str, tag: str = "bt", port: int = CALLEE) -> Event:
    """The callee's reply to the last request that it got."""

    def event(stage: Stage) -> None:
        got = [one for one in stage.told if f"to udp:127.0.0.1:{port} from" in one.partition("\n")[0]][-1]
        head, _, rest = got.partition(":\n")[2].encode("latin-1").partition(b"\r\n")
        lines = [
            line + b";tag=" + tag.encode() if line[:4] == b"To: " and b"tag=" not in line else line
            for line in rest.split(b"\r\n")
        ]
        stage.show(stage.say(b"SIP/2.0 " + status.encode() + b"\r\n" + b"\r\n".join(lines), port=port))

    return event


def passes(seconds: float) -> Event:
    """Time, in which the timers of this process run as in a worker."""

    def event(stage: Stage) -> None:
        until = stage.now_ms + int(seconds * 1000)
        while True:
            step = stage.engine.next_timer_ms(stage.now_ms)
            if step < 0 or stage.now_ms + step > until:
                break
            stage.now_ms += max(1, step)
            stage.show(stage.engine.tick(stage.now_ms))
        stage.now_ms = until
        stage.wall.now_s = 1_100_000_000 + until // 1000

    return event


def timers(stage: Stage) -> None:
    """What is to be done once per server is done now."""
    for module in stage.modules():
        for timer in module.timers():
            sends: list[Send] = []
            timer.body(stage.now_ms, sends)
            stage.show(sends + stage.engine.take_sends())


def ends(stage: Stage) -> None:
    """The server ends."""
    stage.engine.end()


def asked(command: str, *words: bytes) -> Event:
    """A command of the FIFO; it may answer later, and more than once."""

    def event(stage: Stage) -> None:
        (found,) = [one for one in stage.engine.commands() if one.name == command]
        question = Asked(words, stage.now_ms)
        stage.questions.append(question)
        found.body(question)
        stage.show(stage.engine.take_sends())

    return event


def play(
    cfg: str,
    modules: str,
    *events: Event,
    version: int = 1,
    folder: str = "",
    names: Names | None = None,
    **tables: Records,
) -> str:
    """All that is seen. `cfg` is a ser.cfg without its loadmodules; dbtext and sl are loaded, too. `version` is that of OTHER."""
    stage = Stage(cfg, modules, tables, version, folder, names)
    for event in events:
        event(stage)
    return "\n".join(stage.told)


def db_url(module: str, name: str = "db_url") -> str:
    return f'modparam("{module}", "{name}", "{URL}")\n'


def renamed(parameter: str, seen: Callable[[str], str], snippet: str) -> Effect:
    """Of a column or a table: its name stands in angle brackets in what is seen, and another name takes its place."""
    before, _, rest = snippet.partition("<")
    name, _, after = rest.partition(">")
    return Effect(parameter, OTHER, seen, before + name + after, before + OTHER + after)
