"""lcr and msilo on every kind of database: the same tables, the same calls and messages."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

import pytest
from engine import header, where
from modules.test_lcr import AGAIN, uri_of
from script import Site, ask, request

from runtime.modules.tm import Tm
from runtime.routing.database import INSERT, Change, Row, Value
from runtime.sip.digest import MD5, Credentials, ha1_of, response_of
from runtime.sip.transport import Send
from runtime.storage.connection import Connection, connect
from runtime.storage.statement import change, question
from runtime.storage.url import parse_url
from storage.test_registrations import made

GATEWAYS = """route {
    if (from_gw()) { sl_send_reply("200", "From a gateway"); break; }
    if (!load_gws() || !next_gw()) { sl_send_reply("404", "No way"); break; }
    t_on_failure("1");
    t_relay();
}
"""
MESSAGES = """route {
    if (method == "REGISTER") { if (m_dump()) sl_send_reply("200", "OK"); else sl_send_reply("500", "No"); break; }
    if (m_store("2")) sl_send_reply("202", "Accepted"); else sl_send_reply("503", "Not stored");
}
"""
AWAY = "<sip:bob@127.0.0.1:5090>"


class Server(Site):
    """A server whose module has its tables in the database at `url`; `more` modules are loaded behind it."""

    def __init__(self, url: str, module: str, route: str, parameters: str = "", more: str = "") -> None:
        parameters += f'modparam("{module}", "db_url", "{url}")\n'
        super().__init__(parameters + route, f"{url.partition(':')[0]} sl tm {module} {more}")
        tm = self.engine.world.modules["tm"]
        assert isinstance(tm, Tm)
        tm.begin(self.engine.world, self.now_ms)

    def refuse(self, sent: Send) -> list[Send]:
        """The INVITEs that follow when a gateway has no line."""
        head, _, rest = sent.data.partition(b"\r\n")
        sends = self.say(b"SIP/2.0 503 Full\r\n" + rest, where(sent).split(":")[1], sent.destination.port)
        return [send for send in sends if send.data.startswith(b"INVITE")]

    def accept(self, sent: Send) -> None:
        lines = [x for x in sent.data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:] if not x.startswith(b"Content-")]
        self.say(b"\r\n".join([b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""]), port=5090)


def fill(url: str, table: str, *rows: Mapping[str, Value]) -> None:
    connection = connect(parse_url(url))
    fill_in(connection, table, *rows)
    connection.close()


def fill_in(connection: Connection, table: str, *rows: Mapping[str, Value]) -> None:
    for row in rows:
        connection.run([change(Change(INSERT, table, tuple(row), list(row.values()), []))])


def rows(url: str, table: str, *columns: str) -> list[Row]:
    connection = connect(parse_url(url))
    found = rows_in(connection, table, *columns)
    connection.close()
    return found


def rows_in(connection: Connection, table: str, *columns: str) -> list[Row]:
    found: list[Row] = connection.run([question(table, columns, [])])[0].rows
    return found


def gateway(name: str, ip: str, group: int) -> dict[str, Value]:
    # As SER stores it: the bytes of the address, read as a number of this machine.
    number = int.from_bytes(socket.inet_aton(ip), sys.byteorder)
    return {"gw_name": name.encode(), "ip_addr": number, "grp_id": group}


def way(prefix: str, group: int, priority: int) -> dict[str, Value]:
    return {"prefix": prefix.encode(), "from_uri": b"%", "grp_id": group, "priority": priority}


def test_calls_go_to_gateways_by_prefix_and_priority(url: str) -> None:
    made(url)
    # The last one has its highest bit set: no int of 32 bits holds it.
    addresses = {1: "127.0.0.11", 2: "127.0.0.12", 3: "127.0.0.13", 4: "127.0.0.200"}
    fill(url, "gw", *(gateway(f"gw{group}", ip, group) for group, ip in addresses.items()))
    fill(url, "lcr", way("+", 1, 1), way("+49", 2, 7), way("+49", 4, 2), way("+43", 3, 1))
    server = Server(url, "lcr", GATEWAYS + AGAIN)
    tried: list[str] = []
    sends = [
        send for send in server.say(request("INVITE", "sip:+49123@example.com")) if send.data.startswith(b"INVITE")
    ]
    while sends:
        tried.append(uri_of(sends[0]))
        sends = server.refuse(sends[0])
    assert tried == ["sip:+49123@127.0.0.200", "sip:+49123@127.0.0.12", "sip:+49123@127.0.0.11"]
    new = request("OPTIONS", "sip:x@example.com", Call_ID="new")
    for known in (b"SIP/2.0 404 ", b"SIP/2.0 200 "):
        assert server.say(new, "127.0.0.21")[0].data.startswith(known)
        fill(url, "gw", gateway(f"new{known[8]}", "127.0.0.21", 9))
        assert ask(server, "lcr_reload") == b"200 OK\n"


def test_messages_wait_for_who_is_not_there(url: str) -> None:
    made(url)
    server = Server(url, "msilo", MESSAGES)
    text = 'eins\'; zwei\r\n"drei" 100%'
    stored = server.say(request("MESSAGE", "sip:bob@example.com", text, Content_Type="text/plain", To=AWAY))
    assert stored[0].data.startswith(b"SIP/2.0 202 ")
    assert rows(url, "silo", "username", "body") == [[b"bob", text.encode()]]
    asked = server.say(request("REGISTER", "sip:example.com", To=AWAY, Call_ID="r1"))
    (message,) = [send for send in asked if send.data.startswith(b"MESSAGE ")]
    assert message.data.startswith(b"MESSAGE sip:bob@127.0.0.1:5090 ") and message.data.endswith(text.encode())
    server.accept(message)
    for timer in server.engine.program.modules[-1].timers():
        timer.body(server.now_ms, [])
    assert rows(url, "silo", "mid") == []


PASSWORDS = """route {
    if (!www_authorize("example.com", "subscriber")) { www_challenge("example.com", "0"); break; }
    if (!is_user_in("Credentials", "admin")) { sl_send_reply("403", "No"); break; }
    sl_send_reply("200", "OK");
}
"""


@pytest.mark.parametrize(
    "name", ["alice' OR '1'='1", "alice'; DROP TABLE subscriber; --", "ali%", "a_ice", "ali\\ce", "%s"]
)
def test_sql_in_a_user_name_is_a_name(url: str, name: str) -> None:
    """Nobody is somebody else by it, and who is called so is found by it."""
    made(url)
    realm = b"example.com"
    ha1 = {user: ha1_of(MD5, user.encode(), realm, b"secret") for user in ("alice", name)}
    columns = {"domain": realm, "ha1": ha1["alice"], "phplib_id": b"1"}
    fill(url, "subscriber", {"username": b"alice"} | columns)
    fill(url, "grp", {"username": b"alice", "domain": realm, "grp": b"admin"})
    parameters = f'modparam("auth_db|group", "db_url", "{url}")\nmodparam("auth_db", "avps_column_int", "")\n'
    parameters += 'modparam("auth_db", "avps_column_str", "")\n'
    server = Site(parameters + PASSWORDS, f"{url.partition(':')[0]} sl auth auth_db group")
    assert authorized(server, "alice", ha1["alice"]) == b"200"
    assert authorized(server, name, ha1[name]) == b"401"
    fill(url, "subscriber", {"username": name.encode()} | columns | {"ha1": ha1[name], "phplib_id": b"2"})
    assert authorized(server, name, ha1[name]) == b"403"
    assert authorized(server, "alice", ha1["alice"]) == b"200"


def authorized(server: Site, name: str, ha1: bytes) -> bytes:
    """The status of the answer to somebody who knows this HA1."""
    challenge = header(server.answer(request("OPTIONS")), "WWW-Authenticate") or ""
    given = Credentials()
    given.nonce, given.uri = challenge.partition('nonce="')[2].partition('"')[0].encode(), b"sip:x"
    response = response_of(MD5, given, ha1, b"OPTIONS", b"").decode()
    said = f'Digest username="{name}", realm="example.com", nonce="{given.nonce.decode()}", uri="sip:x", response="{response}"'
    return server.answer(request("OPTIONS", Authorization=said)).split(b" ")[1]


def test_what_nobody_fetches_goes(url: str) -> None:
    made(url)
    fill(
        url, "silo", {"src_addr": b"a", "dst_addr": b"b", "r_uri": b"", "username": b"bob", "exp_time": 1, "body": b"x"}
    )
    server = Server(url, "msilo", MESSAGES, 'modparam("msilo", "clean_period", 1)\n')
    timer, *_ = server.engine.program.modules[-1].timers()
    timer.body(server.now_ms, [])
    assert rows(url, "silo", "mid") == []
