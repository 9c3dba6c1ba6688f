"""The configs of examples/cfg, with phones, callees and recorders that do what the comments say."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from patience import eventually

from acceptance.baresip import Baresip
from acceptance.conftest import PROJECT, Ser
from acceptance.natted import SDP, Handset, RtpProxy
from acceptance.phone import Phone
from acceptance.sipp import FOLDER, Sipp
from runtime.routing.database import Condition, Row
from runtime.storage.connection import connect
from runtime.storage.statement import question
from runtime.storage.url import parse_url
from serc.commands.serctl import main

EXAMPLES = PROJECT / "examples" / "cfg"
CALLS = 5

Example = Callable[..., Ser]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    """Starts an example, with places of its own and with `changes` of addresses in it. Its database has been made by serctl."""
    monkeypatch.setenv("SER_FIFO", str(tmp_path / "fifo"))
    monkeypatch.setenv("SER_DB_URL", f"sqlite://{tmp_path}/ser.sqlite")
    assert main(["db", "create"]) == 0
    with ExitStack() as stack:

        def start(name: str, changes: dict[str, str] | None = None) -> Ser:
            text = (EXAMPLES / f"{name}.cfg").read_text()
            text = re.sub(r"^(listen|fifo)=.*\n", "", text, flags=re.MULTILINE)
            for old, new in (changes or {}).items():
                assert old in text
                text = text.replace(old, new)
            config = tmp_path / "ser.cfg"
            config.write_text(f'fifo="{tmp_path}/fifo"\n{text}')
            server = Ser(tmp_path, config, "-n", "2")
            stack.callback(server.kill)
            assert eventually((tmp_path / "fifo").exists, 30.0) and main(["ps"]) == 0, server.log.read_text()
            return server

        yield start


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Adds a user."""

    def add(name: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"secret\n")))
        assert main(["add", f"{name}@127.0.0.1"]) == 0

    return add


def is_at(user: str, party: Sipp | Phone) -> None:
    """A phone has registered there."""
    assert main(["ul", "add", f"{user}@127.0.0.1", f"sip:{user}@127.0.0.1:{party.port}"]) == 0


def plays(folder: Path, name: str, *scenario: str) -> Sipp:
    return Sipp(folder, name, CALLS, 120.0, *scenario)


class Closing:
    """Ends these, whatever they do."""

    def __init__(self, *parties: Sipp) -> None:
        self.parties = parties

    def close(self) -> None:
        for party in self.parties:
            party.kill()


def calling(folder: Path, server: Ser, user: str) -> Sipp:
    """Somebody who calls, is answered and hangs up, several times."""
    scenario = str(FOLDER / "uac_with_routes.xml")
    return plays(folder, f"to_{user}", f"127.0.0.1:{server.port}", "-sf", scenario, "-s", user, "-r", "2")


def calls(folder: Path, server: Ser, user: str) -> None:
    caller = calling(folder, server, user)
    with closing(Closing(caller)):
        assert caller.wait() == 0, caller.text() + server.log.read_text()


def test_the_recorder_takes_what_nobody_answers(example: Example, tmp_path: Path) -> None:
    busy = plays(tmp_path, "bob", "-sf", str(FOLDER / "uas_busy.xml"))
    with closing(Phone(reachable=True)) as recorder, closing(Closing(busy)):
        server = example("voicemail", {"127.0.0.1:5080": f"127.0.0.1:{recorder.port}"})
        is_at("bob", busy)
        calls(tmp_path, server, "bob")
        assert busy.wait() == 0 and len(recorder.ended) == CALLS
        calls(tmp_path, server, "nobody")
        assert len(recorder.ended) == 2 * CALLS


def test_phones_ring_together_and_then_the_next_place(example: Example, tmp_path: Path) -> None:
    busy = plays(tmp_path, "bob", "-sf", str(FOLDER / "uas_busy.xml"))
    one, other, following = (Phone(reachable=True) for _ in range(3))
    with closing(one), closing(other), closing(following), closing(Closing(busy)):
        server = example("forking", {"sqlite:ser.sqlite": f"sqlite:{tmp_path}/ser.sqlite"})
        for user in ("bob", "carl"):
            assert main(["avp", "add", f"{user}@127.0.0.1", "next", f"sip:next@127.0.0.1:{following.port}"]) == 0
        # The first question to the database loads all that is needed for that.
        with closing(Closing(calling(tmp_path, server, "nobody"))) as somebody:
            assert somebody.parties[0].wait() != 0
        is_at("bob", busy)
        calls(tmp_path, server, "bob")
        assert busy.wait() == 0 and len(following.ended) == CALLS
        calls(tmp_path, server, "carl")
        assert len(following.ended) == 2 * CALLS
        for phone in (one, other):
            is_at("ann", phone)
        calls(tmp_path, server, "ann")
        assert len(one.answered) == len(other.answered) == CALLS


def rows(folder: Path, table: str, columns: tuple[str, ...], *where: Condition) -> list[Row]:
    url = parse_url(f"sqlite://{folder}/ser.sqlite")
    return connect(url).run([question(table, columns, [*where], "time")])[0].rows


def test_calls_are_written_down(example: Example, user: Callable[[str], None], tmp_path: Path) -> None:
    server = example("accounting")
    for name in ("alice", "bob", "carl"):
        user(name)
    with (
        closing(Baresip(tmp_path, "alice", "secret", server.port)) as alice,
        closing(Baresip(tmp_path, "bob", "secret", server.port)) as bob,
    ):
        for phone in (alice, bob):
            phone.wait("REGISTER_OK")
        alice.call("bob")
        alice.wait("CALL_ESTABLISHED")
        alice.hang_up()
        alice.wait("CALL_CLOSED")
        alice.call("carl")
        alice.wait("CALL_CLOSED")
    columns = ("sip_method", "sip_status", "username", "from_uri", "to_uri")
    ours = ["alice", f"sip:alice@127.0.0.1:{server.port}", f"sip:bob@127.0.0.1:{server.port}"]

    def found() -> list[str]:
        """baresip has parameters in its URIs."""
        return sorted(
            str([str(v).partition(";")[0].strip("b'") for v in row]) for row in rows(tmp_path, "acc", columns)
        )

    assert eventually(lambda: len(found()) >= 2, 30.0)
    assert found() == sorted(str([method, "200", *ours]) for method in ("INVITE", "BYE"))
    assert eventually(lambda: len(rows(tmp_path, "missed_calls", ("sip_status",))) == 1, 30.0)
    missed = rows(tmp_path, "missed_calls", ("sip_status", "to_uri"))
    assert f"[b'404 Not Found', b'sip:carl@127.0.0.1:{server.port}" in str(missed)
    assert "ACC: transaction answered" in server.log.read_text()


def test_numbers_go_to_a_gateway_for_who_may_call_there(
    example: Example, user: Callable[[str], None], tmp_path: Path
) -> None:
    gateway = Sipp(tmp_path, "gateway", 2, 120.0, "-sn", "uas")
    (tmp_path / "dispatcher.list").write_text(f"1 sip:127.0.0.1:{gateway.port}\n")
    server = example("gateways")
    user("alice")
    with closing(Closing(gateway)), closing(Baresip(tmp_path, "alice", "secret", server.port)) as alice:
        alice.wait("REGISTER_OK")
        alice.call("+43123456")
        assert "403" in str(alice.wait("CALL_CLOSED")["param"])
        assert main(["acl", "grant", "alice@127.0.0.1", "ld"]) == 0
        for number in ("+43123456", "0043123456"):
            alice.call(number)
            alice.wait("CALL_ESTABLISHED")
            alice.hang_up()
            alice.wait("CALL_CLOSED")
        alice.call("0")
        assert "404" in str(alice.wait("CALL_CLOSED")["param"])
        assert gateway.wait() == 0, gateway.text()


INSIDE = "10.1.2.3:5060"


def test_phones_behind_nat_are_reached_and_their_sound_goes_over_the_proxy(example: Example) -> None:
    """Both say private addresses; their requests come from elsewhere."""
    with RtpProxy() as proxy, Handset("alice", INSIDE) as alice, Handset("bob", INSIDE) as bob:
        often = {'"natping_interval", 25': '"natping_interval", 1'}
        server = example("nat", {"udp:127.0.0.1:7722": f"udp:127.0.0.1:{proxy.port}"} | often)
        for phone in (alice, bob):
            phone.send(server.port, "REGISTER", phone.user)
            assert phone.receive().startswith("SIP/2.0 200 ")
        alice.send(server.port, "INVITE", "bob", SDP)
        invite = bob.receive()
        assert "c=IN IP4 127.0.0.9" in invite and "m=audio 35000" in invite and "c=IN IP4 10.1.2.3" not in invite
        assert f"Contact: <sip:alice@127.0.0.1:{alice.port}>" in invite
        bob.answer(invite, "200 OK", SDP)
        while not (answer := alice.receive()).startswith("SIP/2.0 200 "):
            assert answer.startswith("SIP/2.0 100 ")
        assert "c=IN IP4 127.0.0.9" in answer and f"Contact: <sip:bob@127.0.0.1:{bob.port}>" in answer
        assert [word.split()[0] for word in proxy.asked if not word.startswith("V")] == ["U", "L"]
        alice.await_ping()
        bob.await_ping()


def test_messages_wait_for_who_is_not_there(example: Example, user: Callable[[str], None]) -> None:
    user("bob")
    with Handset("alice") as alice, Handset("bob") as bob:
        server = example("offline")
        alice.send(server.port, "MESSAGE", "bob", "see you at eight")
        assert alice.receive().startswith("SIP/2.0 202 ")
        bob.send(server.port, "REGISTER", "bob")
        got = [bob.receive(), bob.receive()]
        answer, message = sorted(got, key=lambda text: not text.startswith("SIP/2.0"))
        assert answer.startswith("SIP/2.0 200 ")
        assert message.startswith("MESSAGE sip:bob@127.0.0.1:") and message.endswith("see you at eight")
        assert "sip:alice@127.0.0.1" in message
        bob.answer(message, "200 OK")
