"""The whole engine: a datagram in, datagrams out. Reads no clock and owns no socket."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.absorbing import is_absorbed
from runtime.routing.asking import Cancelled
from runtime.routing.avps import AvpName
from runtime.routing.bugs import Bugs
from runtime.routing.command import Command
from runtime.routing.config import Config
from runtime.routing.context import L_DBG, L_ERR, L_NOTICE, L_WARN, Context
from runtime.routing.database import Driver
from runtime.routing.destination import UnresolvableDestination
from runtime.routing.dns_records import Answer, NameQuestion
from runtime.routing.draining import Draining
from runtime.routing.edition import Edition, obstacles
from runtime.routing.forwarding import add_alias
from runtime.routing.loudness import Loudness, namespace_of
from runtime.routing.meter import Meter
from runtime.routing.module import Module, ModuleError
from runtime.routing.ports import Connections, Log, Resolver, Watches
from runtime.routing.prepared import CannotPrepare
from runtime.routing.program import Program
from runtime.routing.refusing import Unreadable, refuse_ambiguous, refuse_unreadable, refuse_without_tuple
from runtime.routing.reply_forwarding import forward_reply, is_own_via
from runtime.routing.replying import ViaNames
from runtime.routing.shared import SharedMemory, SharedMemoryFull
from runtime.routing.sockets import SocketTable
from runtime.routing.timer import Schedule, Timer
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.address import UDP, Address
from runtime.sip.message import parse
from runtime.sip.scan import BadMessage
from runtime.sip.soundness import ambiguity_in
from runtime.sip.transport import ListenSocket, Send

MIN_UDP_PACKET: Final = 32


class ProgramError(Exception):
    """The program cannot run here: `str()` is one sentence for the administrator."""


@final
class Ready:
    """A program that can take the place of another one at once: its modules are bound. `kept` is what there was before that."""

    def __init__(self, edition: Edition, kept: dict[str, object]) -> None:
        self.edition: Final = edition
        self.kept: Final = kept
        self.modules: Final[dict[str, object]] = {}
        self.offers: Final[dict[str, object]] = {}
        self.avp_aliases: Final[dict[bytes, AvpName]] = {}
        self.timers: list[Timer] = []


@final
class Engine:
    """One compiled ser.cfg in one process.

    `config` is the program's with the command line applied, `folder` the one in which relative names of files are meant.
    `bind` runs once before the processes fork, `start_worker` in each of them, `handle` for every message.
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
        bugs = Bugs(program.source, log)
        self.world: Final = World(config, sockets, log, resolver, bugs, folder, shared)
        self._edition = Edition(program, config)
        # What this process runs of the modules' timers.
        self.schedule: Final = Schedule(log, bugs)
        # What is measured; None: nothing is.
        self.meter: Meter | None = None
        self.loudness: Final = Loudness(self.world, self._edition)
        self._timers: list[Timer] = []
        self._draining: Draining | None = None
        # What `start_worker` was told; None before it.
        self._is_timer_process: bool | None = None
        # Who refuses what is new while there is too much to do; None where nobody does.
        self.guard: Draining | None = None
        self._is_overloaded = False
        self.world.parked.is_repetition = self._is_repetition
        # All messages of a Call-ID must be handled in one process.
        self.keeps_state: Final = len(self._edition.stateful) > 0

    @property
    def program(self) -> Program:
        """The one that the next message will meet."""
        return self._edition.program

    @property
    def edition(self) -> Edition:
        """The same, with the hooks of its modules."""
        return self._edition

    def bind(self) -> None:
        """Initialise the modules in their order and resolve what the script names; raises ProgramError."""
        self._timers = self._bind(self._edition)

    def exchange(self, program: Program, config: Config) -> None:
        """From the next message on run `program`; `config` is its own with the command line applied.

        What its modules keep lives on: transactions, locations, counts. What has begun ends with the program that it began with: a
        message whose route waits, and a transaction. Raises ProgramError, which names all that cannot change while the server runs,
        or says what the start of the new modules fails at; then everything is as before.
        """
        self.switch(self.ready(program, config))

    def ready(self, program: Program, config: Config) -> Ready:
        """Everything that `switch` needs, while the old program goes on. Raises ProgramError as `exchange` does."""
        world = self.world
        old = self._edition
        new = Edition(program, config)
        hindrances = obstacles(old, new)
        cure = "\n  hint: serctl restart serves it as it is now"
        if self._draining is not None:
            hindrances.append("the server is about to end")
            cure = ""
        if hindrances:
            raise ProgramError("cannot change while the server runs: " + "; ".join(hindrances) + cure)
        world.shared.close()
        ready = Ready(new, world.kept.snapshot())
        modules, offers, aliases = world.modules, world.offers, world.avp_aliases
        is_good = False
        try:
            world.modules, world.offers, world.avp_aliases = ready.modules, ready.offers, ready.avp_aliases
            world.take_config(config)
            ready.timers = self._bind(new)
            if any([timer.once_per_server for timer in ready.timers]) and not self.has_server_timers():
                raise ProgramError("cannot change while the server runs: no process runs timers of the whole server")
            if self._is_timer_process is not None:
                for module in program.modules:
                    self._start(module)
            is_good = True
        finally:
            world.modules, world.offers, world.avp_aliases = modules, offers, aliases
            world.take_config(old.config)
            if not is_good:
                self.discard(ready)
        return ready

    def switch(self, ready: Ready) -> None:
        """From the next message on run the program that has been made ready."""
        world = self.world
        before, self._edition = self._edition, ready.edition
        config = ready.edition.config
        world.modules, world.offers, world.avp_aliases = ready.modules, ready.offers, ready.avp_aliases
        world.take_config(config)
        self._count_routes(ready.edition)
        loudness = self.loudness
        is_new = config.debug != before.config.debug
        loudness.renew(ready.edition, config.debug if is_new else loudness.configured)
        world.bugs.source = ready.edition.program.source
        self._timers = ready.timers
        for one in (self._draining, self.guard):
            if one is not None:
                one.stateful = ready.edition.stateful
        if self._is_timer_process is not None:
            self.schedule.replace(self._own_timers(self._is_timer_process))

    def discard(self, ready: Ready) -> None:
        """It is not switched to after all."""
        self.world.kept.restore(ready.kept)

    def _bind(self, edition: Edition) -> list[Timer]:
        """Its modules' timers."""
        program = edition.program
        world = self.world
        for module in program.modules:
            world.modules[module.name] = module
            world.offers[module.name] = module.api()
        try:
            for module in program.modules:
                module.take_routes(program.failure, program.onreply)
            # Drivers need nobody, and others ask them for databases in their own `bind`: as in SER they may be loaded later.
            drivers = [module for module in program.modules if isinstance(module, Driver)]
            for module in drivers:
                module.bind(world)
            for module in program.modules:
                if module not in drivers:
                    module.bind(world)
            for destination in program.destinations:
                destination.resolve(world.resolver)
            for module in program.modules:
                module.prepare(world)
            for constant in program.prepared:
                constant.prepare(world)
        except (ModuleError, UnresolvableDestination, CannotPrepare, SharedMemoryFull) as e:
            raise ProgramError(str(e)) from e
        for wanted in program.socket_names:
            if world.sockets.find(wanted) is None:
                raise ProgramError(f"force_send_socket: not listening on {wanted.text()}")
        timers: list[Timer] = []
        for module in program.modules:
            timers.extend(module.timers())
        return timers

    def _own_timers(self, is_timer_process: bool) -> list[Timer]:
        return [timer for timer in self._timers if timer.once_per_server == is_timer_process]

    def commands(self) -> list[Command]:
        """Those of all modules, in the order of loadmodule; raises ProgramError where two have the same name."""
        found: list[Command] = []
        names: set[str] = set()
        for module in self.program.modules:
            for command in module.commands():
                if command.name.lower() in names:
                    raise ProgramError(f"{module.name}: another module has a FIFO command {command.name} already")
                names.add(command.name.lower())
                found.append(command)
        return found

    def end(self) -> None:
        """Tell the modules that all other processes have ended."""
        for module in self.program.modules:
            module.end()

    def has_server_timers(self) -> bool:
        """True if a module has something to do once per server: then there must be a process that runs the timers."""
        return any([timer.once_per_server for timer in self._timers])

    def server_timers(self) -> list[Timer]:
        """What the modules want done once per server: for who is the whole server in one process."""
        return [timer for timer in self._timers if timer.once_per_server]

    @property
    def is_started(self) -> bool:
        """Whether this process runs the program."""
        return self._is_timer_process is not None

    def start_worker(
        self,
        pid: int,
        connections: Connections | None = None,
        is_timer_process: bool = False,
        watches: Watches | None = None,
    ) -> None:
        """Tell the modules that this process is a worker, or the one that runs the timers of the whole server.

        `connections`: None where there is no TCP. `watches`: None where nothing beside messages is watched.
        """
        self._is_timer_process = is_timer_process
        self.schedule.add(self._own_timers(is_timer_process))
        self.world.set_pid(pid)
        self.world.asking.number_for(pid)
        self.world.asking.watches = watches
        self.world.connections = connections
        for module in self.program.modules:
            self._start(module)
        self._count_routes(self._edition)

    def _start(self, module: Module) -> None:
        if self.meter is not None:
            module.measure(self.meter)
        module.start_worker(self.world)

    def _count_routes(self, edition: Edition) -> None:
        if self.meter is not None:
            self.meter.count_routes(edition, namespace_of(edition))

    def measure(self, meter: Meter) -> None:
        """Somebody wants metrics. Called before `start_worker`."""
        self.meter = meter
        self.world.look_on(meter)

    # --- for those who have no loop ------------------------------------------------------------------------------------
    #
    # Each of these runs what it does apart, and returns what is to be sent when that has ended, or waits.

    def receive(
        self, data: bytes, source: Address, socket: ListenSocket, now_ms: i64, connection: i64 = 0
    ) -> list[Send]:
        """`handle` one message."""
        self.world.asking.apart(self.handle, data, source, socket, now_ms, connection)
        return self.take_sends()

    def tick(self, now_ms: i64) -> list[Send]:
        """`run_timers`."""
        self.run_timers(now_ms)
        return self.take_sends()

    def take_answer(self, number: int, answer: object, now_ms: i64) -> list[Send]:
        """The answer to question `number` has come."""
        self.world.asking.take(number, answer, now_ms)
        return self.take_sends()

    def take_name(self, question: NameQuestion, answer: Answer, now_ms: i64) -> list[Send]:
        """A name server has answered."""
        self.world.names.take(question, answer, now_ms)
        return self.take_sends()

    def send_failed(self, failed: Send, now_ms: i64) -> list[Send]:
        """`note_failure`."""
        self.note_failure(failed, now_ms)
        return self.take_sends()

    def take_sends(self) -> list[Send]:
        """What is to be sent, once all that was deferred is done; it is not to be sent any more."""
        self.world.asking.deferrals.finish(self.world.asking.now_ms)
        sends = list(self.world.outbox)
        self.world.outbox.clear()
        return sends

    # --- events --------------------------------------------------------------------------------------------------------
    #
    # What is to be sent goes into the outbox of the world.

    def handle(self, data: bytes, source: Address, socket: ListenSocket, now_ms: i64, connection: i64) -> None:
        """Handle one datagram, or one message of the TCP connection `connection`.

        Returns when that has been done, which is later than `now_ms` if a route had to wait: called in a greenlet whose parent
        lets others go on meanwhile. Raises nothing that a peer could cause. Where SER would close the connection the last thing
        to be sent is empty.
        """
        world = self.world
        if socket.proto == UDP:
            if len(data) < MIN_UDP_PACKET or source.port == 0:
                world.counters.dropped_short += 1
                return
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
            if connection:
                world.outbox.append(Send(b"", source, socket, connection))
            return
        ctx = Context(world, message, source, socket, now_ms, connection)
        edition = self._edition
        onlooker = world.onlooker
        if onlooker is not None:
            onlooker.came(ctx)
        ambiguity = ambiguity_in(message)
        if len(ambiguity) > 0:
            refuse_ambiguous(ctx, ambiguity)
        elif message.is_request:
            world.counters.requests += 1
            world.counters.methods[message.method] += 1
            if world.parked.count == 0 or not is_absorbed(world, edition, ctx):
                ctx.is_parkable = True
                self._run_request(edition, ctx)
        else:
            world.counters.replies += 1
            world.counters.classes[message.status // 100] += 1
            self._run_reply(edition, ctx)
        if onlooker is not None:
            onlooker.done(ctx)
        world.log.about = None

    def drain(self, retry_after_s: i64) -> None:
        """The server is to end: from now on only what is under way is handled, everything new is answered with 503."""
        if self._draining is None:
            self._draining = Draining(self.world, self._edition.stateful, retry_after_s)

    def guard_against_overload(self, retry_after_s: i64) -> None:
        """From now on `set_overloaded` counts."""
        self.guard = Draining(self.world, self._edition.stateful, retry_after_s, retry_after_s)

    def set_overloaded(self, is_overloaded: bool, is_silent: bool = False) -> None:
        """Whether what comes now and is new is to be answered with 503, or dropped, before any route sees it."""
        self._is_overloaded = is_overloaded
        if self.guard is not None:
            self.guard.is_silent = is_silent

    def under_way(self) -> int:
        """How much is not finished that a server which is to end should wait for."""
        count: int = self.world.asking.runs
        for module in self._edition.stateful:
            count += module.under_way()
        return count

    def next_timer_ms(self, now_ms: i64) -> i64:
        """Milliseconds until `run_timers` has something to do, module.NEVER (-1) if nothing is waiting."""
        soonest = self.world.asking.next_ms(now_ms)
        for module in self._edition.stateful:
            wait = module.next_timer_ms(now_ms)
            if wait >= 0 and (soonest < 0 or wait < soonest):
                soonest = wait
        if self.schedule.count > 0:
            wait = self.schedule.next_ms(now_ms)
            if soonest < 0 or wait < soonest:
                soonest = wait
        return soonest

    def run_timers(self, now_ms: i64) -> None:
        """Run the timers that are due, and let go on who has waited for too long."""
        self.world.asking.tick(now_ms)
        for module in self._edition.stateful:
            try:
                module.on_timer(now_ms)
            except Exception as e:
                self.world.bugs.report(e, None)
            self.world.log.about = None
        if self.schedule.next_ms(now_ms) == 0:
            # One that waits keeps nobody: the others are due again when this is next asked.
            self.world.asking.apart(self.schedule.run, now_ms, self.world.outbox)

    def note_failure(self, failed: Send, now_ms: i64) -> None:
        """Tell the modules that the kernel did not take a datagram: they may have something sent instead."""
        for module in self._edition.stateful:
            try:
                module.on_send_failure(failed, now_ms)
            except Exception as e:
                self.world.bugs.report(e, None)
            self.world.log.about = None

    def _is_repetition(self, ctx: Context) -> bool:
        """True if the request, whose main route is about to wait, is a repetition of one that is under way, and has been absorbed."""
        for module in self._edition.stateful:
            if module.absorbs(ctx):
                return True
        return False

    # --- routes ----------------------------------------------------------------------------------------------------------

    def _run_request(self, edition: Edition, ctx: Context) -> None:
        try:
            if not self._handle_request(edition, ctx):
                return
        except Cancelled:
            ctx.log(
                L_DBG, "DEBUG: receive_msg: the route ends where it waits: a CANCEL has come, or this is a repetition"
            )
        except Unreadable as why:
            refuse_unreadable(ctx, why)
        except Exception as e:  # a bug of ours or in a module: this message is lost, the worker goes on
            self.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
        for module in edition.enders:
            module.after_request(ctx)

    def _handle_request(self, edition: Edition, ctx: Context) -> bool:
        """False if the main route was not to run."""
        guard = self.guard
        if guard is not None:
            # The ACKs for what has been refused are nobody's business, also when that is over.
            is_ack = ctx.message.method == methods.ACK and guard.refused > 0
            if (self._is_overloaded or is_ack) and not guard.admits(ctx):
                return False
        if self.world.asks_first:
            question = ViaNames(ctx)
            if question.missing(self.world.names, ctx.now_ms) is not None:
                ctx.wait(question)
        draining = self._draining
        if draining is not None and not draining.admits(ctx):
            return False
        if ctx.connection and self.world.tcp_accept_aliases:
            via = ctx.message.via1
            if via is not None and via.alias:
                add_alias(ctx, via.port)
        for module in edition.filters:
            if not module.on_request(ctx):
                return False
        self._run_main_route(edition, ctx)
        if ctx.is_without_tuple:
            refuse_without_tuple(ctx)
        return True

    def _run_main_route(self, edition: Edition, ctx: Context) -> None:
        route = edition.request
        if route is None:
            ctx.log(L_ERR, "WARNING: run_actions: null action list: there is no main route")
        elif route(ctx) < 0:
            self.world.counters.failed_scripts += 1
            ctx.log(L_DBG, "WARNING: receive_msg: error while trying script")
            if ctx.connection:
                ctx.sends.append(Send(b"", ctx.source, ctx.socket, ctx.connection))

    def _run_reply(self, edition: Edition, ctx: Context) -> None:
        if self.world.check_via and not is_own_via(ctx):
            ctx.log(L_NOTICE, "ERROR: forward_reply: host in first via!=me")
            self.world.counters.dropped_replies += 1
            return
        try:
            for module in edition.reply_hooks:
                if not module.on_reply(ctx):
                    return
            forward_reply(ctx)
        except Exception as e:
            self.world.bugs.report(e, ctx.message.value(ctx.message.call_id))
