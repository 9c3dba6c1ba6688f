"""pike: those who send too much. Reference modules-main, chapter 26."""

from __future__ import annotations

import mmap
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.pike.table import BUCKET_BYTES, BUCKETS, NEWLY_BLOCKED, OK, Source, SourceTable
from runtime.routing.command import Command, Inquiry
from runtime.routing.context import L_WARN, Context
from runtime.routing.module import Module
from runtime.routing.world import World
from runtime.sip.address import from_packed
from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param
from runtime.spec.effects import Does


@final
class Pike(Module):
    """Finds sources that send over `reqs_density_per_unit` requests in `sampling_time_unit` seconds.

    It looks at the source address. SER looked at the host in the topmost Via, which a sender chooses as it likes.
    """

    _table: SourceTable

    def __init__(
        self, *, sampling_time_unit: int = 2, reqs_density_per_unit: int = 30, remove_latency: int = 120
    ) -> None:
        super().__init__("pike")
        self._unit_s: Final = sampling_time_unit
        self._unit_ms: Final[i64] = sampling_time_unit * 1000
        self._limit: Final = reqs_density_per_unit
        self._periods_kept: Final = max(remove_latency // sampling_time_unit, 1)

    def fixed(self) -> dict[str, object]:
        """What is counted is counted in units."""
        return {"sampling_time_unit": self._unit_s}

    def bind(self, world: World) -> None:
        """The memory that the processes share."""
        memory = world.keep("pike", mmap.mmap, lambda: world.shared.take(BUCKETS * BUCKET_BYTES, "pike", BUCKET_BYTES))
        self._table = SourceTable(self._limit, self._periods_kept, memory)

    def pike_check_req(self, ctx: Context) -> bool:
        """Count the request; False if its source sends too much. A blocked source is logged once in a period."""
        # From 1: 0 marks a free place in the table.
        verdict = self._table.count(ctx.source.ip, ctx.now_ms // self._unit_ms + 1)
        if verdict == NEWLY_BLOCKED:
            ctx.log(L_WARN, f"WARNING: pike_check_req: ALARM - TOO MANY HITS on {ctx.source.text.decode('ascii')} !!")
        return verdict == OK

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """SER has them on the FIFO only."""
        return [
            Command("print_ip_tree", self.print_ip_tree, by_socket=False),
            Command("print_timer_list", self.print_timer_list, by_socket=False),
        ]

    def print_ip_tree(self, inquiry: Inquiry) -> None:
        """A line for each source, with its address where SER has that of a node of its tree in memory. The form, and that there is no
        status line, are SER's."""
        lines: list[bytes] = []
        for source in self._sources(inquiry.now_ms):
            here = b"%d,%d" % (source.before, source.now)
            hits, leaf_hits = (b"0,0", here) if source.level == len(source.ip) else (here, b"0,0")
            shown = (source.level, _text_of(source), source.ip[source.level - 1], hits, leaf_hits)
            lines.append(b"[l%d] node %s; brh=0 byte=%d , hits={%s} , leaf_hits={%s]\n" % shown)
        inquiry.answer(b"".join(lines))

    def print_timer_list(self, inquiry: Inquiry) -> None:
        """A line for each source: in how many seconds it is forgotten."""
        lines: list[bytes] = []
        for source in self._sources(inquiry.now_ms):
            left_s = source.periods_left * self._unit_ms // 1000
            lines.append(b" %s [byte=%d](expires=%d)\n" % (_text_of(source), source.ip[source.level - 1], left_s))
        inquiry.answer(b"".join(lines))

    def _sources(self, now_ms: i64) -> list[Source]:
        return self._table.sources(now_ms // self._unit_ms + 1)


def _text_of(source: Source) -> bytes:
    return from_packed(source.ip, 0).text


EXPORTS: Final = ModuleSpec(
    name="pike",
    implementation="runtime.modules.pike:Pike",
    summary="Finds sources that send too many requests.",
    functions=(
        function(
            "pike_check_req",
            Pike.pike_check_req,
            routes=REQUEST,
            does=Does.LIMIT,
            alone="not stop a flood by itself",
            summary="False if the source sends too much.",
        ),
    ),
    params=(
        integer_param("sampling_time_unit", 2, "Seconds of each count.", low=1),
        integer_param("reqs_density_per_unit", 30, "Requests in that time that are too many.", low=1),
        integer_param("remove_latency", 120, "Seconds until a silent source is forgotten.", low=1),
    ),
    fifo_commands=("print_ip_tree", "print_timer_list"),
)
