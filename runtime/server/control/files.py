"""The control interface of one server: its files, and the processes that serve them. Reference core, 1.4 and chapter 7."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from runtime.routing.command import Command
from runtime.routing.config import Config
from runtime.server.control.core_commands import CoreCommands
from runtime.server.control.delivery import ReplyRules
from runtime.server.control.endpoints import Fifo, Owner, UnixSocket
from runtime.server.control.questions import ModuleCommands
from runtime.server.control.serving import FifoServer, SocketServer
from runtime.server.daemon import Identity
from runtime.server.log import ServerLog
from runtime.server.master import Body
from runtime.server.process_table import ProcessTable
from runtime.server.workers import Workers

__all__ = ["ControlFiles", "Owner"]

# Called in control process number so and so: it leaves what is the workers', and keeps the way to ask them.
Join = Callable[[int], Workers]

FIFO_PROCESS: Final = "fifo server"
SOCKET_PROCESS: Final = "unix domain socket server"

_GROUP_WRITES: Final = 0o020
_OTHERS_WRITE: Final = 0o002


class ControlFiles:
    """What `fifo` and `unix_sock` of ser.cfg ask for, if they do. Paths mean what they do behind chroot and workdir."""

    def __init__(self, config: Config, owner: Owner, identity: Identity, log: ServerLog) -> None:
        self._config: Final = config
        self._owner: Final = owner
        self._identity: Final = identity
        self._log: Final = log
        self._fifo: Fifo | None = None
        self._socket: UnixSocket | None = None
        self._since_s = 0.0
        # Before a change of the root directory puts the list of users out of reach.
        self._members: Final = owner.members() if config.fifo and config.sock_mode & _GROUP_WRITES else frozenset[int]()

    def make(self) -> None:
        """Raises StartError."""
        config = self._config
        self._since_s = time.time()
        if config.fifo:
            self._fifo = Fifo(config.fifo, config.sock_mode, self._owner)
        if config.unix_sock:
            self._socket = UnixSocket(config.unix_sock, config.sock_mode, self._owner)

    def remove(self) -> None:
        for file in (self._fifo, self._socket):
            if file is not None:
                file.remove(self._log)

    def close(self) -> None:
        """In a process that has nothing to do with them."""
        for file in (self._fifo, self._socket):
            if file is not None:
                file.close()

    def names(self) -> list[str]:
        """SER's names for the processes, in their order."""
        fifo = [FIFO_PROCESS] if self._config.fifo else []
        return fifo + [SOCKET_PROCESS] * (max(1, self._config.unix_sock_children) if self._config.unix_sock else 0)

    def bodies(self, table: ProcessTable, arguments: list[str], commands: list[Command], join: Join) -> list[Body]:
        """The processes, as `names` has them; `arguments` is the command line, `commands` are those of the modules."""
        found: list[Body] = []
        if self._fifo is not None:
            found.append(self._fifo_body(self._fifo, table, arguments, commands, join))
        if self._socket is not None:
            for place in range(len(found), len(self.names())):
                found.append(self._socket_body(self._socket, table, arguments, commands, join, place))
        return found

    def _fifo_body(
        self, fifo: Fifo, table: ProcessTable, arguments: list[str], commands: list[Command], join: Join
    ) -> Body:
        modules = ModuleCommands(commands, True, self._log)
        core = CoreCommands(True, table, arguments, self._since_s, modules.names())
        rules = ReplyRules(self._config.fifo_dir, self._reply_owners())
        master = os.getpid()

        def body(ready: Callable[[], None]) -> None:
            if self._socket is not None:
                self._socket.close()
            workers = join(0)
            FifoServer(core, modules, self._log, master, fifo.fd, rules).run(workers, ready)

        return body

    def _socket_body(
        self,
        own: UnixSocket,
        table: ProcessTable,
        arguments: list[str],
        commands: list[Command],
        join: Join,
        place: int,
    ) -> Body:
        modules = ModuleCommands(commands, False, self._log)
        core = CoreCommands(False, table, arguments, self._since_s, modules.names())
        timeout_ms = self._config.unix_tx_timeout
        master = os.getpid()

        def body(ready: Callable[[], None]) -> None:
            if self._fifo is not None:
                self._fifo.close()
            workers = join(place)
            SocketServer(core, modules, self._log, master, own.socket, timeout_ms).run(workers, ready)

        return body

    def _reply_owners(self) -> frozenset[int] | None:
        """Whose reply pipes are written to: of those who may give commands; None: everybody may."""
        mode = self._config.sock_mode
        if mode & _OTHERS_WRITE:
            return None
        users = {0, os.geteuid(), *self._members}
        users.update(uid for uid in (self._owner.uid, self._identity.uid) if uid is not None and uid >= 0)
        return frozenset(users)
