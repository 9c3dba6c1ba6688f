"""The processes that have the TCP connections. They run the program if it keeps no state, or nobody else is there to."""

from __future__ import annotations

import resource
import time
from typing import Final

from runtime.server.mail.exchange import TCP_RECEIVERS
from runtime.server.processes.kind import Kind, Run, Seat
from runtime.server.processes.workplace import Workplace, endless
from runtime.server.streams.limits import QUEUED_MAX_BYTES, Limits
from runtime.server.streams.streams import Streams

# Descriptors of a TCP process that are no connections, beside those of sockets and mailboxes.
_OTHER_FILES: Final = 64
# A TCP process in the place of a dead one begins its numbers where the other cannot have come: nobody opens more connections
# than this in a second.
_NUMBERS_A_SECOND: Final = 4096
# So many connections any host may open, and as many may be opened to it, and up to a quarter of all.
_ONE_HOST: Final = 16
# This part of the memory that -m allows may wait for peers that do not read; so much in each process in any case.
_OF_MEMORY: Final = 4
_LEAST_QUEUED: Final = 2 << 20


def kind(workplace: Workplace) -> Kind:
    opened_s = time.monotonic()
    doors, datagrams = workplace.inheritance.doors, workplace.inheritance.datagrams

    def job(seat: Seat) -> Run:
        index = seat.place
        doors.keep(index)
        doors.leave()
        datagrams.keep(index)
        exchange = seat.exchange()
        first = 1 + int(time.monotonic() - opened_s) * _NUMBERS_A_SECOND
        streams = Streams(
            index, workplace.receivers, first, doors.inside[index], workplace.table, _limits(workplace), workplace.log
        )
        if exchange.is_owner:
            workplace.start_engine(exchange, streams)
        return endless(workplace.worker(seat, exchange, index, None, streams))

    titles = ["tcp receiver"] * workplace.receivers
    return Kind(
        TCP_RECEIVERS, titles, job, keeps=(doors, datagrams), handles_messages=True, tells_counts=True, has_program=True
    )


def _limits(workplace: Workplace) -> Limits:
    """As many connections as there may be files; where nobody has set a limit it is raised as far as that goes."""
    config = workplace.config
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if config.open_files_limit < 0 and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    files = _OTHER_FILES + 2 * (workplace.workers + workplace.receivers)
    connections = max(1, soft - files)
    one_host = max(_ONE_HOST, connections // 4)
    memory = workplace.engine.world.memory_bytes // _OF_MEMORY // workplace.receivers
    return Limits(
        connections,
        config.tcp_connect_timeout * 1000,
        config.tcp_send_timeout * 1000,
        min(connections, one_host),
        max(memory, _LEAST_QUEUED) if memory else QUEUED_MAX_BYTES,
    )
