"""The server's start, for `ser-runtime` and for `ser`. Reference core, 1.4."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Final

from runtime.build import NATIVE
from runtime.modules.declared import Declared
from runtime.modules.sqlite import Sqlite
from runtime.routing.config import Config
from runtime.routing.engine import Engine, ProgramError
from runtime.routing.ports import L_INFO, L_NOTICE, L_WARN
from runtime.routing.program import Program
from runtime.routing.shared import SharedMemory
from runtime.routing.sockets import SocketTable
from runtime.server.control.files import ControlFiles
from runtime.server.control.metrics_server import Metrics
from runtime.server.helpers.dns.resolver import ServerResolver
from runtime.server.helpers.dns.service import NameClient
from runtime.server.host.accounts import Identity, Owner, become, identity_of
from runtime.server.host.errors import PathError, StartError
from runtime.server.host.memory import MemoryStatus, usable_bytes
from runtime.server.host.pending_signals import PendingSignals
from runtime.server.log.server_log import ServerLog, facility_number, has_syslog, report
from runtime.server.processes.ending import Ending
from runtime.server.processes.kind import Kind, Possession, Run, Seat
from runtime.server.processes.kinds import udp
from runtime.server.processes.kinds.table import KINDS
from runtime.server.processes.levels import Levels
from runtime.server.processes.master import WAITED_FOR, Master, Process, hold_signals, load_prctl
from runtime.server.processes.masters_mail import MastersMail
from runtime.server.processes.notify import Notifier, notifier
from runtime.server.processes.probing import Probing
from runtime.server.processes.reload import Reload
from runtime.server.processes.roster import Roster
from runtime.server.processes.statistics import Statistics
from runtime.server.processes.workplace import Workplace
from runtime.server.start.bind import check_addresses
from runtime.server.start.daemon import Launch, PidFile, check_pid_file, detach, enter, set_limits
from runtime.server.start.listen import describe, socket_table
from runtime.server.start.loader import load_program
from runtime.server.start.options import SHARED_MB, Options, parse, usage_text, version_text
from runtime.server.start.settings import effective
from runtime.server.start.source import Compiled, RoutesFile, Source
from runtime.server.worker.collecting import spare_the_collector

# How often the process of `fork=no` looks at the others and at the time, if neither a message nor a signal wakes it.
_IDLE_MS: Final = 1000


def main(argv: list[str] | None = None) -> int:
    """Console script ser-runtime; the exit status."""
    try:
        options = parse(sys.argv[1:] if argv is None else argv, "ser-runtime")
        if options.help or options.version:
            print(usage_text(options.prog) if options.help else version_text(NATIVE))
            return 0
        program = load_program(options.routes)
    except StartError as e:
        report("ser-runtime", str(e))
        return 1
    source = RoutesFile(os.path.abspath(options.routes))
    return run(program, options, source, source.read())


def run(program: Program, options: Options, source: Source, first: Compiled | None) -> int:
    """Serve until SIGTERM or SIGINT; the exit status. `source` is where the program, which is `first`, comes from. A
    start that fails says why in one line on standard error.

    With -c it returns when all has been done that a start does before it listens and forks. Without -D and with
    fork=yes this returns nothing: the calling process ends as soon as the daemon serves.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        config = effective(program.config, options)
        log = _log_of(config, options)
        identity = identity_of(config.user, config.group)
        owner = Owner(config.sock_user, config.sock_group)
        table = socket_table(config, log)
        _print(describe(table))
        refuse_declared(program)
        start = _Start(program, options, source, first, config, log, table, identity, owner)
        return start.check() if options.check else start.run()
    except (StartError, ProgramError) as e:
        report(options.prog, str(e))
        return 1


def refuse_declared(program: Program) -> None:
    """Raises StartError with everything in `program` that serc can check and this server cannot run yet."""
    missing = [module.missing for module in program.modules if isinstance(module, Declared)]
    if missing:
        raise StartError(f"{'; '.join(missing)}: docs/modules.md lists what does; take it out of ser.cfg for now")


def _log_of(config: Config, options: Options) -> ServerLog:
    try:
        facility_number(config.log_facility)
    except ValueError as e:
        raise StartError(str(e)) from e
    return ServerLog(config.debug, config.log_stderror, options.prog, config.log_facility, options.log_format == "json")


def _print(text: str) -> None:
    """To standard output, whose reader may be gone."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        # Nor shall the interpreter complain when it flushes at the end.
        sys.stdout = open(os.devnull, "w")


def _folder_of(options: Options) -> str:
    """Where files lie that ser.cfg names without a folder: beside it, or beside the compiled routes. Asked before a daemon
    leaves its working directory."""
    return os.path.dirname(os.path.abspath(options.config_file if options.prog == "ser" else options.routes))


class _Start:
    """One start of the server, from a good config to the serving processes."""

    def __init__(
        self,
        program: Program,
        options: Options,
        source: Source,
        first: Compiled | None,
        config: Config,
        log: ServerLog,
        table: SocketTable,
        identity: Identity,
        owner: Owner,
    ) -> None:
        self._options: Final = options
        self._source: Final = source
        self._first: Final = first
        self._config: Final = config
        self._log: Final = log
        self._table: Final = table
        self._identity: Final = identity
        self._mmsg: Final = load_mmsg()
        self._prctl: Final = load_prctl(self._mmsg)
        self._resolver: Final = ServerResolver()
        self._name_client: Final = NameClient(log)
        shared = SharedMemory((options.shared_mb or SHARED_MB) << 20, log)
        self._memory: Final = MemoryStatus(shared, config.memlog, log)
        self._engine: Final = Engine(program, config, table, log, self._resolver, _folder_of(options), shared)
        embedded = Sqlite()
        embedded.bind(self._engine.world)
        self._engine.world.embedded = embedded
        self._engine.world.owner = identity.owner()
        self._engine.world.memory_bytes = options.shared_mb << 20 or usable_bytes()
        self._control: Final = ControlFiles(config, owner, identity, log)
        self._metrics: Final = Metrics(options.metrics, log)
        self._pid_files: list[PidFile] = []
        self._launch: Launch | None = None
        self._notifier = Notifier("", 0.0, log)

    def check(self) -> int:
        """-c: the exit status. All that `run` does short of listening, making files and forking. A server that runs already, with
        the same addresses and files, is none of its business. Raises StartError, ProgramError."""
        config = self._config
        for argument in self._options.ignored:
            print(_ignored(argument), file=sys.stderr)
        check_addresses(self._table)
        set_limits(config, self._log)
        self._engine.world.only_checks = True
        try:
            enter(config.chroot, self._workdir(config.fork and not self._options.foreground))
            self._engine.bind()
            self._control.check(self._engine)
            for path, option in ((self._options.pid_file, "-P"), (self._options.pgid_file, "-G")):
                if path:
                    check_pid_file(path, option)
            become(self._identity)
        except PathError as e:
            raise StartError(f"{e}{self._inside()}") from e
        print("config file ok, exiting...", file=sys.stderr)
        return 0

    def _workdir(self, is_daemon: bool) -> str:
        return self._config.workdir or ("/" if is_daemon else "")

    def _inside(self) -> str:
        return f" (inside the root directory {self._config.chroot})" if self._config.chroot else ""

    def run(self) -> int:
        """The exit status. A start that fails leaves nothing behind."""
        config = self._config
        self._remark()
        set_limits(config, self._log)
        single = not config.fork
        if single:
            more = len(self._table.sockets) > 1
            also = " and more than one listen address found (will use only the first one)" if more else ""
            print(f"WARNING: no fork mode{also}: a single process serves, over UDP alone", file=sys.stderr)
        if not single and not self._options.foreground:
            self._log.disconnect()
            self._launch = detach(self._options.prog)
        self._log.become(0)
        self._notifier = notifier(self._log)
        try:
            workplace = self._prepare()
            return self._serve_alone(workplace) if single else self._serve_many(workplace)
        except (StartError, ProgramError) as e:
            why = e
        finally:
            self._control.remove()
            self._metrics.remove()
            for file in self._pid_files:
                file.remove()
        report(self._options.prog, f"{why}{self._inside() if isinstance(why, PathError) else ''}")
        if self._launch is not None:
            self._launch.failed()
        return 1

    def _prepare(self) -> Workplace:
        """Everything that needs privileges, in SER's order."""
        config = self._config
        if config.chroot:
            self._name_client.preload()
            self._log.connect()
        enter(config.chroot, self._workdir(self._launch is not None))
        self._engine.bind()
        workplace = Workplace(
            self._engine,
            config,
            self._table,
            self._log,
            self._mmsg,
            self._resolver,
            self._name_client,
            lambda config: effective(config, self._options),
            self._options.queue_ms,
            self._options.retry_after_s,
            self._options.metrics is not None,
        )
        # A signal from now on must find somebody who removes the files.
        hold_signals()
        self._control.make()
        self._metrics.make()
        self._write_pid_files()
        return workplace

    def _write_pid_files(self) -> None:
        if self._options.pid_file:
            self._pid_files.append(PidFile(self._options.pid_file, os.getpid(), refuse_living=True))
        if self._options.pgid_file:
            self._pid_files.append(PidFile(self._options.pgid_file, os.getpgrp(), refuse_living=False))

    def _serve_many(self, workplace: Workplace) -> int:
        roster = self._roster("attendant", workplace)
        master = self._master(roster, workplace)
        if not master.start():
            # What was served meanwhile counts.
            self._farewell()
            return 0
        if self._launch is not None:
            self._launch.succeeded(self._config.log_stderror)
        master.serves()
        self._log.write(L_INFO, f"INFO: {len(roster.table) - 1} processes serve")
        master.run()
        self._farewell()
        return 0

    def _serve_alone(self, workplace: Workplace) -> int:
        """fork=no: this process receives, on the first address only, as SER does; it is the control processes' master."""
        roster = self._roster("", workplace)
        master = self._master(roster, workplace)
        if not master.start():
            # What was served meanwhile counts.
            self._farewell()
            return 0
        worker = udp.worker(workplace, roster.seats(udp.UDP_WORKERS)[0])
        watches = self._engine.world.asking.watches
        if watches is not None:
            watches.watch(PendingSignals(WAITED_FOR))
        spare_the_collector()
        master.serves()
        worker.run(lambda: master.attend_alone(), _IDLE_MS)
        master.stop()
        self._farewell()
        return 0

    def _roster(self, own_title: str, workplace: Workplace) -> Roster:
        """All processes. `own_title` is the master's, "" if it does a worker's work."""
        kinds = self._control.kinds(self._options.arguments, workplace, lambda: roster)
        kinds += [kind(workplace) for kind in KINDS]
        kinds += self._metrics.kinds(lambda: roster)
        roster = Roster(own_title, kinds, workplace.owners, self._mmsg)
        return roster

    def _master(self, roster: Roster, workplace: Workplace) -> Master:
        inheritance = workplace.inheritance
        possessions = [
            *self._control.possessions(),
            *self._metrics.possessions(),
            *inheritance.possessions(),
            *self._pid_files,
            self._notifier,
        ]
        processes = [Process(seat.title, self._job(kind, seat, roster, possessions)) for kind, seat in roster.forked()]
        # What stands in memory now is shared by all processes and for ever: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        exchange = roster.masters_exchange()
        ending = Ending(roster.runners(exchange), self._log, self._options.drain_s, self._engine.keeps_state)
        statistics = Statistics(roster.counters(exchange), self._memory, self._log)
        reload = Reload(
            self._engine,
            self._source,
            self._first,
            workplace.effective,
            roster.programs(exchange),
            workplace.board,
            self._notifier,
            self._log,
        )
        levels = Levels(self._engine, exchange, roster.others())
        probing = Probing(self._source, reload, workplace.probes)
        return Master(
            processes,
            roster.table,
            self._log,
            self._prctl,
            ending,
            statistics,
            reload,
            probing,
            MastersMail(exchange, statistics, reload, probing, levels, time.monotonic),
            self._notifier,
            self._identity,
        )

    def _job(self, kind: Kind, seat: Seat, roster: Roster, possessions: list[Possession]) -> Callable[[], Run]:
        """What the process of that seat does first: it leaves what is the master's, and what other kinds keep."""

        def job() -> Run:
            for possession in possessions:
                if possession not in kind.keeps:
                    possession.close()
            roster.leave_mail(seat.mailbox)
            if self._launch is not None:
                self._launch.leave(self._config.log_stderror)
            return kind.job(seat)

        return job

    def _farewell(self) -> None:
        self._engine.end()
        self._memory.write()
        self._log.write(L_NOTICE, "Thank you for flying ser")

    def _remark(self) -> None:
        """Say once what an administrator could take for granted."""
        log = self._log
        if not NATIVE:
            log.write(
                L_NOTICE,
                "NOTICE: pure Python build: correct but slow; use the native build in production",
            )
        if self._options.debug and self._config.debug != Config().debug + self._options.debug:
            log.write(L_WARN, f"WARNING: -d does nothing: debug={self._config.debug} of ser.cfg counts")
        if not self._config.log_stderror and not has_syslog():
            print(
                "WARNING: the log is lost: nothing listens at /dev/log; start syslog, or log to standard error with -E",
                file=sys.stderr,
            )
        for argument in self._options.ignored:
            log.write(L_WARN, _ignored(argument))


def _ignored(argument: str) -> str:
    return f"WARNING: argument {argument} ignored"


def load_mmsg() -> ModuleType | None:
    """The extension module with recvmmsg and sendmmsg, which the native build has."""
    try:
        return importlib.import_module("runtime.server.host._mmsg")
    except ImportError:
        return None


if __name__ == "__main__":
    sys.exit(main())
