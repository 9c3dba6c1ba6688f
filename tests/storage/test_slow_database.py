"""A database that takes its time, or says nothing at all: who needs it waits or is refused in time, and nobody else notices."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest
from acceptance.conftest import Ser

from runtime.routing.database import INSERT, Change
from runtime.sip.digest import MD5, Credentials, ha1_of, response_of
from runtime.storage.connection import connect
from runtime.storage.statement import change
from runtime.storage.url import parse_url
from storage.servers import DatabaseServer
from storage.test_registrations import made

ROUTES = """
route {
    if (method=="OPTIONS") { sl_send_reply("200", "OK"); break; };
    if (method=="REGISTER") {
        if (!www_authorize("example.com", "subscriber")) { www_challenge("example.com", "0"); break; };
        save("location");
        break;
    };
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); break; };
    forward(uri:host, uri:port);
}
"""
LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ("sl", "auth", "auth_db", "usrloc", "registrar"))
# So long a database that is slow keeps its users waiting.
SLOW_S = 3.0
# A question without an answer is refused by then, on a busy machine.
REFUSED_S = 30.0
RECOVERY_S = 30.0
PATIENCE_S = 60.0


class Party:
    """A phone that asks one server, which has one worker: whoever stands in the way of somebody stands in the way of all."""

    def __init__(self, server: Ser) -> None:
        self._server = server
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._number = 0

    def send(self, method: str, user: str = "alice", more: str = "") -> None:
        self._number += 1
        request = (
            f"{method} sip:{user}@127.0.0.1:{self._server.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{self.port}{self._number}\r\n"
            f"From: <sip:{user}@example.com>;tag=1\r\nTo: <sip:{user}@example.com>\r\n"
            f"Call-ID: {self.port}-{self._number}\r\nCSeq: {self._number} {method}\r\n{more}Content-Length: 0\r\n\r\n"
        )
        self._socket.sendto(request.encode(), ("127.0.0.1", self._server.port))

    def has_answer(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(65536, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        return True

    def receive(self) -> str:
        self._socket.settimeout(PATIENCE_S)
        return self._socket.recv(65536).decode()

    def ask(self, method: str, user: str = "alice", more: str = "") -> str:
        self.send(method, user, more)
        return self.receive()

    def credentials(self) -> str:
        """Those that the server will take, as a header line."""
        nonce = re.search('nonce="(.*?)"', self.ask("REGISTER"))
        assert nonce is not None
        given = Credentials()
        given.username, given.realm, given.nonce, given.uri = b"alice", b"example.com", nonce[1].encode(), b"sip:x"
        ha1 = ha1_of(MD5, b"alice", b"example.com", b"secret")
        response = response_of(MD5, given, ha1, b"REGISTER", b"").decode()
        said = f'username="alice", realm="example.com", nonce="{nonce[1]}", uri="sip:x", response="{response}"'
        return f"Authorization: Digest {said}\r\n"

    def close(self) -> None:
        self._socket.close()


class Scene:
    """A server on a database, somebody who registers, somebody else, and a phone that is registered."""

    def __init__(self, database: DatabaseServer, name: str, folder: Path) -> None:
        self.url = made(database.url(name))
        connection = connect(parse_url(self.url))
        ha1 = ha1_of(MD5, b"alice", b"example.com", b"secret")
        user = Change(
            INSERT, "subscriber", ("username", "domain", "ha1", "phplib_id"), [b"alice", b"example.com", ha1, b"1"], []
        )
        connection.run([change(user)])
        connection.close()
        config = folder / "ser.cfg"
        parameters = f'modparam("auth_db", "db_url", "{self.url}")\nmodparam("auth_db", "use_domain", 1)\n'
        config.write_text(f'loadmodule "{self.url.partition(":")[0]}.so"\n{LOADS}{parameters}{ROUTES}')
        self.server = Ser(folder, config, "-n", "1")
        self.server.wait_ready(PATIENCE_S)
        self.alice = Party(self.server)
        self.other = Party(self.server)
        self.contact = f"Contact: <sip:alice@127.0.0.1:{self.other.port}>\r\n"
        assert self.register().startswith("SIP/2.0 200 "), self.server.log.read_text()

    def register(self) -> str:
        return self.alice.ask("REGISTER", more=self.alice.credentials() + self.contact)

    def others_are_served(self) -> None:
        """Somebody asks for the server, and a message to a registered phone reaches it."""
        assert self.other.ask("OPTIONS").startswith("SIP/2.0 200 ")
        assert self.other.ask("MESSAGE").startswith("MESSAGE sip:alice@127.0.0.1:")

    def close(self) -> None:
        self.alice.close()
        self.other.close()
        self.server.kill()


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Nobody else gets to see the table of subscribers."""
    place = parse_url(url)
    if place.driver == "postgres":
        with psycopg.connect(
            host=place.host, port=place.port, user=place.user, password=place.password, dbname=place.path
        ) as postgres:
            postgres.execute("LOCK TABLE subscriber IN ACCESS EXCLUSIVE MODE")
            yield
        return
    mariadb = pymysql.connect(
        host=place.host, port=place.port, user=place.user, password=place.password, database=place.path
    )
    try:
        mariadb.cursor().execute("LOCK TABLES subscriber WRITE")
        yield
    finally:
        mariadb.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_that_answers_late_delays_only_who_needs_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = request.getfixturevalue(kind)
    assert isinstance(database, DatabaseServer)
    scene = Scene(database, "late", tmp_path)
    try:
        credentials = scene.alice.credentials()
        with locked(scene.url):
            scene.alice.send("REGISTER", more=credentials + scene.contact)
            until = time.monotonic() + SLOW_S
            while time.monotonic() < until:
                scene.others_are_served()
            assert not scene.alice.has_answer()
        assert scene.alice.receive().startswith("SIP/2.0 200 "), scene.server.log.read_text()
    finally:
        scene.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_that_says_nothing_is_waited_for_by_who_needs_it_and_not_for_ever(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = request.getfixturevalue(kind)
    assert isinstance(database, DatabaseServer)
    scene = Scene(database, "silent", tmp_path)
    try:
        credentials = scene.alice.credentials()
        database.signal(signal.SIGSTOP)
        try:
            scene.alice.send("REGISTER", more=credentials + scene.contact)
            until = time.monotonic() + REFUSED_S
            while not scene.alice.has_answer():
                scene.others_are_served()
                assert time.monotonic() < until, scene.server.log.read_text()
            assert scene.alice.receive().startswith("SIP/2.0 500 ")
        finally:
            database.signal(signal.SIGCONT)
        until = time.monotonic() + RECOVERY_S
        while not scene.register().startswith("SIP/2.0 200 "):
            assert time.monotonic() < until, scene.server.log.read_text()
    finally:
        scene.close()
