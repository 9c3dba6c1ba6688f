"""A name server that takes questions and never answers, while requests come for hosts that nobody knows."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from server.conftest import environment, needs_root

from runtime.build import NATIVE

SCRIPT = Path(__file__).parent / "beside_a_silent_name_server.py"
SECONDS = os.environ.get("SER_ACCEPTANCE_SECONDS", "2")
# What is measured is the native build; of the other one it is enough to see that nothing is lost.
ROUNDS = "3" if NATIVE else "1"
# What two runs of the same differ by where other tests use the machine, too.
NOISE_MS = 20

CONFIG = """
loadmodule "sl.so"
loadmodule "tm.so"
route { if (!t_relay()) sl_reply_error(); }
"""


@needs_root
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
@pytest.mark.parametrize("children", ["1", "4"])
def test_other_requests_do_not_notice(children: str, tmp_path: Path) -> None:
    (tmp_path / "ser.cfg").write_text(CONFIG)
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    prepare = f"ip link set lo up && mount --bind {tmp_path}/resolv.conf {os.path.realpath('/etc/resolv.conf')}"
    command = ["unshare", "-nm", "sh", "-c", f'{prepare} && exec "$@"', "sh", sys.executable, str(SCRIPT)]
    command += [SECONDS, ROUNDS, str(tmp_path / "ser.cfg"), "-n", children]
    paths = {**environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, env=paths, cwd=tmp_path, timeout=180)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    print(facts)
    assert facts["lost"] == 0
    # Each of the others was told, within the time that the last ones were given.
    assert facts["answered"] == {"478": facts["called"]} and facts["called"] > 100
    if not NATIVE:
        # Milliseconds for each message: the others' requests alone would be felt.
        return
    quiet, disturbed = (statistics.median(facts[name]) for name in ("quiet_ms", "disturbed_ms"))
    assert disturbed <= 1.5 * quiet + NOISE_MS, facts
