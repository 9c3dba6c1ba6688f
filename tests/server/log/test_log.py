"""SER's log. Reference core, chapter 9."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port

from runtime.routing.ports import L_DBG, L_ERR, L_INFO
from runtime.server.log.server_log import ServerLog, facility_number
from server.conftest import OPTIONS, ROUTES, alive, environment, needs_root


def test_a_record_has_index_and_pid(capfd: pytest.CaptureFixture[str]) -> None:
    log = ServerLog(3, to_stderr=True)
    log.write(L_INFO, "started")
    log.become(12)
    log.write(L_ERR, "broken\n")
    assert capfd.readouterr().err == f" 0({os.getpid()}) started\n12({os.getpid()}) broken\n"


def test_records_above_the_level_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    ServerLog(2, to_stderr=True).write(L_INFO, "detail")
    assert capfd.readouterr().err == ""


def test_a_record_is_one_line_whatever_is_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    ServerLog(4, to_stderr=True).write(L_DBG, "a\r\nb\x1b[2Jc\0\ttab \udcff")
    assert capfd.readouterr().err == f" 0({os.getpid()}) a\\r\\nb\\x1b[2Jc\\x00\ttab \\udcff\n"


def test_a_closed_standard_error_is_no_reason_to_stop() -> None:
    program = "import os; os.close(2); from runtime.server.log.server_log import ServerLog; ServerLog(4, True).write(1, 'x'); print('on')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment())
    assert done.stdout == "on\n"


@pytest.mark.parametrize("name, number", [("LOG_DAEMON", 3 << 3), ("log_local7", 23 << 3), ("LOG_FTP", 11 << 3)])
def test_facilities_have_syslogs_numbers(name: str, number: int) -> None:
    assert facility_number(name) == number


@pytest.mark.parametrize("name", ["DAEMON", "LOG_PID", "LOG_ERR", "LOG_LOCAL8", ""])
def test_other_words_are_no_facility(name: str) -> None:
    with pytest.raises(ValueError, match="is no facility"):
        facility_number(name)


@needs_root
def test_syslog_gets_priority_name_and_pid(tmp_path: Path) -> None:
    """In a mount name space of its own, where /dev/log is the test's."""
    program = (
        "from runtime.server.log.server_log import ServerLog\n"
        "log = ServerLog(9, False, 'ser', 'LOG_LOCAL3')\n"
        "for level in (-3, -2, -1, 1, 2, 3, 4, 9): log.write(level, f'level {level}%s\\n')\n"
    )
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(20)
        mount = f'mount -t tmpfs none /dev && touch /dev/log && mount --bind {path} /dev/log && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        if done.returncode:
            pytest.skip(f"no mount name space: {done.stderr}")
        records = [s.recv(1000).decode() for _ in range(8)]
    local3 = 19 << 3
    assert [r.partition(">")[0] for r in records] == [f"<{local3 + p}" for p in (1, 2, 3, 4, 5, 6, 7, 7)]
    assert records[0].rstrip("\0").endswith("level -3%s")
    assert " ser[" in records[0]


# Puts a /dev with the test's /dev/log ($1) in the place of the machine's, by way of the folder $2, and goes on with the rest.
OWN_DEV = """
log=$1 dev=$2; shift 2
mount -t tmpfs none $dev
for node in null zero random urandom; do touch $dev/$node; mount --bind /dev/$node $dev/$node; done
touch $dev/log; mount --bind $log $dev/log; mount --move $dev /dev
exec "$@"
"""


@needs_root
def test_a_daemon_reaches_syslog_behind_another_root_too(tmp_path: Path) -> None:
    """Also the workers, and what is logged before it detaches does not mix up the descriptors."""
    port = free_port()
    jail = tmp_path / "jail"
    for folder in (jail, tmp_path / "dev"):
        folder.mkdir()
    (tmp_path / "routes.py").write_text(ROUTES.format(config="log_facility='LOG_LOCAL3', debug=3"))
    server = [sys.executable, "-m", "runtime.server.main", "--routes", str(tmp_path / "routes.py"), "stray"]
    server += ["-T", "-n", "2", "-l", f"udp:127.0.0.1:{port}", "-t", str(jail), "-u", "nobody", "-P", "/pid"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        s.bind(str(tmp_path / "log"))
        s.settimeout(20)
        u.settimeout(20)
        command = ["unshare", "-m", "sh", "-ec", OWN_DEV, "sh", str(tmp_path / "log"), str(tmp_path / "dev"), *server]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=20)
        if done.returncode and "ser-runtime" not in done.stderr:
            pytest.skip(f"no mount name space: {done.stderr}")
        assert done.returncode == 0, done.stderr
        master = int((jail / "pid").read_text())
        try:
            worker = 0
            u.sendto(OPTIONS, ("127.0.0.1", port))
            worker = int(u.recv(100).split()[0])
            u.sendto(OPTIONS + b"BUG", ("127.0.0.1", port))
            wanted = ["argument stray ignored", f"[{master}]: INFO: 3 processes serve", f"[{worker}]: BUG: ser.cfg:31"]
            for text in wanted:
                record = ""
                while text not in record:
                    record = s.recv(1000).decode()
                assert record.startswith("<15") and "ser-runtime[" in record
            u.sendto(OPTIONS, ("127.0.0.1", port))
            assert int(u.recv(100).split()[0]) == worker
        finally:
            os.kill(master, signal.SIGTERM)
            assert eventually(lambda: not alive(master))
