"""Very many contacts: of one user in the database, and in one request."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from acceptance.test_kept_registrations import Phones, config_in, message, started
from script import Site, request

from runtime.routing.database import INSERT, Change, Row
from runtime.storage.connection import Connection, connect
from runtime.storage.statement import change
from runtime.storage.url import parse_url
from storage.test_modules import rows_in
from storage.test_registrations import made

NUMBER = 10_000
ROUTE = """route {
    if (method=="REGISTER") { save("location"); break; }
    if (lookup("location")) sl_send_reply("302", "Moved"); else sl_send_reply("404", "No");
}"""
COLUMNS = ("username", "contact", "expires", "callid", "cseq", "q")


def fill(db: Connection) -> None:
    contacts = [b"sip:bob@10.0.%d.%d:5060" % divmod(n, 256) for n in range(NUMBER)]
    rows: list[Row] = [[b"bob", contact, 0x7FFFFFFF, b"c", 1, -1.0] for contact in contacts]
    db.run([change(Change(INSERT, "location", COLUMNS, [*row], [])) for row in rows])


def register(site: Site, cseq: int, **headers: str) -> bytes:
    headers |= {"To": "<sip:bob@example.com>", "CSeq": f"{cseq} REGISTER"}
    return site.answer(request("REGISTER", "sip:example.com", **headers))


@pytest.mark.parametrize("kind", ["sqlite", "dbtext"])
@pytest.mark.parametrize("mode", [1, 3])
def test_ten_thousand_contacts_of_a_user_in_the_database(kind: str, mode: int, tmp_path: Path) -> None:
    """What an answer can name is known; more are not taken, and all of them can be removed."""
    url = f"{kind}://{tmp_path}/database"
    db = connect(parse_url(made(url)))
    fill(db)
    parameters = f'modparam("usrloc", "db_url", "{url}") modparam("usrloc", "db_mode", {mode})'
    site = Site(parameters + ROUTE, f"{url.partition(':')[0]} sl usrloc registrar")
    told = register(site, 1)
    assert told.startswith(b"SIP/2.0 200 ") and 500 < told.count(b"<sip:bob@10.") < NUMBER and len(told) < 65_507
    assert site.answer(request("MESSAGE", "sip:bob@example.com")).startswith(b"SIP/2.0 302 ")
    refused = register(site, 2, Contact="<sip:new@127.0.0.1>")
    assert refused.startswith(b"SIP/2.0 503 ") and len(refused) < 65_507
    assert len(rows_in(db, "location", "contact")) == NUMBER
    assert register(site, 3, Contact="*", Expires="0").startswith(b"SIP/2.0 200 ")
    assert rows_in(db, "location", "contact") == []


@pytest.mark.slow
def test_ten_megabytes_of_contacts_over_tcp(tmp_path: Path) -> None:
    """Whoever sends them gets nowhere, and others notice nothing."""
    server = started(tmp_path, config_in(tmp_path, ""), "-l", "tcp:127.0.0.1:{port}")
    phones = Phones()
    try:
        contacts = ", ".join(f"<sip:bob@10.{n >> 16}.{n >> 8 & 255}.{n & 255}>" for n in range(450_000))
        data = message("REGISTER", "bob", server, 5060, contacts).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
        assert len(data) > 10_000_000
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as tcp:
            try:
                tcp.sendall(data)
                answer = tcp.recv(65536)
            except ConnectionError:
                answer = b""
        assert not answer.startswith(b"SIP/2.0 200 ")
        phones.register(server, 20, 20.0)
        assert len(phones.answered) == 20 and phones.missing(server) == set()
        phones.answered.add("bob")
        assert phones.missing(server) == {"bob"}
    finally:
        server.kill()
