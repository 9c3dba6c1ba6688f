"""The control interface of one server: its files, and the processes that serve them. Reference core, 1.4 and chapter 7."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from runtime.routing.command import Command
from runtime.routing.config import Config
from runtime.routing.database import DatabaseError
from runtime.routing.engine import Engine
from runtime.routing.world import World
from runtime.server.control.core_commands import CORE_NAMES, CoreCommands
from runtime.server.control.database_command import DatabaseCommand
from runtime.server.control.delivery import ReplyRules
from runtime.server.control.endpoints import Fifo, UnixSocket, check_endpoints
from runtime.server.control.questions import Commands
from runtime.server.control.serving import ControlProcess, FifoServer, SocketServer
from runtime.server.control.tracing import TraceSessions
from runtime.server.host.accounts import Identity, Owner
from runtime.server.host.errors import StartError
from runtime.server.log.server_log import ServerLog
from runtime.server.processes.kind import Kind, Possession, Run, Seat
from runtime.server.processes.roster import Roster
from runtime.server.processes.workplace import Workplace
from runtime.storage.connection import connect
from runtime.storage.url import SQLITE, parse_url

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

    def check(self, engine: Engine) -> None:
        """Returns if `make` and `kinds` would not fail once an older server has ended. Makes nothing. Raises StartError."""
        check_endpoints(self._config)
        _refuse_taken_names(engine.commands())
        self._database(engine.world)

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

    def kinds(self, arguments: list[str], workplace: Workplace, roster: Callable[[], Roster]) -> list[Kind]:
        """The processes that serve what `make` has made, in SER's order. `arguments` is the command line, `workplace` has those of
        the modules, `roster` tells in each process who else is there. Raises StartError."""
        _refuse_taken_names(workplace.commands)
        database = self._database(workplace.engine.world)
        kinds: list[Kind] = []
        fifo, unix = self._fifo, self._socket
        if fifo is not None:
            serve = self._server(True, arguments, workplace, roster, database)
            kinds.append(Kind(FIFO_PROCESS, [FIFO_PROCESS], serve, keeps=(fifo,), has_program=True))
        if unix is not None:
            serve = self._server(False, arguments, workplace, roster, None)
            count = max(1, self._config.unix_sock_children)
            kinds.append(Kind(SOCKET_PROCESS, [SOCKET_PROCESS] * count, serve, keeps=(unix,), has_program=True))
        return kinds

    def possessions(self) -> list[Possession]:
        """What is open here."""
        return [file for file in (self._fifo, self._socket) if file is not None]

    def _server(
        self,
        by_fifo: bool,
        arguments: list[str],
        workplace: Workplace,
        roster: Callable[[], Roster],
        database: Command | None,
    ) -> Callable[[Seat], Run]:
        master = os.getpid()
        rules = ReplyRules(self._config.fifo_dir, self._reply_owners())
        config, log = self._config, self._log

        def job(seat: Seat) -> Run:
            # A process in the place of a dead one begins with the program that runs now.
            commands = workplace.engine.commands()
            core = CoreCommands(by_fifo, roster().table, arguments, self._since_s, commands, database)
            all_commands = Commands(core.commands, commands, by_fifo, log)
            process: ControlProcess
            if by_fifo:
                assert self._fifo is not None
                process = FifoServer(core, all_commands, log, master, self._fifo.fd, rules)
            else:
                assert self._socket is not None
                process = SocketServer(core, all_commands, log, master, self._socket.socket, config.unix_tx_timeout)

            def switched() -> None:
                renewed = workplace.engine.commands()
                core.renew(renewed)
                all_commands.renew(renewed)
                process.program_changed()

            exchange = seat.exchange()
            programs = workplace.programs(exchange, switched)
            process.join(roster().runners(exchange), programs, TraceSessions(workplace.probes))
            return process.run

        return job

    def _database(self, world: World) -> Command | None:
        """The command DB, if `fifo_db_url` asks for it. Raises StartError."""
        text = self._config.fifo_db_url
        if not text or not self._config.fifo:
            return None
        try:
            url = parse_url(text, world.folder)
            if url.driver != SQLITE and url.driver not in world.modules:
                raise StartError(f"fifo_db_url: {url}: load {url.driver}.so")
            return DatabaseCommand(connect(url)).command()
        except DatabaseError as e:
            raise StartError(f"fifo_db_url: {e}") from e

    def _reply_owners(self) -> frozenset[int] | None:
        """Whose reply pipes are written to: of those who may give commands; None: everybody may."""
        mode = self._config.sock_mode
        if mode & _OTHERS_WRITE:
            return None
        users = {0, os.geteuid(), *self._members}
        users.update(uid for uid in (self._owner.uid, self._identity.uid) if uid is not None and uid >= 0)
        return frozenset(users)


def _refuse_taken_names(commands: list[Command]) -> None:
    for command in commands:
        if command.name.lower() in CORE_NAMES:
            raise StartError(
                f"a module has a FIFO command {command.name}, which is the name of one of the server's own"
            )
