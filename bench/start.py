"""Time from the start of `ser` to its first answer: compiling, and with the compiled module in the cache."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.process import free_port, running
from bench.scenario import ser_command

CONFIG: Final = """
debug=0
log_stderror=yes
loadmodule "/usr/lib/ser/modules/sl.so"
route {
    sl_send_reply("200", "OK");
}
"""


def start_times(ser: list[str], rounds: int) -> dict[str, object]:
    """Seconds to the first answer, of a first and a second start, in each round with an empty cache. Prints them."""
    first, second = [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            config = Path(folder) / "ser.cfg"
            config.write_text(CONFIG)
            cache = Path(folder) / "cache"
            cache.mkdir()
            first.append(_start(ser, config, cache))
            second.append(_start(ser, config, cache))
        print(f"round {number + 1}: first start {first[-1]:.3f} s, second {second[-1]:.3f} s", flush=True)
    print(f"median: first start {statistics.median(first):.3f} s, second {statistics.median(second):.3f} s")
    return {"first_s": first, "second_s": second}


def _start(ser: list[str], config: Path, cache: Path) -> float:
    port = free_port()
    command = ser_command(ser, str(config), port)
    start = time.monotonic()
    with running("ser", command, port, environment={"XDG_CACHE_HOME": str(cache)}):
        return time.monotonic() - start
