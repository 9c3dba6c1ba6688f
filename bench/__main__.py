"""`python -m bench capacity|forward|options|call|register|auth|lookup|beside|gap|idle|instructions|start|compile|reload|trace`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.beside import measure_beside
from bench.capacity import ORIGINAL, Setting, measure_capacity
from bench.compile import compile_times
from bench.gap import measure_gaps
from bench.idle import count_wakes
from bench.instructions import RATE, count_instructions
from bench.measure import FLOOR, KAMAILIO, OURS, Plan, measure, report, summary
from bench.process import CannotMeasure, before_others
from bench.reload import reload_times
from bench.scenario import FORWARD, SCENARIOS, Scenario
from bench.start import start_times
from bench.trace import trace_costs

BURSTS: Final = (1, 8)


def command_of(name: str) -> str:
    """Our command beside this Python if there is one, else whatever PATH finds."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def main(words: list[str] | None = None) -> int:
    """Run one benchmark; 0, or 2 with a line on stderr if it could not run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="also write all figures to FILE")
    commands = parser.add_subparsers(dest="command", required=True)
    for scenario in SCENARIOS:
        _add_scenario(commands.add_parser(scenario.name, help=f"CPU time per {scenario.unit}"), scenario)
    _add_capacity(commands.add_parser("capacity", help="the highest rate that one core carries, and what is beyond"))
    _add_instructions(commands.add_parser("instructions", help="instructions per unit, counted by callgrind"))
    beside = commands.add_parser(
        "beside",
        help="delays of lookups and REGISTERs while all contacts are dumped, searched for expired ones, or end",
    )
    beside.add_argument("--users", type=int, default=100_000, help="(%(default)s)")
    beside.add_argument("--register-rate", type=int, default=5_000, help="that users register at (%(default)s)")
    beside.add_argument("--rate", type=int, default=1_000, help="requests a second (%(default)s)")
    beside.add_argument("--seconds", type=float, default=5.0, help="of one measurement (%(default)s)")
    beside.add_argument("--rounds", type=int, default=3, help="in turn without and with it; medians (%(default)s)")
    beside.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    _add_gap(commands.add_parser("gap", help="the longest time that a worker works between two receives"))
    idle = commands.add_parser("idle", help="how often a server without work wakes up")
    idle.add_argument("--seconds", type=float, default=30.0, help="(%(default)s)")
    idle.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    idle.add_argument("-n", "--workers", type=int, default=4, help="UDP workers (%(default)s)")
    start = commands.add_parser("start", help="time from the start of ser to the first answer")
    start.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    start.add_argument("--rounds", type=int, default=3)
    compiler = commands.add_parser("compile", help="time of serc on generated configs")
    compiler.add_argument("--serc", default=command_of("serc"), metavar="COMMAND", help="our compiler (%(default)s)")
    compiler.add_argument("--lines", type=int, nargs="+", default=[1_000, 10_000], metavar="N")
    compiler.add_argument("--ifs", type=int, nargs="+", default=[1_000, 10_000], metavar="N", help="in one route")
    compiler.add_argument("--rounds", type=int, default=3)
    reload = commands.add_parser("reload", help="time of a reload, and how long a message waits meanwhile")
    reload.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    reload.add_argument("-n", "--workers", type=int, default=8, help="UDP workers (%(default)s)")
    reload.add_argument("--pending", type=int, default=10_000, help="transactions under way (%(default)s)")
    reload.add_argument("--rounds", type=int, default=5)
    trace = commands.add_parser(
        "trace", help="instructions of a call that is watched, and of one that is not, by callgrind"
    )
    trace.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    trace.add_argument("--serctl", default=command_of("serctl"), metavar="COMMAND", help="our client (%(default)s)")
    trace.add_argument("--units", type=int, default=100, help="calls of the smaller one of two loads (%(default)s)")
    trace.add_argument("--rate", type=int, default=RATE, help="calls a second (%(default)s)")
    arguments = parser.parse_args(words)
    try:
        with before_others():
            result = _run(arguments)
    except (CannotMeasure, FileNotFoundError, subprocess.CalledProcessError) as e:
        print(f"bench: {e}", file=sys.stderr)
        return 2
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _add_scenario(parser: argparse.ArgumentParser, scenario: Scenario) -> None:
    parser.add_argument("--rate", type=int, default=scenario.rate, help="a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    bursts = " and ".join(map(str, BURSTS))
    parser.add_argument("--bursts", type=int, nargs="+", metavar="N", help=f"requests sent back to back ({bursts})")
    parser.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    parser.add_argument("-n", "--workers", type=int, default=1, help="UDP workers of our server (%(default)s)")
    parser.add_argument("--only", choices=(OURS, KAMAILIO, FLOOR), help="measure one server")
    if scenario is FORWARD:
        parser.add_argument("--floor", action="store_true", help="measure the bare system calls as well")


def _add_gap(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--users", type=int, default=1_000_000, help="with a contact each (%(default)s)")
    parser.add_argument("--register-rate", type=int, default=10_000, help="REGISTERs a second before it (%(default)s)")
    parser.add_argument("--rate", type=int, default=16_000, help="lookups a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="(%(default)s)")
    parser.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")


def _add_capacity(parser: argparse.ArgumentParser) -> None:
    names = [scenario.name for scenario in SCENARIOS if scenario is not FORWARD]
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", choices=[*names, []], help=f"{' '.join(names)} (all)"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of one load (%(default)s)")
    parser.add_argument("--burst", type=int, default=1, help="requests sent back to back (%(default)s)")
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[], metavar="N", help="run these, a second, and search for nothing"
    )
    parser.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    parser.add_argument("--only", choices=(OURS, KAMAILIO, ORIGINAL), help="measure one server")
    parser.add_argument("--original", default="", metavar="PATH", help="the ser of SER 0.9.7, to be measured as well")
    parser.add_argument("--modules", default="/usr/lib/ser/modules", metavar="DIR", help="its modules (%(default)s)")


def _capacity(arguments: argparse.Namespace) -> dict[str, object]:
    servers: tuple[str, ...] = (OURS, KAMAILIO) + ((ORIGINAL,) if arguments.original else ())
    setting = Setting(
        ser=shlex.split(arguments.ours),
        servers=(arguments.only,) if arguments.only else servers,
        seconds=arguments.seconds,
        server_core=_cores()[0],
        load_core=_cores()[1],
        burst=arguments.burst,
        original=arguments.original,
        modules=arguments.modules,
        rates=tuple(arguments.rates),
    )
    chosen = [s for s in SCENARIOS if s is not FORWARD and s.name in (arguments.scenarios or [s.name])]
    return measure_capacity(chosen, setting)


def _cores() -> tuple[int | None, int | None]:
    """For the server and for the load; None for any."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


def _add_instructions(parser: argparse.ArgumentParser) -> None:
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", choices=[*names, []], help=f"{' '.join(names)} (all)"
    )
    parser.add_argument("--units", type=int, default=200, help="of the smaller one of two loads (%(default)s)")
    parser.add_argument("--rate", type=int, default=RATE, help="units a second (%(default)s)")
    parser.add_argument("--burst", type=int, default=1, help="units begun back to back (%(default)s)")
    parser.add_argument("--ours", default=command_of("ser"), metavar="COMMAND", help="our server (%(default)s)")
    parser.add_argument("--only", choices=(OURS, KAMAILIO), help="measure one server")


def _run(arguments: argparse.Namespace) -> dict[str, object]:
    if arguments.command == "start":
        return start_times(shlex.split(arguments.ours), arguments.rounds)
    if arguments.command == "compile":
        return compile_times(shlex.split(arguments.serc), arguments.lines, arguments.ifs, arguments.rounds)
    if arguments.command == "beside":
        ser = shlex.split(arguments.ours)
        return measure_beside(
            ser,
            arguments.users,
            arguments.register_rate,
            arguments.rate,
            arguments.seconds,
            arguments.rounds,
            _cores(),
        )
    if arguments.command == "gap":
        ser = shlex.split(arguments.ours)
        return measure_gaps(ser, arguments.users, arguments.register_rate, arguments.rate, arguments.seconds, _cores())
    if arguments.command == "idle":
        return count_wakes(shlex.split(arguments.ours), arguments.workers, arguments.seconds)
    if arguments.command == "reload":
        return reload_times(shlex.split(arguments.ours), arguments.workers, arguments.pending, arguments.rounds)
    if arguments.command == "trace":
        ser, serctl = shlex.split(arguments.ours), shlex.split(arguments.serctl)
        return trace_costs(ser, serctl, arguments.units, arguments.rate)
    if arguments.command == "capacity":
        return _capacity(arguments)
    if arguments.command == "instructions":
        chosen = [
            scenario for scenario in SCENARIOS if scenario.name in (arguments.scenarios or [s.name for s in SCENARIOS])
        ]
        servers = (arguments.only,) if arguments.only else (OURS, KAMAILIO)
        ser, units = shlex.split(arguments.ours), arguments.units
        return count_instructions(chosen, servers, ser, units, arguments.rate, arguments.burst)
    plan = _plan(arguments)
    where = "on any core" if plan.server_core is None else f"on core {plan.server_core}, load on core {plan.load_core}"
    print(f"{plan.rate} a second for {plan.seconds:g} s, {plan.rounds} rounds, server {where}")
    if OURS in plan.servers:
        version = subprocess.run([*plan.ser, "-V"], check=True, capture_output=True, text=True).stdout
        print(f"ours, -n {plan.workers}:", "; ".join(version.splitlines()[:2]))
    result = summary(plan, measure(plan))
    print(report(result))
    return result


def _plan(arguments: argparse.Namespace) -> Plan:
    scenario = next(s for s in SCENARIOS if s.name == arguments.command)
    servers: tuple[str, ...] = (arguments.only,) if arguments.only else (OURS, KAMAILIO)
    if scenario is FORWARD and arguments.floor and not arguments.only:
        servers += (FLOOR,)
    if FLOOR in servers and scenario is not FORWARD:
        raise CannotMeasure(f"the floor program cannot play {scenario.name}")
    if KAMAILIO in servers and not shutil.which("kamailio"):
        raise CannotMeasure("kamailio is not installed (Debian package kamailio); --only ours does without")
    server_core, load_core = _cores()
    return Plan(
        scenario=scenario,
        ser=shlex.split(arguments.ours),
        rate=arguments.rate,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        bursts=tuple(arguments.bursts or BURSTS),
        servers=servers,
        workers=arguments.workers,
        server_core=server_core,
        load_core=load_core,
    )


if __name__ == "__main__":
    sys.exit(main())
