"""How often a server that has nothing to do wakes up."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.process import Process, free_port, running
from bench.scenario import CALL, LOOKUP, ser_command, ser_config

# What happens at the start has ended by then.
SETTLED_S: Final = 10.0


def count_wakes(ser: list[str], workers: int, seconds: float) -> dict[str, object]:
    """Wakes a second of each process, from the kernel's voluntary context switches, with FIFO, TCP and all modules of a registrar;
    printed."""
    port, callee_port = free_port(), free_port()
    with TemporaryDirectory(prefix="bench-") as folder:
        config = Path(folder) / "ser.cfg"
        modules = tuple(dict.fromkeys(CALL.modules + LOOKUP.modules))
        loads = "".join(
            f'loadmodule "/usr/lib/ser/modules/{name}.so"\n' for name in modules if name not in LOOKUP.modules
        )
        config.write_text(f'fifo="{folder}/fifo"\n{loads}{ser_config(LOOKUP)}')
        command = [*ser_command(ser, str(config), port, workers), "-l", f"tcp:127.0.0.1:{port}"]
        with running("ours", command, port, probe_port=callee_port) as process:
            time.sleep(SETTLED_S)
            before = _switches(process)
            time.sleep(seconds)
            after = _switches(process)
    wakes = {thread: (after[thread] - before[thread]) / seconds for thread in before if thread in after}
    for (pid, thread), count in wakes.items():
        print(f"process {pid}, thread {thread}: {count:.2f} a second")
    total = sum(wakes.values())
    print(f"{len(wakes)} threads, together {total:.2f} a second", flush=True)
    return {"workers": workers, "seconds": seconds, "wakes": total, "threads": list(wakes.values())}


def _switches(process: Process) -> dict[tuple[int, int], int]:
    """Voluntary context switches by process and thread, since it began."""
    found: dict[tuple[int, int], int] = {}
    for pid in process.tree():
        for task in Path(f"/proc/{pid}/task").iterdir():
            for line in (task / "status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "voluntary_ctxt_switches":
                    found[pid, int(task.name)] = int(value)
    return found
