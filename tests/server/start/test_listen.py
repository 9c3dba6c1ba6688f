"""The lists of listeners and aliases. Reference core, 1.5 and 1.7; golden/commandline.txt."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from engine import Lines

from runtime.routing.config import Config, Listen
from runtime.routing.ports import Log
from runtime.server.host.errors import StartError
from runtime.server.host.interfaces import ipv4_addresses
from runtime.server.start.listen import describe, socket_table
from runtime.server.start.options import parse_listen
from server.conftest import environment, needs_root

UDP_ONLY = Config(disable_tcp=True)


def described(*listen: str, config: Config = UDP_ONLY, log: Log | None = None) -> tuple[list[str], list[str]]:
    """Listeners and aliases as they are printed, for -l addresses after those of `config`."""
    entries = config.listen + tuple(parse_listen(text) for text in listen)
    text = describe(socket_table(replace(config, listen=entries), log or Lines()))
    assert text.startswith("Listening on \n") and text.endswith("\n\n")
    listeners, _, aliases = text.removeprefix("Listening on \n").partition("Aliases: \n")
    return [line.strip() for line in listeners.splitlines()], [line.strip() for line in aliases.split("\n") if line]


@pytest.fixture
def localhost() -> None:
    try:
        name, aliases, _ = socket.gethostbyaddr("127.0.0.1")
    except OSError:
        name, aliases = "", []
    if name != "localhost" or aliases:
        pytest.skip("127.0.0.1 has another name here than localhost")


@pytest.mark.usefixtures("localhost")
def test_the_names_of_an_address_become_aliases() -> None:
    assert described("127.0.0.1:5070") == (["udp: 127.0.0.1 [127.0.0.1]:5070"], ["udp: localhost:5070"])


@pytest.mark.usefixtures("localhost")
def test_duplicates_disappear() -> None:
    assert described("127.0.0.1", "udp:127.0.0.1:5060", "localhost") == (
        ["udp: 127.0.0.1 [127.0.0.1]:5060"],
        ["udp: localhost:5060"],
    )


@pytest.mark.usefixtures("localhost")
def test_aliases_come_newest_first_with_stars_for_any() -> None:
    config = Config(
        alias=(Listen("", "foo.dom"), Listen("", "bar.dom", 5090), Listen("tcp", "baz.dom", 5061)),
        disable_tcp=True,
        port=5071,
        listen=(Listen("", "127.0.0.1"), Listen("udp", "127.0.0.1", 5075)),
    )
    assert described(config=config) == (
        ["udp: 127.0.0.1 [127.0.0.1]:5071", "udp: 127.0.0.1 [127.0.0.1]:5075"],
        ["udp: localhost:5075", "udp: localhost:5071", "tcp: baz.dom:5061", "*: bar.dom:5090", "*: foo.dom:*"],
    )


def test_the_default_is_every_ipv4_address_that_is_up() -> None:
    listeners, _ = described()
    up = [ip for _, ip, is_up in ipv4_addresses() if is_up]
    assert "127.0.0.1" in up
    assert listeners == [f"udp: {ip} [{ip}]:5060" for ip in up]


def test_udp_alone_is_every_address_too() -> None:
    assert described("udp:")[0] == described()[0]


def test_an_interface_stands_for_its_addresses_which_go_to_the_end() -> None:
    assert described("lo", "127.0.0.2:5061")[0] == [
        "udp: 127.0.0.2 [127.0.0.2]:5061",
        "udp: 127.0.0.1 [127.0.0.1]:5060",
    ]


def test_an_ipv6_address_keeps_its_brackets() -> None:
    assert described("[::1]:5070")[0] == ["udp: [::1] [::1]:5070"]


def test_a_name_is_resolved() -> None:
    assert described("localhost:5070")[0] == ["udp: localhost [127.0.0.1]:5070"]


def test_multicast_is_marked() -> None:
    assert described("224.0.1.75")[0] == ["udp: 224.0.1.75 [224.0.1.75]:5060 mcast"]


def test_a_name_that_does_not_resolve_stops_the_start() -> None:
    with pytest.raises(StartError, match=r"cannot resolve nosuch\.invalid"):
        described("nosuch.invalid")


@pytest.mark.usefixtures("localhost")
def test_an_address_without_protocol_is_served_over_both() -> None:
    assert described("127.0.0.1", config=Config(alias=(Listen("", "foo.bar"),))) == (
        ["udp: 127.0.0.1 [127.0.0.1]:5060", "tcp: 127.0.0.1 [127.0.0.1]:5060"],
        ["tcp: localhost:5060", "udp: localhost:5060", "*: foo.bar:*"],
    )


def test_a_protocol_is_for_its_address_alone() -> None:
    assert described("tcp:127.0.0.2:5061", "udp:127.0.0.1", "127.0.0.3", config=Config())[0] == [
        "udp: 127.0.0.1 [127.0.0.1]:5060",
        "udp: 127.0.0.3 [127.0.0.3]:5060",
        "tcp: 127.0.0.2 [127.0.0.2]:5061",
        "tcp: 127.0.0.3 [127.0.0.3]:5060",
    ]


def test_tcp_may_be_all() -> None:
    assert described("tcp:127.0.0.2", config=Config())[0] == ["tcp: 127.0.0.2 [127.0.0.2]:5060"]


def test_the_default_is_every_address_over_both() -> None:
    listeners, _ = described(config=Config())
    assert listeners == described()[0] + [line.replace("udp", "tcp") for line in described()[0]]


def test_duplicates_are_looked_for_in_each_protocol() -> None:
    listeners, _ = described("127.0.0.2", "tcp:127.0.0.2:5060", config=Config())
    assert listeners == ["udp: 127.0.0.2 [127.0.0.2]:5060", "tcp: 127.0.0.2 [127.0.0.2]:5060"]


def test_multicast_is_left_out_over_tcp() -> None:
    log = Lines()
    assert described("224.0.1.75", config=Config(), log=log)[0] == ["udp: 224.0.1.75 [224.0.1.75]:5060 mcast"]
    assert any("224.0.1.75 is not used for TCP" in line for line in log.lines)


def test_tls_is_not_there_yet() -> None:
    with pytest.raises(StartError, match="listen=tls:127.0.0.1: not supported yet"):
        described(config=Config(listen=(Listen("tls", "127.0.0.1"),)))


@pytest.mark.parametrize("config", [UDP_ONLY, Config(fork=False)])
def test_without_tcp_its_listeners_are_left_out(config: Config) -> None:
    log = Lines()
    listeners, _ = described("tcp:127.0.0.1", "127.0.0.1", config=config, log=log)
    assert listeners == ["udp: 127.0.0.1 [127.0.0.1]:5060"]
    assert "listen=tcp:127.0.0.1 is ignored" in "\n".join(log.lines)
    with pytest.raises(StartError, match="no address to listen on"):
        described("tcp:127.0.0.1", config=config)


SILENT_NAME_SERVER = """
import socket, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_dead_name_server_does_not_stall_the_start(tmp_path: Path) -> None:
    """In name spaces of its own, where the name server takes questions and never answers."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "routes.py").write_text(
        "from runtime.routing.config import Config\nfrom runtime.routing.program import Program\n"
        "PROGRAM = Program(config=Config())\n"
    )
    server = [sys.executable, "-m", "runtime.server.main", "--routes", str(tmp_path / "routes.py"), "-c", "-T"]
    listen = [part for i in range(1, 9) for part in ("-l", f"127.77.0.{i}")]
    prepare = f"ip link set lo up && mount --bind {tmp_path}/resolv.conf {os.path.realpath('/etc/resolv.conf')}"
    command = ["unshare", "-nm", "sh", "-c", f'{prepare} && exec "$@"', "sh"]
    command += [sys.executable, "-c", SILENT_NAME_SERVER, *server, *listen]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[127.77.0.") == 8
    assert done.stderr.count("in time") == 8
    # One after the other they would take 16 s.
    assert took < 8
