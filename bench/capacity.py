"""What a core carries: the highest rate with nothing lost and short delays, what is left of it beyond, and delays below.

The servers take turns under the same scenario, each pinned to one core with one worker. All rates are of whole units.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.measure import KAMAILIO, USERS, Load, command_of, load, register_users
from bench.process import free_port, running
from bench.scenario import Scenario, original_command, original_config

ORIGINAL: Final = "ser-0.9.7"

# A rate is carried if nothing is lost and of a hundred units one at most takes as long as this.
P99_MAX_US: Final = 20_000.0
# The search ends when the rate is known as well as this; it begins at this part of the scenario's usual rate.
PRECISION: Final = 0.05
FIRST: Final = 0.5
REGISTER_RATE: Final = 1_000

# Multiples of a server's own capacity, and of Kamailio's.
BEYOND: Final = (1.5, 2.0)
BELOW: Final = (0.5, 0.8)

# After too much load a server has so long to come back to itself.
RECOVERY_S: Final = 1.0
# The load falls behind its schedule by this much where it is the load that is at its limit.
LATE_US: Final = 20_000.0


@dataclass(frozen=True)
class Setting:
    """How to measure. `original` is the path of SER 0.9.7, "" without it, `modules` where its modules are. With `rates` nothing is
    searched for: these are run."""

    ser: list[str]
    servers: tuple[str, ...]
    seconds: float
    server_core: int | None
    load_core: int | None
    burst: int
    original: str
    modules: str
    rates: tuple[float, ...] = ()


@dataclass
class Site:
    """A server under one scenario."""

    scenario: Scenario
    setting: Setting
    port: int
    callee_port: int

    def run(self, rate: float) -> Load:
        count = max(1, int(rate * self.setting.seconds))
        mode, core, burst = self.scenario.mode, self.setting.load_core, self.setting.burst
        found = load(mode, rate, count, self.port, self.callee_port, core=core, burst=burst)
        behind = "  (the load is at its limit)" if found["late_us"] > LATE_US else ""
        print(
            f"    {rate:>8.0f} a second: lost {found['lost']:>6}, refused {found['refused']:>6}, p50 {found['p50_us'] / 1000:>8.2f} ms, "
            f"p99 {found['p99_us'] / 1000:>8.2f} ms{behind}",
            flush=True,
        )
        return found

    def carries(self, rate: float) -> bool:
        found = self.run(rate)
        time.sleep(RECOVERY_S)
        return found["lost"] == 0 and found["p99_us"] < P99_MAX_US

    def capacity(self) -> float:
        """The highest rate that is carried: doubled until it is not, then halved between. A rate that fails has a second try."""
        low, high = 0.0, self.scenario.rate * FIRST
        while self.carries(high) or self.carries(high):
            low, high = high, 2 * high
        while high - low > PRECISION * high:
            middle = (low + high) / 2
            if self.carries(middle) or self.carries(middle):
                low = middle
            else:
                high = middle
        return low


def measure_capacity(scenarios: Sequence[Scenario], setting: Setting) -> dict[str, object]:
    """Capacity, goodput beyond and delays below, by scenario and server; printed as it comes. Raises CannotMeasure."""
    result: dict[str, object] = {}
    for scenario in scenarios:
        print(f"{scenario.unit}:", flush=True)
        # Kamailio first: its capacity is the measure of all delays.
        servers = sorted(_able(scenario, setting.servers), key=lambda server: server != KAMAILIO)
        if setting.rates:
            result[scenario.name] = {server: _run_rates(scenario, server, setting) for server in servers}
            continue
        found: dict[str, dict[str, object]] = {}
        peer = 0.0
        for server in servers:
            found[server], capacity = _measure(scenario, server, setting, peer)
            peer = peer or (capacity if server == KAMAILIO else 0.0)
            print(f"  {server}: {_told(found[server], capacity, peer)}", flush=True)
        result[scenario.name] = found
    return result


def _able(scenario: Scenario, servers: Sequence[str]) -> list[str]:
    """Those that can run it. SER 0.9.7 has no SQLite."""
    if not scenario.has_database or ORIGINAL not in servers:
        return list(servers)
    print(f"  {ORIGINAL} has no database in a file: left out", flush=True)
    return [server for server in servers if server != ORIGINAL]


def _run_rates(scenario: Scenario, server: str, setting: Setting) -> dict[float, Load]:
    print(f"  {server}", flush=True)
    found: dict[float, Load] = {}
    with _site(scenario, server, setting) as site:
        for rate in setting.rates:
            run = found[rate] = site.run(rate)
            print(f"             {run['in_time'] / run['sent'] * rate:>8.0f} a second in time", flush=True)
            time.sleep(RECOVERY_S)
    return found


@contextmanager
def _site(scenario: Scenario, server: str, setting: Setting) -> Iterator[Site]:
    port, callee_port = free_port(), free_port()
    with TemporaryDirectory(prefix="bench-") as folder:
        command = _command(scenario, server, setting, folder, port, callee_port)
        with running(server, command, port, core=setting.server_core, probe_port=callee_port):
            register_users(scenario, USERS, REGISTER_RATE, port, callee_port, setting.load_core)
            yield Site(scenario, setting, port, callee_port)


def _measure(scenario: Scenario, server: str, setting: Setting, peer: float) -> tuple[dict[str, object], float]:
    """`peer` is Kamailio's capacity, 0 if it is not known, or is what is measured."""
    print(f"  {server}", flush=True)
    with _site(scenario, server, setting) as site:
        capacity = site.capacity()
        delays = {share: site.run(share * (peer or capacity)) for share in BELOW}
        beyond = {}
        for times in BEYOND:
            beyond[times] = site.run(times * capacity)
            time.sleep(RECOVERY_S)
            recovered = site.run(BELOW[0] * capacity)
            beyond[times]["recovered_lost"] = recovered["lost"]
    return {"capacity": capacity, "delays": delays, "beyond": beyond}, capacity


def _command(scenario: Scenario, server: str, setting: Setting, folder: str, port: int, callee_port: int) -> list[str]:
    if server != ORIGINAL:
        return command_of(scenario, server, folder, port, callee_port, setting.ser, 1)
    config = Path(folder) / "original.cfg"
    config.write_text(original_config(scenario, setting.modules))
    return original_command(setting.original, str(config), port)


def _told(found: dict[str, object], capacity: float, peer: float) -> str:
    beyond, delays = found["beyond"], found["delays"]
    assert isinstance(beyond, dict) and isinstance(delays, dict)
    parts = [f"{capacity:.0f} a second" + (f" ({capacity / peer:.2f} times kamailio's)" if peer else "")]
    for times, run in beyond.items():
        good = run["in_time"] / run["sent"] * times
        after = run["recovered_lost"]
        parts.append(
            f"at {times:g} times that {good:.2f} of it in time, p99 {run['p99_us'] / 1000:.1f} ms, then {after} lost"
        )
    whose = "kamailio's" if peer else "its own"
    for share, run in delays.items():
        parts.append(f"at {share:.0%} of {whose} p50 {run['p50_us'] / 1000:.2f}, p99 {run['p99_us'] / 1000:.2f} ms")
    return "; ".join(parts)
