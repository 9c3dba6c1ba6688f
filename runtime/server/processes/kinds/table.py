"""All kinds of processes beside the master and those of the control interface, in the order of SER's process table.

A new kind is a file with a function `kind`, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.server.processes.kind import Kind
from runtime.server.processes.kinds import accepting, db, dns, tcp, timer, udp
from runtime.server.processes.workplace import Workplace

KINDS: Final[tuple[Callable[[Workplace], Kind], ...]] = (
    udp.kind,
    timer.kind,
    tcp.kind,
    accepting.kind,
    dns.kind,
    db.kind,
)
