"""The whole engine: a datagram in, datagrams out. Reads no clock and owns no socket."""

from __future__ import annotations

from types import TracebackType
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.config import Config
from runtime.routing.context import L_DBG, L_ERR, L_NOTICE, L_WARN, Context
from runtime.routing.destination import UnresolvableDestination
from runtime.routing.effects import Send
from runtime.routing.forwarding import forward_reply, is_own_via
from runtime.routing.module import Module, ModuleError
from runtime.routing.ports import Log, Resolver
from runtime.routing.program import Program
from runtime.routing.sockets import ListenSocket, SocketTable
from runtime.routing.world import World
from runtime.sip.address import Address
from runtime.sip.message import parse
from runtime.sip.scan import BadMessage

MIN_UDP_PACKET: Final = 32


class StartError(Exception):
    """The program cannot run here: `str()` is one sentence for the administrator."""


@final
class Engine:
    """One compiled ser.cfg in one process.

    `config` is the program's with the command line applied. `bind` runs once before the processes fork, `start_worker`
    in each of them, `receive` for every datagram.
    """

    def __init__(self, program: Program, config: Config, sockets: SocketTable, log: Log, resolver: Resolver) -> None:
        self.program: Final = program
        self.world: Final = World(config, sockets, log, resolver)
        self._request: Final = program.request
        self._filters: list[Module] = [m for m in program.modules if m.filters_requests]
        self._reply_hooks: list[Module] = [m for m in reversed(program.modules) if m.handles_replies]
        self._enders: list[Module] = [m for m in program.modules if m.ends_requests]

    def bind(self) -> None:
        """Initialise the modules in their order and resolve what the script names; raises StartError."""
        program = self.program
        world = self.world
        for module in program.modules:
            world.modules[module.name] = module
        try:
            for module in program.modules:
                module.bind(world)
            for destination in program.destinations:
                destination.resolve(world.resolver)
        except (ModuleError, UnresolvableDestination) as e:
            raise StartError(str(e)) from e
        for wanted in program.socket_names:
            if world.sockets.find(wanted) is None:
                raise StartError(f"force_send_socket: not listening on {wanted.text()}")

    def start_worker(self, pid: int) -> None:
        """Tell the modules that this process is a worker."""
        self.world.pid = pid
        for module in self.program.modules:
            module.start_worker(self.world)

    def receive(self, data: bytes, source: Address, socket: ListenSocket, now_ms: i64) -> list[Send]:
        """Handle one datagram; returns what is to be sent. Raises nothing that a peer could cause."""
        world = self.world
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
                where = f"{source.text.decode('ascii')}:{source.port}"
                world.log.write(L_ERR, f"ERROR: receive_msg: parse_msg failed: {e} (message from {where} dropped)")
            return []
        ctx = Context(world, message, source, socket, now_ms)
        if message.is_request:
            world.counters.requests += 1
            self._run_request(ctx)
        else:
            world.counters.replies += 1
            self._run_reply(ctx)
        return ctx.sends

    def _run_request(self, ctx: Context) -> None:
        try:
            for module in self._filters:
                if not module.on_request(ctx):
                    return
            self._run_main_route(ctx)
            for module in self._enders:
                module.after_request(ctx)
        except Exception as e:  # a bug of ours or in a module: this message is lost, the worker goes on
            self._report_bug(ctx, e)

    def _run_main_route(self, ctx: Context) -> None:
        route = self._request
        if route is None:
            ctx.log(L_ERR, "WARNING: run_actions: null action list: there is no main route")
        elif route(ctx) < 0:
            self.world.counters.failed_scripts += 1
            ctx.log(L_DBG, "WARNING: receive_msg: error while trying script")

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
            self._report_bug(ctx, e)

    def _report_bug(self, ctx: Context, error: Exception) -> None:
        self.world.counters.script_bugs += 1
        line = _line_of(self.program, error.__traceback__)
        place = f"{self.program.source}:{line}" if line else self.program.source
        what = f"{type(error).__name__}: {error}"
        call_id = ctx.message.value(ctx.message.call_id).decode("latin-1")
        ctx.log(L_ERR, f"BUG: {place}: {what} (Call-ID {call_id}; the message is dropped, please report this)")


def _line_of(program: Program, traceback: TracebackType | None) -> int:
    """The line of ser.cfg where an exception passed through the compiled routes, innermost; 0 when it did not."""
    found = 0
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("PROGRAM") is program:
            found = program.lines.get(traceback.tb_lineno, found)
        traceback = traceback.tb_next
    return found
