"""What a process has done since it started, as the statistics have it; compiled in the native build."""

from __future__ import annotations

import resource

from runtime.routing.asking import Asking
from runtime.server.worker.loop import Worker


def counts_of(worker: Worker) -> dict[str, int]:
    """By the names that runtime/server/processes/statistics.py knows."""
    engine, overload = worker.engine, worker.overload
    world = engine.world
    found = world.counters.as_dict()
    found["messages"] = int(worker.received)
    _count_questions(world.asking, found)
    found["sent"] = int(worker.outgoing.sent)
    found["not_sent"] = int(worker.outgoing.failed)
    found["handed_over"] = int(worker.handed_over)
    exchange = worker.exchange
    if exchange is not None:
        found["letters_lost"] = int(exchange.post.dropped)
        if worker.keeps_state and exchange.number < exchange.owners:
            found["unfinished"] = worker.unfinished()
    streams = worker.streams
    if streams is not None:
        found["tcp_connections"] = streams.connections()
        found["tcp_refused"] = int(streams.refused)
    found["short_of_memory"] = int(worker.short_of_memory) + world.bugs.short_of_memory
    guard = engine.guard
    if guard is not None and overload is not None:
        found["overloads"] = int(overload.times)
        found["refused_overload"] = int(guard.refused)
        found["dropped_overload"] = int(guard.dropped)
        # That one is of the end of the server.
        found["refused"] -= int(guard.refused)
    found["bugs"] = int(worker.bugs) + world.bugs.count
    # A process that only has connections has not started the modules: they have nothing to tell there.
    for module in engine.program.modules if engine.is_started else ():
        for name, count in module.statistics().items():
            found[f"{module.name}:{name}"] = count
    meter = engine.meter
    if meter is not None:
        meter.tell(found)
    found["peak_memory_kb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found


def _count_questions(asking: Asking, found: dict[str, int]) -> None:
    for kind in asking.kinds:
        found[f"{kind.name}_waited"] = found.get(f"{kind.name}_waited", 0) + int(kind.waited)
        found[f"{kind.name}_late"] = found.get(f"{kind.name}_late", 0) + int(kind.late)
        found[f"{kind.name}_refused"] = found.get(f"{kind.name}_refused", 0) + int(kind.refused)
        kind.took.tell(found, f"question~{kind.name}")
