"""The whole engine: a datagram in, datagrams out. Reads no clock and owns no socket."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.bugs import Bugs
from runtime.routing.command import Command
from runtime.routing.config import Config
from runtime.routing.context import L_DBG, L_ERR, L_NOTICE, L_WARN, Context
from runtime.routing.destination import UnresolvableDestination
from runtime.routing.draining import Draining
from runtime.routing.dns_records import Answer, Question
from runtime.routing.forwarding import add_alias
from runtime.routing.module import NEVER, Module, ModuleError
from runtime.routing.names import Names, NotYetKnown, Waiting
from runtime.routing.prepared import CannotPrepare
from runtime.routing.ports import Connections, Log, Resolver
from runtime.routing.program import Program
from runtime.routing.reply_forwarding import forward_reply, is_own_via
from runtime.routing.replying import missing_for_via
from runtime.routing.shared import SharedMemory, SharedMemoryFull
from runtime.routing.sockets import SocketTable
from runtime.routing.timer import Schedule, Timer
from runtime.routing.world import World
from runtime.sip.address import UDP, Address
from runtime.sip.message import parse
from runtime.sip.scan import BadMessage
from runtime.sip.transport import ListenSocket, Send

MIN_UDP_PACKET: Final = 32


class StartError(Exception):
    """The program cannot run here: `str()` is one sentence for the administrator."""


@final
class LateRequest(Waiting):
    """A request that waits for what its route needs to know (`question`), or for what its topmost Via needs (None)."""

    def __init__(self, engine: Engine, ctx: Context, question: Question | None) -> None:
        super().__init__()
        self._engine: Final = engine
        self._ctx: Final = ctx
        self._question: Final = question

    def missing(self, names: Names, now_ms: i64) -> Question | None:
        question = self._question
        if question is None:
            return missing_for_via(self._ctx, now_ms)
        return question if names.answer_to(question[0], question[1], now_ms) is None else None

    def go_on(self, now_ms: i64, sends: list[Send]) -> None:
        names = self._engine.world.names
        sends.extend(self._engine.run_again(self._ctx, now_ms, self.missing(names, now_ms) is not None))


@final
class Engine:
    """One compiled ser.cfg in one process.

    `config` is the program's with the command line applied, `folder` the one in which relative names of files are meant.
    `bind` runs once before the processes fork, `start_worker` in each of them, `receive` for every datagram.
    """

    def __init__(
        self,
        program: Program,
        config: Config,
        sockets: SocketTable,
        log: Log,
        resolver: Resolver,
        folder: str = "",
        shared: SharedMemory | None = None,
    ) -> None:
        self.program: Final = program
        bugs = Bugs(program.source, program.lines, log)
        self.world: Final = World(config, sockets, log, resolver, bugs, folder, shared)
        self._request: Final = program.request
        self._filters: list[Module] = [m for m in program.modules if m.filters_requests]
        self._reply_hooks: list[Module] = [m for m in reversed(program.modules) if m.handles_replies]
        self._enders: list[Module] = [m for m in program.modules if m.ends_requests]
        self._stateful: list[Module] = [m for m in program.modules if m.keeps_state]
        # What this process runs of the modules' timers.
        self.schedule: Final = Schedule(log, bugs)
        self._timers: list[Timer] = []
        self._draining: Draining | None = None
        # All messages of a Call-ID must be handled in one process.
        self.keeps_state: Final = len(self._stateful) > 0

    def bind(self) -> None:
        """Initialise the modules in their order and resolve what the script names; raises StartError."""
        program = self.program
        world = self.world
        for module in program.modules:
            world.modules[module.name] = module
        try:
            for module in program.modules:
                module.take_routes(program.failure, program.onreply)
            for module in program.modules:
                module.bind(world)
            for destination in program.destinations:
                destination.resolve(world.resolver)
            for module in program.modules:
                module.prepare(world)
            for constant in program.prepared:
                constant.prepare(world)
        except (ModuleError, UnresolvableDestination, CannotPrepare, SharedMemoryFull) as e:
            raise StartError(str(e)) from e
        for module in program.modules:
            self._timers.extend(module.timers())
        for wanted in program.socket_names:
            if world.sockets.find(wanted) is None:
                raise StartError(f"force_send_socket: not listening on {wanted.text()}")

    def commands(self) -> list[Command]:
        """Those of all modules, in the order of loadmodule; raises StartError where two have the same name."""
        found: list[Command] = []
        names: set[str] = set()
        for module in self.program.modules:
            for command in module.commands():
                if command.name.lower() in names:
                    raise StartError(f"{module.name}: another module has a FIFO command {command.name} already")
                names.add(command.name.lower())
                found.append(command)
        return found

    def has_server_timers(self) -> bool:
        """True if a module has something to do once per server: then there must be a process that runs the timers."""
        return any([timer.once_per_server for timer in self._timers])

    def start_worker(self, pid: int, connections: Connections | None = None, is_timer_process: bool = False) -> None:
        """Tell the modules that this process is a worker, or the one that runs the timers of the whole server.

        `connections`: None where there is no TCP.
        """
        self.schedule.add([timer for timer in self._timers if timer.once_per_server == is_timer_process])
        self.world.pid = pid
        self.world.connections = connections
        for module in self.program.modules:
            module.start_worker(self.world)

    def receive(
        self, data: bytes, source: Address, socket: ListenSocket, now_ms: i64, connection: i64 = 0
    ) -> list[Send]:
        """Handle one datagram, or one message of the TCP connection `connection`; returns what is to be sent.

        Raises nothing that a peer could cause. Where SER would close the connection the last thing to be sent is empty.
        """
        world = self.world
        if socket.proto == UDP:
            if len(data) < MIN_UDP_PACKET or source.port == 0:
                world.counters.dropped_short += 1
                return []
            if data[len(data) - 1] == 0:
                world.log.write(L_WARN, "WARNING: udp_rcv_loop: upstream bug: 0-terminated packet from " + str(source))
                data = data[:-1]
        try:
            message = parse(data)
        except BadMessage as e:
            world.counters.dropped_bad += 1
            if world.log_level >= L_ERR:
                world.log.about = source
                where = f"{source.text.decode('ascii')}:{source.port}"
                world.log.write(L_ERR, f"ERROR: receive_msg: parse_msg failed: {e} (message from {where} dropped)")
                world.log.about = None
            return [Send(b"", source, socket, connection)] if connection else []
        ctx = Context(world, message, source, socket, now_ms, connection)
        if message.is_request:
            world.counters.requests += 1
            missing = missing_for_via(ctx, now_ms) if world.asks_first else None
            if missing is None or not world.names.wait(LateRequest(self, ctx, None), now_ms):
                self._run_request(ctx)
        else:
            world.counters.replies += 1
            self._run_reply(ctx)
        world.log.about = None
        return ctx.sends

    def drain(self, retry_after_s: i64) -> None:
        """The server is to end: from now on only what is under way is handled, everything new is answered with 503."""
        if self._draining is None:
            self._draining = Draining(self.world, self._stateful, retry_after_s)

    def under_way(self) -> int:
        """How much is not finished that a server which is to end should wait for."""
        count = 0
        for module in self._stateful:
            count += module.under_way()
        return count

    def next_timer_ms(self, now_ms: i64) -> i64:
        """Milliseconds until `tick` has something to do, module.NEVER (-1) if nothing is waiting."""
        soonest = self.world.names.next_ms(now_ms)
        for module in self._stateful:
            wait = module.next_timer_ms(now_ms)
            if wait >= 0 and (soonest < 0 or wait < soonest):
                soonest = wait
        if self.schedule.count > 0:
            wait = self.schedule.next_ms(now_ms)
            if soonest < 0 or wait < soonest:
                soonest = wait
        return soonest

    def tick(self, now_ms: i64) -> list[Send]:
        """Run the timers that are due; returns what is to be sent."""
        sends: list[Send] = []
        self.world.names.tick(now_ms, sends)
        for module in self._stateful:
            try:
                module.on_timer(now_ms, sends)
            except Exception as e:
                self.world.bugs.report(e, None)
            self.world.log.about = None
        if self.schedule.count > 0:
            self.schedule.run(now_ms, sends)
        return sends

    def take_answer(self, question: Question, answer: Answer, now_ms: i64) -> list[Send]:
        """What a name server has answered; returns what is to be sent by those who have waited for it."""
        sends: list[Send] = []
        self.world.names.take(question, answer, now_ms, sends)
        return sends

    def send_failed(self, failed: Send, now_ms: i64) -> list[Send]:
        """Tell the modules that the kernel did not take a datagram; returns what is to be sent instead."""
        sends: list[Send] = []
        for module in self._stateful:
            try:
                module.on_send_failure(failed, now_ms, sends)
            except Exception as e:
                self.world.bugs.report(e, None)
            self.world.log.about = None
        return sends

    def _run_request(self, ctx: Context) -> None:
        try:
            draining = self._draining
            if draining is not None and not draining.admits(ctx):
                return
            if ctx.connection and self.world.tcp_accept_aliases:
                via = ctx.message.via1
                if via is not None and via.alias:
                    add_alias(ctx, via.port)
            for module in self._filters:
                if not module.on_request(ctx):
                    return
            self._run_main_route(ctx)
        except NotYetKnown as unknown:
            self._run_later(ctx, unknown.question)
            return
        except Exception as e:  # a bug of ours or in a module: this message is lost, the worker goes on
            self.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
        for module in self._enders:
            module.after_request(ctx)

    def _run_later(self, ctx: Context, question: Question) -> None:
        """Take back what the route has done, and let it run anew when the question is answered."""
        for module in self._enders:
            module.take_back(ctx)
        ctx.sends.clear()
        if not self.world.names.wait(LateRequest(self, ctx, question), ctx.now_ms):
            ctx.sends.extend(self.run_again(ctx, ctx.now_ms, True))

    def run_again(self, late: Context, now_ms: i64, is_last_try: bool) -> list[Send]:
        """Handle a request that has waited for a name, or cannot wait for one."""
        ctx = Context(self.world, late.message, late.source, late.socket, now_ms, late.connection)
        ctx.is_last_try = is_last_try
        self._run_request(ctx)
        return ctx.sends

    def _run_main_route(self, ctx: Context) -> None:
        route = self._request
        if route is None:
            ctx.log(L_ERR, "WARNING: run_actions: null action list: there is no main route")
        elif route(ctx) < 0:
            self.world.counters.failed_scripts += 1
            ctx.log(L_DBG, "WARNING: receive_msg: error while trying script")
            if ctx.connection:
                ctx.sends.append(Send(b"", ctx.source, ctx.socket, ctx.connection))

    def _run_reply(self, ctx: Context) -> None:
        if self.world.check_via and not is_own_via(ctx):
            ctx.log(L_NOTICE, "ERROR: forward_reply: host in first via!=me")
            self.world.counters.dropped_replies += 1
            return
        try:
            for module in self._reply_hooks:
                if not module.on_reply(ctx):
                    return
            forward_reply(ctx)
        except Exception as e:
            self.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
