"""What the master opens before it forks, and what each process keeps of it."""

from __future__ import annotations

import socket
from typing import Final

from runtime.routing.config import Config
from runtime.routing.ports import L_DBG, Log
from runtime.routing.sockets import SocketTable
from runtime.server.host.cures import of_processes
from runtime.server.host.errors import StartError
from runtime.server.processes.kind import Possession
from runtime.server.start.bind import bind_all, close_all, listen_all
from runtime.server.streams.acceptor import Doors
from runtime.server.worker.udp.steering import steer


class DatagramSockets:
    """For each UDP address its sockets, one for each reader where the kernel shares datagrams out."""

    def __init__(self, groups: list[list[socket.socket]]) -> None:
        self.groups: Final = groups

    def keep(self, child: int) -> None:
        """In reader number `child` of a listener, which sends from all of them: of each the one that `own` takes."""
        for group in self.groups:
            close_all([s for i, s in enumerate(group) if i != child % len(group)])

    def own(self, child: int) -> list[socket.socket]:
        return [group[child % len(group)] for group in self.groups]

    def close(self) -> None:
        for group in self.groups:
            close_all(group)


class Listeners:
    """The TCP listeners, with their places in the table of sockets."""

    def __init__(self, pairs: list[tuple[int, socket.socket]]) -> None:
        self.pairs: Final = pairs

    def close(self) -> None:
        for _, listener in self.pairs:
            listener.close()


class Inheritance:
    """Sockets, TCP listeners, and doors to the TCP processes, all open. Raises StartError.

    `children` read from each UDP address, `receivers` have TCP connections. If `owners` is not 0, so many UDP workers share the
    messages out by their Call-ID.
    """

    def __init__(
        self, config: Config, table: SocketTable, log: Log, children: int, receivers: int, owners: int
    ) -> None:
        self.datagrams: Final = DatagramSockets(bind_all(table, config, log, children))
        self._steer(children, owners, log)
        self.listeners: Final = Listeners(listen_all(table) if config.fork else [])
        try:
            self.doors: Final = Doors(receivers)
        except OSError as e:
            raise StartError(f"cannot make the sockets between {receivers} TCP processes: {of_processes(e)}") from e

    def possessions(self) -> list[Possession]:
        return [self.datagrams, self.listeners, self.doors]

    def _steer(self, children: int, owners: int, log: Log) -> None:
        """Let the kernel share datagrams out by their Call-ID, as far as it can."""
        for i, group in enumerate(self.datagrams.groups):
            if len(group) == 1:
                continue
            # Without state each listener's workers are equal.
            first, count = (i * children, owners) if owners else (0, children)
            if not steer(group, first, count):
                log.write(L_DBG, "DEBUG: this kernel cannot distribute datagrams by Call-ID; workers pass them on")
