"""`-c`: what would not start is refused with the same words, and nothing is made, opened or taken from a running server."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from ports import free_port
from starter import environment, run

from server.conftest import ROUTES

SL = 'loadmodule "sl.so"\n'
MAIN = 'route { sl_send_reply("404", "Not Found"); }\n'


def check(folder: Path, *arguments: str, config: str = SL + MAIN) -> subprocess.CompletedProcess[str]:
    (folder / "ser.cfg").write_text(config)
    listen = ["-T", "-l", f"udp:127.0.0.1:{free_port()}", "-w", str(folder)]
    words = ["-c", "-f", str(folder / "ser.cfg"), *listen, *arguments]
    return run("serc.commands.ser", *words, env=environment() | {"XDG_CACHE_HOME": str(folder / "cache")}, timeout=60)


@pytest.mark.parametrize(
    "arguments, why",
    [
        (("-P", "no/pid"), "cannot write the pid file no/pid: No such file or directory: make the directory no first"),
        (("-P", "ser.cfg"), "pid file ser.cfg exists, but doesn't contain a valid pid number"),
        (("-P", "."), "cannot write the pid file .: Is a directory"),
        (("-G", "no/pgid"), "cannot write the pid file no/pgid: No such file or directory"),
        (("-w", "/nonexistent"), "cannot change to the directory /nonexistent: No such file or directory"),
        (("-i", "no/fifo"), "cannot make the FIFO no/fifo: No such file or directory: make the directory no first"),
        (("-i", "ser.cfg"), "cannot make the FIFO ser.cfg: something else is there: remove it if it is of no use"),
        (("-i", "ser.cfg/f"), "cannot make the FIFO ser.cfg/f: Not a directory"),
        (("-x", "no/socket"), "cannot make the Unix socket no/socket: No such file or directory"),
        (("-x", "x" * 200), "the Unix socket's name is longer than 107 characters"),
        (("-l", "udp:192.0.2.77"), "cannot listen on udp:192.0.2.77:5060: Cannot assign requested address"),
        (("-t", "/nonexistent"), "cannot chroot to /nonexistent"),
    ],
)
def test_places_that_are_not_there(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    done = check(tmp_path, *arguments)
    assert done.returncode == 1 and why in done.stderr.splitlines()[-1], done.stderr
    assert sorted(os.listdir(tmp_path)) == ["cache", "ser.cfg"]


@pytest.mark.parametrize(
    "config, why",
    [
        (
            SL + 'loadmodule "dispatcher.so"\nmodparam("dispatcher", "list_file", "none.list")\n' + MAIN,
            "none.list: No such file or directory",
        ),
        (
            SL + 'loadmodule "dispatcher.so"\nmodparam("dispatcher", "list_file", "ser.cfg")\n' + MAIN,
            "ser.cfg: ",
        ),
        ("route { forward(nosuch.invalid, 5060); }\n", "cannot resolve nosuch.invalid, where a forward or send goes"),
        (
            SL + 'loadmodule "tm.so"\nloadmodule "acc.so"\nmodparam("acc", "radius_flag", 1)\n' + MAIN,
            "acc: not supported yet: RADIUS",
        ),
        (
            SL
            + 'loadmodule "domain.so"\nmodparam("domain", "db_url", "sqlite://none/none.db")\nmodparam("domain", "db_mode", 1)\n'
            + MAIN,
            "domain: ",
        ),
        (
            SL + "force_send_socket(192.0.2.7:5060);" and "route { force_send_socket(192.0.2.7:5060); }\n",
            "not listening on",
        ),
        ("listen=tls:127.0.0.1\n" + SL + MAIN, "not supported yet: TLS"),
        ('workdir="/nonexistent"\n' + SL + MAIN, "cannot change to the directory /nonexistent"),
        ('fifo="/nonexistent/fifo"\n' + SL + MAIN, "cannot make the FIFO /nonexistent/fifo"),
        ("open_files_limit=2000000000\n" + SL + MAIN, "open_files_limit"),
    ],
)
def test_configs_that_would_not_start(tmp_path: Path, config: str, why: str) -> None:
    done = check(tmp_path, config=config)
    assert done.returncode == 1 and why in done.stderr.splitlines()[-1], done.stderr
    assert "config file ok" not in done.stderr and "Traceback" not in done.stderr


def test_all_that_cannot_run_is_named_at_once(tmp_path: Path) -> None:
    lines = [
        f'{name}: Final = Declared("{name}", "module {name} is checked but cannot run yet")' for name in ("a", "b")
    ]
    text = ROUTES.format(config="").replace("config=CONFIG, ", "config=CONFIG, modules=(a, b), ")
    at = text.index("PROGRAM")
    text = f"{text[:at]}{lines[0]}\n{lines[1]}\n{text[at:]}"
    text = text.replace("from typing", "from runtime.modules.declared import Declared\nfrom typing", 1)
    (tmp_path / "routes.py").write_text(text)
    routes = str(tmp_path / "routes.py")
    done = run("runtime.server.main", "--routes", routes, "-c", "-T", env=environment(), timeout=60)
    assert done.returncode == 1
    assert "module a is checked but cannot run yet; module b is checked but cannot run yet" in done.stderr


def test_a_running_server_is_left_alone(tmp_path: Path) -> None:
    """Its ports, its pid file and its control files are those of the start that is checked."""
    (tmp_path / "pid").write_text("1\n")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, socket.socket(socket.AF_UNIX) as control:
        taken.bind(("127.0.0.1", 0))
        control.bind(str(tmp_path / "socket"))
        port = taken.getsockname()[1]
        files = ["-P", "pid", "-i", "fifo", "-x", "socket"]
        done = check(tmp_path, "-l", f"udp:127.0.0.1:{port}", *files)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "config file ok, exiting...")
    assert (tmp_path / "pid").read_text() == "1\n"
    assert sorted(os.listdir(tmp_path)) == ["cache", "fifo", "pid", "ser.cfg", "socket"]
