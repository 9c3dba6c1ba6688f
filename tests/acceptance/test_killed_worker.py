"""A worker that is killed under load."""

from __future__ import annotations

import os
import signal
import socket
import time

from patience import let_pass

from acceptance.conftest import Ser, options
from acceptance.proxy import CALLS, Parties, Serve
from acceptance.proxy import parties as parties  # the fixtures
from acceptance.proxy import serve as serve

WORKERS = 4
CALL_MS = 500
# So many different Call-IDs belong to all workers.
QUESTIONS = 40
# Of those that belong to the dead worker, a quarter, most are talking.
AT_ONCE = CALLS // 10


def answered_within_s(ser: Ser) -> float:
    """Seconds until questions that belong to each of the workers had their answers. Nothing is asked twice."""
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(20)
        question = options(ser.port, s.getsockname()[1])
        for i in range(QUESTIONS):
            s.sendto(question.replace(b"ready", b"question-%d-%d" % (i, time.monotonic_ns())), ("127.0.0.1", ser.port))
        for _ in range(QUESTIONS):
            s.recv(65536)
    return time.monotonic() - began


def receivers(ser: Ser) -> set[int]:
    """And the one that asks name servers."""
    return ser.processes() - {ser.process.pid}


def test_a_killed_worker_is_replaced_and_nobody_elses_calls_suffer(serve: Serve, parties: Parties) -> None:
    callee = parties.callee("-sn", "uas")
    ser = serve(f'if (uri == myself) rewritehostport("127.0.0.1:{callee.port}");', "-n", str(WORKERS), "-T")
    answered_within_s(ser)
    before = receivers(ser)
    assert len(before) == WORKERS + 1
    caller = parties.caller(ser.port, "-sn", "uac", "-d", str(CALL_MS))
    let_pass(1, "by then calls are under way, which the caller does not tell")
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    assert answered_within_s(ser) < 20
    after = receivers(ser)
    assert victim not in after and len(after - before) == 1 and len(after) == WORKERS + 1
    caller.wait()
    # What was just being set up in the dead worker may be lost, though repetitions save most of it; all others go on.
    totals = caller.totals()
    assert totals["FailedCall"] <= AT_ONCE, caller.text() + ser.log.read_text()
    assert totals["SuccessfulCall"] >= CALLS - AT_ONCE
