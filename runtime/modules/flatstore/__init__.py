"""flatstore: append-only files for accounting. Reference modules-more, A.1.4."""

from __future__ import annotations

import mmap
from typing import Final, final

from runtime.routing.command import Command, Inquiry
from runtime.routing.database import Database, Driver
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.transport import Send
from runtime.spec.declare import ModuleSpec, switch_param
from runtime.storage.flatstore import Flatstore
from runtime.storage.url import parse_url

_NUMBER: Final = 8
# Without `flush` rows wait for others so long at most: a process that ends takes them with it.
_WAIT_MS: Final = 1000


@final
class FlatstoreDriver(Driver):
    """Opens folders. The number of rotations lies in memory that all processes share."""

    _world: World
    _memory: mmap.mmap

    def __init__(self, *, flush: int = 1) -> None:
        super().__init__("flatstore")
        self._flushes: Final = flush != 0
        self._opened: Final[list[Flatstore]] = []

    def bind(self, world: World) -> None:
        self._world = world
        self._memory = world.keep("flatstore", mmap.mmap, lambda: world.shared.take(_NUMBER, "flatstore"))

    def open(self, url: str) -> Database:
        store = Flatstore(parse_url(url, self._world.folder), self._world.log, self._flushes, self.rotations)
        self._opened.append(store)
        return store

    def timers(self) -> list[Timer]:
        return [] if self._flushes else [Timer("flatstore: rows that wait", _WAIT_MS, self._flush, False)]

    def _flush(self, now_ms: int, sends: list[Send]) -> None:
        for store in self._opened:
            store.flush()

    def rotations(self) -> int:
        return int.from_bytes(self._memory[0:_NUMBER], "little")

    def commands(self) -> list[Command]:
        return [Command("flat_rotate", self.flat_rotate, by_socket=False)]

    def flat_rotate(self, inquiry: Inquiry) -> None:
        """Every process opens its files anew before its next row."""
        self._memory[0:_NUMBER] = (self.rotations() + 1).to_bytes(_NUMBER, "little")
        inquiry.answer(b"200 OK\n")


EXPORTS: Final = ModuleSpec(
    name="flatstore",
    implementation="runtime.modules.flatstore:FlatstoreDriver",
    summary="Database driver for flatstore:directory, which only appends rows; for acc.",
    params=(switch_param("flush", 1, "Write each row out at once; else within a second."),),
    fifo_commands=("flat_rotate",),
)
