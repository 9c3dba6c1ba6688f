"""Registrations in a whole server: seen by all workers at once, and not lost with any process. examples/cfg/registrar.cfg."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually

from acceptance.conftest import PROJECT, Ser

REGISTRAR_CFG = PROJECT / "examples" / "cfg" / "registrar.cfg"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Ser]:
    """The example on a port of its own, with four workers."""
    config = tmp_path / "registrar.cfg"
    text = re.sub(r"^(listen|fifo)=.*\n", "", REGISTRAR_CFG.read_text(), flags=re.MULTILINE)
    config.write_text(f'fifo="{tmp_path}/fifo"\n' + text)
    made = Ser(tmp_path, config, "-n", "4")
    try:
        assert eventually(lambda: bool(answers(made, "OPTIONS", "ready")), 30.0)
        yield made
    finally:
        made.kill()


def answers(server: Ser, method: str, call: str, user: str = "bob", contact: str = "") -> bytes:
    """The answer to a request of its own Call-ID, b"" if none comes; a worker is chosen by that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(2.0)
        port = s.getsockname()[1]
        lines = [
            f"{method} sip:{user}@127.0.0.1:{server.port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{call}",
            f"From: <sip:{user}@127.0.0.1>;tag=1",
            f"To: <sip:{user}@127.0.0.1>",
            f"Call-ID: {call}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            *([f"Contact: {contact}"] if contact else []),
            "Content-Length: 0",
        ]
        try:
            s.sendto("\r\n".join([*lines, "", ""]).encode(), ("127.0.0.1", server.port))
            return s.recv(65536)
        except OSError:
            return b""


def workers(server: Ser) -> list[int]:
    return sorted(server.processes() - {server.process.pid})


def test_every_worker_sees_a_contact_the_moment_it_is_answered(server: Ser) -> None:
    for n in range(40):
        user = f"user{n}"
        assert answers(server, "REGISTER", f"r{n}", user, f"<sip:{user}@127.0.0.1:9>").startswith(b"SIP/2.0 200 ")
        for other in range(3):
            assert f"<sip:{user}@127.0.0.1:9>".encode() in answers(server, "REGISTER", f"q{n}-{other}", user)


def test_contacts_survive_the_death_of_every_process_but_the_master(server: Ser) -> None:
    for n in range(20):
        answers(server, "REGISTER", f"r{n}", f"user{n}", f"<sip:user{n}@127.0.0.1:9>")
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: b"200 OK" in answers(server, "REGISTER", f"again-{pid}"), 20.0)
    for n in range(20):
        assert f"<sip:user{n}@127.0.0.1:9>".encode() in answers(server, "REGISTER", f"after{n}", f"user{n}")
    assert answers(server, "REGISTER", "new", "new", "<sip:new@127.0.0.1:9>").startswith(b"SIP/2.0 200 ")


def test_nothing_is_left_when_the_server_has_ended(server: Ser) -> None:
    answers(server, "REGISTER", "r", "bob", "<sip:bob@127.0.0.1:9>")
    maps = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in workers(server))
    folders = set(re.findall(r"\S+/ser-locations-[^/]+", maps))
    assert len(folders) == 1
    server.terminate()
    assert not any(os.path.exists(folder) for folder in folders)


def test_a_user_who_is_nowhere_is_not_found(server: Ser) -> None:
    assert answers(server, "OPTIONS", "nobody", "nobody").startswith(b"SIP/2.0 404 ")
