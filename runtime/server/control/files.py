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
from runtime.server.control.endpoints import Fifo, UnixSocket
from runtime.server.control.questions import ModuleCommands
from runtime.server.control.serving import ControlProcess, FifoServer, SocketServer
from runtime.server.host.accounts import Identity, Owner
from runtime.server.host.process_table import ProcessTable
from runtime.server.log.server_log import ServerLog
from runtime.server.processes.master import Body
from runtime.server.processes.workers import Workers

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
        for place, name in enumerate(self.names()):
            by_fifo = name == FIFO_PROCESS
            modules = ModuleCommands(commands, by_fifo, self._log)
            core = CoreCommands(by_fifo, table, arguments, self._since_s, modules.names())
            found.append(self._body(core, modules, by_fifo, join, place))
        return found

    def _body(self, core: CoreCommands, modules: ModuleCommands, by_fifo: bool, join: Join, place: int) -> Body:
        master = os.getpid()
        rules = ReplyRules(self._config.fifo_dir, self._reply_owners())

        def body(ready: Callable[[], None]) -> None:
            other = self._socket if by_fifo else self._fifo
            if other is not None:
                other.close()
            process: ControlProcess
            if by_fifo:
                assert self._fifo is not None
                process = FifoServer(core, modules, self._log, master, self._fifo.fd, rules)
            else:
                assert self._socket is not None
                timeout_ms = self._config.unix_tx_timeout
                process = SocketServer(core, modules, self._log, master, self._socket.socket, timeout_ms)
            process.run(join(place), ready)

        return body

    def _reply_owners(self) -> frozenset[int] | None:
        """Whose reply pipes are written to: of those who may give commands; None: everybody may."""
        mode = self._config.sock_mode
        if mode & _OTHERS_WRITE:
            return None
        users = {0, os.geteuid(), *self._members}
        users.update(uid for uid in (self._owner.uid, self._identity.uid) if uid is not None and uid >= 0)
        return frozenset(users)
