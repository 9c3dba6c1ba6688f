"""A module in a package of its own, examples/module: built, installed beside ours, checked, documented, compiled and run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from engine import Names
from patience import eventually
from ports import free_port
from script import Site, ask, request
from server.conftest import environment

from runtime.modules import catalogue
from runtime.routing.dns_records import A

PROJECT: Final = Path(__file__).parent.parent.parent
EXAMPLE: Final = PROJECT / "examples" / "module"
CFG: Final = (EXAMPLE / "ser.cfg").read_text()
LISTED: Final = "2.0.0.127.dnsbl.example.org"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed, from the wheel that its own build makes."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True, timeout=120)
    (wheel,) = wheels.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=120)
    return target


def serc(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = environment()
    paths["PYTHONPATH"] = os.pathsep.join((str(installed), paths["PYTHONPATH"]))
    command = [sys.executable, "-m", "serc.commands.serc", *arguments]
    return subprocess.run(command, env=paths, capture_output=True, text=True, timeout=120)


@pytest.fixture
def known(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process has the package, too."""
    monkeypatch.syspath_prepend(str(installed))
    for cached in (catalogue._installed, catalogue._loaded, catalogue._owners):
        cached.cache_clear()
    yield
    for cached in (catalogue._installed, catalogue._loaded, catalogue._owners):
        cached.cache_clear()
    sys.modules.pop("ser_dnsbl", None)


def test_its_config_is_checked(installed: Path, tmp_path: Path) -> None:
    done = serc(installed, "check", str(EXAMPLE / "ser.cfg"))
    assert (done.returncode, done.stderr) == (0, "")
    wrong = tmp_path / "wrong.cfg"
    wrong.write_text(CFG.replace('"second.example.net"', '"second", "example.net"').replace("report_s", "reports"))
    done = serc(installed, "check", str(wrong))
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "dnsbl_listed takes no or 1 arguments, found 2" in said
    assert "module dnsbl has no parameter reports" in said and "report_s" in said


def test_without_the_package_the_module_is_unknown(tmp_path: Path) -> None:
    done = serc(tmp_path, "check", str(EXAMPLE / "ser.cfg"))
    assert done.returncode == 1 and 'there is no module "dnsbl"' in done.stdout + done.stderr


def test_it_is_documented(installed: Path) -> None:
    page = serc(installed, "modules", "dnsbl").stdout
    assert "| `dnsbl_listed(zone)` | request, failure, onreply |  | The same in this zone. |" in page
    assert "| `report_s` | integer | `3600` |" in page and "FIFO: `dnsbl_stats`" in page
    assert "dnsbl           Asks DNS blocklists" in serc(installed, "modules").stdout
    assert "dnsbl" not in serc(PROJECT, "modules").stdout


def test_its_routes_pass_mypy(installed: Path, tmp_path: Path) -> None:
    routes = tmp_path / "routes.py"
    assert serc(installed, str(EXAMPLE / "ser.cfg"), "-o", str(routes)).returncode == 0
    text = routes.read_text()
    assert "from ser_dnsbl import Dnsbl" in text
    assert 'dnsbl: Final = Dnsbl(zone="dnsbl.example.org", report_s=60)' in text
    paths = {**os.environ, "MYPYPATH": os.pathsep.join((str(installed), str(PROJECT)))}
    command = [sys.executable, "-m", "mypy", "--strict", str(routes)]
    done = subprocess.run(command, cwd=PROJECT, env=paths, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_its_function_asks_and_waits(known: None) -> None:
    names = Names({LISTED: "127.0.0.2"})
    site = Site(CFG, "", names=names)
    assert site.only(request(), source="127.0.0.2").data.startswith(b"SIP/2.0 403")
    assert site.only(request(), source="127.0.0.1").data.startswith(b"SIP/2.0 200")
    assert ask(site, "dnsbl_stats") == b"200 ok\nasked: 3\nlisted: 1\n"


def test_its_route_waits_for_the_answer_and_goes_on(known: None) -> None:
    names = Names({LISTED: "127.0.0.2"}, is_late=True)
    site = Site(CFG, "", names=names)
    assert site.say(request(), "127.0.0.2") == []
    assert names.asked == [(A, LISTED.encode())]
    (send,) = site.take_answer(A, LISTED)
    assert send.data.startswith(b"SIP/2.0 403")


def test_a_server_runs_it(installed: Path, tmp_path: Path) -> None:
    config, socket_path, log = tmp_path / "ser.cfg", tmp_path / "control", tmp_path / "log"
    # Nobody is asked about this host itself: the machine of the test may have no name server.
    config.write_text(
        CFG.replace("if (dnsbl", "if (src_ip != 127.0.0.1 && (dnsbl")
        .replace('net"))', 'net")))')
        .replace('report_s", 60', 'report_s", 1')
        .replace("route {", f'unix_sock = "{socket_path}"\nroute {{')
    )
    port = free_port()
    paths = environment() | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    paths["PYTHONPATH"] = os.pathsep.join((str(installed), paths["PYTHONPATH"]))
    command = [sys.executable, "-m", "serc.commands.ser", "-f", str(config), "-D", "-E", "-n", "3"]
    command += ["-l", f"udp:127.0.0.1:{port}"]
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=paths, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        assert eventually(lambda: "dnsbl: 0 senders asked for, 0 listed" in log.read_text(), 20.0), log.read_text()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(20)
            client.bind(str(tmp_path / "client"))
            client.sendto(b":dnsbl_stats:\n", str(socket_path))
            assert client.recv(1000) == b"200 OK\nasked: 0\nlisted: 0\n"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(20)
            client.bind(("127.0.0.1", 0))
            client.sendto(
                request(Via=f"SIP/2.0/UDP 127.0.0.1:{client.getsockname()[1]};branch=z9hG4bK7"), ("127.0.0.1", port)
            )
            assert client.recv(2000).startswith(b"SIP/2.0 200 OK")
    finally:
        server.terminate()
        server.wait(60)


def test_its_timer_runs_once_per_server(known: None) -> None:
    site = Site(CFG, "", names=Names({}))
    site.only(request())
    (timer,) = [timer for module in site.engine.program.modules for timer in module.timers()]
    assert timer.once_per_server and timer.period_ms == 60_000
    timer.body(60_000, [])
    assert "dnsbl: 2 senders asked for, 0 listed" in site.lines()
    assert ask(site, "dnsbl_stats") == b"200 ok\nasked: 0\nlisted: 0\n"


def test_a_broken_package_is_told_and_spoils_nothing_else(known: None, installed: Path, tmp_path: Path) -> None:
    for name in (installed).glob("*.dist-info/entry_points.txt"):
        folder = tmp_path / name.parent.name
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: ser-dnsbl\nVersion: 1.0.0\n")
        (folder / "entry_points.txt").write_text("[ser.modules]\ndnsbl = ser_nowhere\n")
    done = serc(tmp_path, "check", str(EXAMPLE / "ser.cfg"))
    said = done.stdout + done.stderr
    assert "module dnsbl cannot be imported from ser_nowhere: No module named 'ser_nowhere'" in said
    assert 'there is no module "sl"' not in said
