"""dnsbl: is the sender of a request on a DNS blocklist?"""

from __future__ import annotations

import mmap
from typing import Final, final

from runtime.routing.command import Command, Inquiry
from runtime.routing.context import L_NOTICE, Context
from runtime.routing.module import Module
from runtime.routing.names import HostAddresses
from runtime.routing.ports import Log
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.transport import Send
from runtime.spec.declare import EVERYWHERE, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_sip import host, host_mistake

NUMBER_BYTES: Final = 8


@final
class Counter:
    """A number in memory that all processes share; two that count at the same moment may count one."""

    def __init__(self, memory: mmap.mmap, place: int) -> None:
        self._memory: Final = memory
        self._start: Final = place * NUMBER_BYTES

    def value(self) -> int:
        return int.from_bytes(self._memory[self._start : self._start + NUMBER_BYTES], "little")

    def set(self, value: int) -> None:
        self._memory[self._start : self._start + NUMBER_BYTES] = value.to_bytes(NUMBER_BYTES, "little")


@final
class Dnsbl(Module):
    """Asks the zone of a blocklist, and counts what it says. `report_s`: how often the counts are logged."""

    # What `bind` makes.
    log: Log
    asked: Counter
    listed: Counter

    def __init__(self, *, zone: str = "zen.spamhaus.org", report_s: int = 3600) -> None:
        super().__init__("dnsbl")
        self.zone: Final = zone.encode("ascii")
        self.report_s: Final = report_s

    def bind(self, world: World) -> None:
        """Before the processes fork: what is made here is shared by all of them."""
        memory = world.shared.take(2 * NUMBER_BYTES, "dnsbl")
        self.asked, self.listed = Counter(memory, 0), Counter(memory, 1)
        self.log = world.log

    def commands(self) -> list[Command]:
        return [Command("dnsbl_stats", self.tell)]

    def timers(self) -> list[Timer]:
        return [Timer("dnsbl report", 1000 * self.report_s, self.report, once_per_server=True)]

    # --- script functions --------------------------------------------------------------------------------------------

    def dnsbl_listed(self, ctx: Context) -> bool:
        """True if the sender's address is in the zone. The route waits for the answer, the server does not."""
        return self.dnsbl_listed_in(ctx, self.zone)

    def dnsbl_listed_in(self, ctx: Context, zone: bytes) -> bool:
        """The same in another zone. False for IPv6, and where no answer comes."""
        if len(ctx.source.ip) != 4:
            return False
        name = b".".join([b"%d" % byte for byte in reversed(ctx.source.ip)]) + b"." + zone
        names = ctx.world.names
        if names.missing_ips(name, ctx.now_ms) is not None:
            ctx.wait(HostAddresses(names, name))
        found = len(names.ips_now(name, ctx.now_ms)) > 0
        self.asked.set(self.asked.value() + 1)
        if found:
            self.listed.set(self.listed.value() + 1)
        return found

    # --- what others ask for -----------------------------------------------------------------------------------------

    def tell(self, inquiry: Inquiry) -> None:
        """`serctl fifo dnsbl_stats`."""
        inquiry.answer(inquiry.ok + b"\nasked: %d\nlisted: %d\n" % (self.asked.value(), self.listed.value()))

    def report(self, now_ms: int, sends: list[Send]) -> None:
        """Once per server, whatever the number of its processes: the counts begin anew."""
        self.log.write(L_NOTICE, f"dnsbl: {self.asked.value()} senders asked for, {self.listed.value()} listed")
        self.asked.set(0)
        self.listed.set(0)


EXPORTS: Final = ModuleSpec(
    name="dnsbl",
    implementation="ser_dnsbl:Dnsbl",
    summary="Asks DNS blocklists about the senders of requests.",
    functions=(
        function(
            "dnsbl_listed",
            Dnsbl.dnsbl_listed,
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            waits=True,
            summary="True if the sender is listed.",
        ),
        function(
            "dnsbl_listed",
            Dnsbl.dnsbl_listed_in,
            host("zone"),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            waits=True,
            summary="The same in this zone.",
        ),
    ),
    params=(
        string_param("zone", "zen.spamhaus.org", "Zone that dnsbl_listed() asks.", check=host_mistake),
        integer_param("report_s", 3600, "How often the counts are logged, in seconds.", low=1),
    ),
    fifo_commands=("dnsbl_stats",),
)
