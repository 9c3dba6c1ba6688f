"""Servers in turn under the same load: CPU time, loss, latency, and the ratio to Kamailio."""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NotRequired, TypedDict

from bench.native import program
from bench.process import CannotMeasure, Process, free_port, on_core, running
from bench.scenario import Scenario, floor_command, kamailio_command, kamailio_config, ser_command, ser_config

WARM_UP_S: Final = 0.5
USERS: Final = 1_000
REGISTER_RATE: Final = 2_000
OURS: Final = "ours"
KAMAILIO: Final = "kamailio"
FLOOR: Final = "floor"


class Load(TypedDict):
    """What load.c prints."""

    sent: int
    done: int
    lost: int
    in_time: int
    refused: int
    duplicates: int
    unchanged: int
    foreign: int
    recovered_lost: NotRequired[int]
    seconds: float
    late_us: float
    min_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float


@dataclass(frozen=True)
class Plan:
    """How to measure. Rate in units a second; `bursts`: how many requests leave back to back, one series for each.

    `workers` are those of our server; the others have one.
    """

    scenario: Scenario
    ser: list[str]
    rate: int
    seconds: float
    rounds: int
    bursts: tuple[int, ...]
    servers: tuple[str, ...]
    workers: int
    server_core: int | None
    load_core: int | None


@dataclass(frozen=True)
class Run:
    """One server, one load."""

    server: str
    round: int
    burst: int
    cpu_us: float
    load: Load


def measure(plan: Plan) -> list[Run]:
    """All runs, printed as they come. The servers take turns within a round, so that drift of the machine cancels."""
    print(HEADING, flush=True)
    runs: list[Run] = []
    for number in range(plan.rounds):
        order = plan.servers if number % 2 == 0 else tuple(reversed(plan.servers))
        for server in order:
            for run in _measure_server(plan, server, number):
                print(_row(run), flush=True)
                runs.append(run)
    return runs


def _measure_server(plan: Plan, server: str, number: int) -> list[Run]:
    port, callee_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = command_of(plan.scenario, server, folder, port, callee_port, plan.ser, plan.workers)
        with running(server, command, port, core=plan.server_core, probe_port=callee_port) as process:
            return [_measure_load(plan, process, number, burst, port, callee_port) for burst in plan.bursts]


def command_of(
    scenario: Scenario, server: str, folder: str, port: int, callee_port: int, ser: list[str], workers: int
) -> list[str]:
    """The server's command; its config is written into `folder`. `ser` and `workers` are those of our server."""
    config = Path(folder) / f"{server}.cfg"
    if server == FLOOR:
        return floor_command(port, callee_port)
    database = f"{folder}/users.sqlite"
    if scenario.has_database:
        make_users(database, USERS)
    if server == KAMAILIO:
        config.write_text(kamailio_config(scenario, port).replace("@DATABASE@", f"/{database}"))
        return kamailio_command(str(config), folder)
    config.write_text(ser_config(scenario).replace("@DATABASE@", database))
    return ser_command(ser, str(config), port, workers)


def make_users(file: str, users: int) -> None:
    """A database with as many users as the load plays, all with the same password."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE version (table_name VARCHAR(64), table_version INT)")
        database.execute("INSERT INTO version VALUES ('subscriber', 5)")
        database.execute(
            "CREATE TABLE subscriber (username VARCHAR(64), domain VARCHAR(128), password VARCHAR(25), PRIMARY KEY (username, domain))"
        )
        rows = [(f"suser{number:08x}", "127.0.0.1", "secret") for number in range(users)]
        database.executemany("INSERT INTO subscriber VALUES (?, ?, ?)", rows)


def _measure_load(plan: Plan, process: Process, number: int, burst: int, port: int, callee_port: int) -> Run:
    register_users(plan.scenario, USERS, REGISTER_RATE, port, callee_port, plan.load_core)
    _load(plan, burst, WARM_UP_S, port, callee_port)
    before_ns = process.cpu_ns()
    done = _load(plan, burst, plan.seconds, port, callee_port)
    cpu_ns = process.cpu_ns() - before_ns
    return Run(process.name, number, burst, cpu_ns / 1000 / max(done["done"], 1), done)


def _load(plan: Plan, burst: int, seconds: float, port: int, callee_port: int) -> Load:
    count = max(1, int(plan.rate * seconds))
    return load(plan.scenario.mode, plan.rate, count, port, callee_port, burst=burst, core=plan.load_core)


def register_users(scenario: Scenario, users: int, rate: int, port: int, callee_port: int, core: int | None) -> None:
    """What each user has to do before the scenario begins. Raises CannotMeasure."""
    if not scenario.before:
        return
    done = load(scenario.before, rate, users, port, callee_port, core=core, users=users)["done"]
    if done < users:
        raise CannotMeasure(f"{done} of {users} users were registered")


def load(
    mode: str,
    rate: float,
    count: int,
    port: int,
    callee_port: int,
    *,
    burst: int = 1,
    core: int | None = None,
    users: int = USERS,
) -> Load:
    """Run load.c once: `count` requests, `rate` a second, to the server on `port`."""
    words: list[object] = [*on_core(core), program("load"), "-m", mode, "-t", port, "-s", callee_port]
    words += ["-r", rate, "-n", count, "-b", burst, "-u", users]
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    result: Load = json.loads(done.stdout)
    return result


HEADING: Final = (
    "server     round  burst      done   lost   CPU us   p50 us   p99 us   max us\n"
    "---------------------------------------------------------------------------"
)


def _row(run: Run) -> str:
    load = run.load
    row = f"{run.server:<10} {run.round + 1:>5} {run.burst:>6} {load['done']:>9} {load['lost']:>6} {run.cpu_us:>8.2f}"
    row += f" {load['p50_us']:>8.0f} {load['p99_us']:>8.0f} {load['max_us']:>8.0f}"
    odd = [f"{load[key]} {key}" for key in ("refused", "unchanged", "foreign", "duplicates") if load[key]]
    return row + (f"  ({', '.join(odd)})" if odd and run.server != FLOOR else "")


def summary(plan: Plan, runs: Sequence[Run]) -> dict[str, object]:
    """Medians, and where both ran, the ratio ours/Kamailio of each round with its spread; ready for JSON."""
    result: dict[str, object] = {
        "scenario": plan.scenario.name,
        "unit": plan.scenario.unit,
        "rate": plan.rate,
        "workers": plan.workers,
        "seconds": plan.seconds,
        "runs": [asdict(run) for run in runs],
        "bursts": {burst: _of_burst(plan, [run for run in runs if run.burst == burst]) for burst in plan.bursts},
    }
    return result


def _of_burst(plan: Plan, runs: Sequence[Run]) -> dict[str, object]:
    result: dict[str, object] = {}
    for server in plan.servers:
        mine = [run for run in runs if run.server == server]
        result[server] = {
            "cpu_us": statistics.median(run.cpu_us for run in mine),
            "p50_us": statistics.median(run.load["p50_us"] for run in mine),
            "p99_us": statistics.median(run.load["p99_us"] for run in mine),
            "lost": sum(run.load["lost"] for run in mine),
        }
    peers = {run.round: run.cpu_us for run in runs if run.server == KAMAILIO}
    ratios = sorted(run.cpu_us / peers[run.round] for run in runs if run.server == OURS and run.round in peers)
    if ratios:
        result["ratio"] = {"median": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]}
    return result


def report(result: dict[str, object]) -> str:
    """The summary for people."""
    lines = []
    bursts = result["bursts"]
    assert isinstance(bursts, dict)
    for burst, by_server in bursts.items():
        arrival = "evenly spaced" if burst == 1 else f"in bursts of {burst}"
        lines.append(f"CPU time per {result['unit']}, {result['rate']} a second {arrival}, median of the rounds:")
        for server, figures in by_server.items():
            if server == "ratio":
                low, high = figures["low"], figures["high"]
                lines.append(f"  ours/kamailio {figures['median']:.2f} ({low:.2f} to {high:.2f})")
            else:
                delays = f"p50 {figures['p50_us']:.0f} us, p99 {figures['p99_us']:.0f} us"
                lines.append(f"  {server:<10} {figures['cpu_us']:7.2f} us, {delays}, lost {figures['lost']}")
    return "\n".join(lines)
