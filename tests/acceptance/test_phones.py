"""Real phones and probes at examples/cfg/phones.cfg, as `make run` serves it, and at SER's own ser.cfg."""

from __future__ import annotations

import io
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from patience import eventually

from acceptance.baresip import Baresip
from acceptance.conftest import PROJECT, Ser, tool
from acceptance.phone import Phone
from acceptance.sipp import FOLDER, Sipp
from serc.commands.serctl import main

PHONES_CFG = PROJECT / "examples" / "cfg" / "phones.cfg"


def started(folder: Path, text: str) -> Ser:
    """A server with this config, on a port and a FIFO of its own."""
    config = folder / "ser.cfg"
    config.write_text(f'fifo="{folder}/fifo"\n' + re.sub(r"^(listen|fifo)=.*\n", "", text, flags=re.MULTILINE))
    return Ser(folder, config, "-l", "tcp:127.0.0.1:{port}", "-n", "2")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by serctl as the example says, with alice and bob."""
    monkeypatch.setenv("SER_DB_URL", f"sqlite://{tmp_path}/ser.sqlite")
    monkeypatch.setenv("SER_FIFO", str(tmp_path / "fifo"))
    assert main(["db", "create"]) == 0
    for name in ("alice", "bob"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"secret\n")))
        assert main(["add", f"{name}@127.0.0.1"]) == 0


@pytest.fixture
def server(database: None, tmp_path: Path) -> Iterator[Ser]:
    made = started(tmp_path, PHONES_CFG.read_text())
    try:
        made.wait_ready()
        yield made
    finally:
        made.kill()


def two_phones_call(folder: Path, port: int, transport: str, password: str) -> None:
    """They register, each calls the other, the caller hangs up, then the callee."""
    with ExitStack() as phones:
        alice, bob = (
            phones.enter_context(closing(Baresip(folder, n, password, port, transport))) for n in ("alice", "bob")
        )
        for phone in (alice, bob):
            phone.wait("REGISTER_OK")
        for caller, callee, first in ((alice, bob, alice), (bob, alice, alice)):
            caller.call(callee.user)
            for phone in (caller, callee):
                phone.wait("CALL_ESTABLISHED")
            first.hang_up()
            for phone in (caller, callee):
                phone.wait("CALL_CLOSED")


def accepts(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_phones_with_passwords_call_each_other(server: Ser, tmp_path: Path, transport: str) -> None:
    two_phones_call(tmp_path, server.port, transport, "secret")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_phones_at_sers_own_config_call_each_other(tmp_path: Path, shared: Path, transport: str) -> None:
    server = started(tmp_path, (shared / "corpus" / "cfg" / "s09-etc-ser.cfg").read_text(encoding="latin-1"))
    try:
        assert eventually(lambda: accepts(server.port), 30.0)
        two_phones_call(tmp_path, server.port, transport, "")
    finally:
        server.kill()


def test_a_phone_with_the_wrong_password_is_not_let_in(
    server: Ser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Baresip(tmp_path, "alice", "wrong", server.port)) as alice:
        assert "401" in str(alice.wait("REGISTER_FAIL")["param"])
    assert main(["ul", "show", "alice@127.0.0.1"]) == 1
    assert "404 Username alice@127.0.0.1 in table location not found" in capsys.readouterr().out


def sipsak(server: Ser, *words: str) -> subprocess.CompletedProcess[str]:
    command = [tool("sipsak"), *words, "-s", f"sip:alice@127.0.0.1:{server.port}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_sipsak_registers_with_the_password_and_with_no_other(server: Ser, capsys: pytest.CaptureFixture[str]) -> None:
    contact = "sip:alice@127.0.0.9:5070"
    assert sipsak(server, "-U", "-C", contact, "-u", "alice", "-a", "wrong").returncode != 0
    assert main(["ul", "show", "alice@127.0.0.1"]) == 1
    done = sipsak(server, "-U", "-C", contact, "-u", "alice", "-a", "secret")
    assert done.returncode == 0, done.stdout + done.stderr
    assert main(["ul", "show", "alice@127.0.0.1"]) == 0
    assert f"<{contact}>;q=" in capsys.readouterr().out
    assert main(["rm", "alice@127.0.0.1"]) == 0
    assert main(["ul", "show", "alice@127.0.0.1"]) == 1
    assert sipsak(server, "-U", "-C", contact, "-u", "alice", "-a", "secret").returncode != 0


def test_many_phones_register_with_passwords(server: Ser, tmp_path: Path) -> None:
    scenario = str(FOLDER / "register_with_password.xml")
    sipp = Sipp(tmp_path, "register", 100, 120.0, f"127.0.0.1:{server.port}", "-sf", scenario, "-r", "20")
    assert sipp.wait() == 0, sipp.text()
    totals = sipp.totals()
    # On a busy machine one or the other is repeated.
    assert (totals["SuccessfulCall"], totals["FailedCall"]) == (100, 0)


def test_many_calls_with_a_password(server: Ser, tmp_path: Path) -> None:
    with closing(Phone(reachable=True)) as callee:
        assert main(["ul", "add", "bob@127.0.0.1", f"sip:bob@127.0.0.1:{callee.port}"]) == 0
        scenario = str(FOLDER / "call_with_password.xml")
        caller = Sipp(tmp_path, "caller", 50, 120.0, f"127.0.0.1:{server.port}", "-sf", scenario, "-r", "10")
        try:
            assert caller.wait() == 0, caller.text() + server.log.read_text()
        finally:
            caller.kill()
        assert (caller.totals()["SuccessfulCall"], caller.totals()["FailedCall"]) == (50, 0)
        assert len(callee.answered) == len(callee.ended) == 50


def test_contacts_outlive_the_server(server: Ser, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sipsak(server, "-U", "-C", "sip:alice@127.0.0.9", "-u", "alice", "-a", "secret").returncode == 0
    server.kill()
    again = started(tmp_path, PHONES_CFG.read_text())
    try:
        again.wait_ready()
        assert main(["ul", "show", "alice@127.0.0.1"]) == 0
        assert "<sip:alice@127.0.0.9>" in capsys.readouterr().out
    finally:
        again.kill()


def test_a_start_without_the_database_says_what_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "users.sqlite"
    monkeypatch.setenv("SER_DB_URL", f"sqlite://{path}")
    for _ in ("no file", "no table"):
        server = started(tmp_path, PHONES_CFG.read_text())
        assert server.process.wait(30) == 1
        assert f"serctl db create --db sqlite:{path}" in server.log.read_text()
        path.touch()
