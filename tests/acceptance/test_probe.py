"""A server that was started answers the probe that administrators send, and leaves when it is told to."""

from __future__ import annotations

import socket
import subprocess

import pytest

from acceptance.conftest import Ser, alive, tool


def test_sipsak_gets_an_answer(ser: Ser) -> None:
    command = [tool("sipsak"), "-vv", "-s", f"sip:127.0.0.1:{ser.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIP/2.0 200 OK" in done.stdout


@pytest.mark.parametrize("ser", [("-n", "1"), ("-n", "4")], indirect=True)
def test_sigterm_leaves_no_process_and_no_port_behind(ser: Ser) -> None:
    pids = ser.processes()
    assert len(pids) > 1, "a master and its workers"
    assert ser.terminate() == 0, ser.log.read_text()
    assert not [pid for pid in pids if alive(pid)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", ser.port))
