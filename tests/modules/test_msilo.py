"""msilo at work, over tm. Reference modules-main, chapter 22."""

from __future__ import annotations

import mmap
import time

import pytest
from engine import header
from script import request
from tables import URL, Tables, TableSite

from runtime.modules.msilo.deliveries import BYTES, Deliveries
from runtime.modules.tm import Tm
from runtime.routing.engine import ProgramError
from runtime.sip.transport import Send

pytestmark = pytest.mark.usefixtures("tables_in")

CFG = f'modparam("msilo", "db_url", "{URL}")'
ROUTE = """route {
    if (method == "REGISTER") { if (m_dump()) sl_send_reply("200", "OK"); else sl_send_reply("500", "No"); break; }
    if (m_store("%d")) sl_send_reply("202", "Accepted"); else sl_send_reply("503", "Not stored");
}"""
BOB = "sip:bob@example.com"
# Where what is delivered goes to.
AWAY = "<sip:bob@127.0.0.1:5090>"


class Silo(TableSite):
    """A server that keeps messages; it delivers what is sent to 127.0.0.1 and sends nothing to names."""

    def __init__(self, params: str = "", recipient: int = 2) -> None:
        super().__init__(Tables(silo=[]), CFG + params + ROUTE % recipient, "tm msilo")
        self.tm = self.engine.world.modules["tm"]
        assert isinstance(self.tm, Tm)
        self.tm.begin(self.engine.world, self.now_ms)

    @property
    def rows(self) -> list[dict[str, object]]:
        return [dict(row) for row in self.tables.tables["silo"]]

    def store(self, body: str = "hello", **headers: str) -> bytes:
        """Status of the answer to a MESSAGE."""
        return self.store_sends(body, **headers)[0].data.split(b" ")[1]

    def store_sends(self, body: str = "hello", uri: str = BOB, **headers: str) -> list[Send]:
        headers = {"Content_Type": "text/plain", "To": AWAY, **headers}
        sends = self.say(request("MESSAGE", uri, body, **headers))
        return sorted(sends, key=lambda send: not send.data.startswith(b"SIP/2.0"))

    def is_kept_for(self, uri: str) -> bool:
        """Whether a message for that user is kept."""
        is_kept = self.store_sends(uri=uri)[0].data.startswith(b"SIP/2.0 202 ")
        self.number_rows()
        return is_kept

    def number_rows(self) -> None:
        for number, row in enumerate(self.tables.tables["silo"], 1):
            row.setdefault("mid", number)

    def dump(self, **headers: str) -> list[Send]:
        """The MESSAGEs that a REGISTER causes."""
        self.number_rows()
        sends = self.say(request("REGISTER", "sip:example.com", To=AWAY, **headers))
        return [send for send in sends if send.data.startswith(b"MESSAGE ")]

    def answer_with(self, sent: Send, status: str) -> None:
        head, _, rest = sent.data.partition(b"\r\n")
        lines = [line for line in rest.split(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b"Content-")]
        self.say(
            b"SIP/2.0 " + status.encode() + b"\r\n" + b"\r\n".join(lines) + b"\r\nContent-Length: 0\r\n\r\n", port=5090
        )

    def clean(self, rounds: int = 1) -> None:
        for timer in self.engine.program.modules[-1].timers():
            for _ in range(rounds):
                timer.body(self.now_ms, [])


def test_a_message_becomes_a_row() -> None:
    silo = Silo()
    assert silo.store() == b"202"
    now_s = silo.wall.now_s
    assert silo.rows == [
        {
            "dst_addr": b"sip:bob@127.0.0.1:5090",
            "src_addr": b"sip:alice@example.com",
            "username": b"bob",
            "domain": b"127.0.0.1",
            "body": b"hello",
            "ctype": b"text/plain",
            "exp_time": now_s + 259200,
            "inc_time": now_s,
        }
    ]


@pytest.mark.parametrize(
    ("recipient", "uri", "owner"),
    [
        (0, "sip:carol@a.org", b"carol"),
        (1, "sip:carol@a.org", b"carol"),
        (2, "sip:carol@a.org", b"bob"),
        (1, "sip:a.org", b"bob"),
        (1, "sip:carol@10.0.0.1", b"bob"),
        (0, "sip:carol@[::1]", b"bob"),
    ],
)
def test_the_owner_is_the_user_of_a_uri_with_a_name(recipient: int, uri: str, owner: bytes) -> None:
    silo = Silo(recipient=recipient)
    assert silo.store_sends(uri=uri)[0].data.split(b" ")[1] == b"202"
    assert silo.rows[0]["username"] == owner


@pytest.mark.parametrize(
    "headers",
    [
        {"body": ""},
        {"To": "<sip:example.com>"},
        {"From": ""},
        {"From": "<tel:+44>;tag=1", "To": "<tel:+44>"},
        {"Content_Type": ""},
        {"Content_Type": "garbage"},
    ],
)
def test_what_is_no_message_for_somebody_is_not_stored(headers: dict[str, str]) -> None:
    silo = Silo()
    assert silo.store(**headers) == b"503"
    assert silo.rows == []


@pytest.mark.parametrize(
    ("length", "status", "kept"), [(b"3", b"202", [b"hel"]), (b"5", b"202", [b"hello"]), (b"9", b"400", [])]
)
def test_what_is_kept_is_what_content_length_says(length: bytes, status: bytes, kept: list[bytes]) -> None:
    silo = Silo()
    message = request("MESSAGE", BOB, "hello", Content_Type="text/plain", To=AWAY)
    sends = silo.say(message.replace(b"Content-Length: 5", b"Content-Length: " + length))
    assert [row["body"] for row in silo.rows] == kept
    assert any(send.data.startswith(b"SIP/2.0 " + status) for send in sends)


@pytest.mark.parametrize(
    ("expires", "seconds"), [("60", 60), ("0", 1000), ("1000000", 1000), ("soon", 1000), ("99999999999999", 1000)]
)
def test_expires_shortens_the_life_of_a_message(expires: str, seconds: int) -> None:
    silo = Silo('modparam("msilo", "expire_time", 1000)')
    silo.store(Expires=expires)
    assert silo.rows[0]["exp_time"] == silo.wall.now_s + seconds


@pytest.mark.parametrize(
    ("type", "kept"),
    [
        ("text/plain;charset=UTF-8", b"text/plain"),
        ("Message/CPIM", b"text/plain"),
        ("text/html; level=1", b"text/html"),
    ],
)
def test_the_type_is_kept_without_parameters(type: str, kept: bytes) -> None:
    silo = Silo()
    silo.store(Content_Type=type)
    assert silo.rows[0]["ctype"] == kept


def test_a_database_that_is_down_stores_and_delivers_nothing() -> None:
    silo = Silo()
    silo.store()
    silo.tables.down = True
    assert silo.store() == b"503"
    silo.number_rows()
    answer = silo.only(request("REGISTER", "sip:example.com", To=AWAY))
    assert answer.data.startswith(b"SIP/2.0 500 ")


def test_the_sender_is_told_at_his_contact() -> None:
    silo = Silo('modparam("msilo", "registrar", "sip:registrar@example.com")')
    _, note = silo.store_sends(Contact='"A" <sip:alice@127.0.0.1:5090>')
    assert note.data.startswith(b"MESSAGE sip:alice@127.0.0.1:5090 SIP/2.0\r\n")
    assert header(note.data, "To") == "sip:alice@example.com"
    assert (header(note.data, "From") or "").startswith("sip:registrar@example.com;tag=")
    assert header(note.data, "Contact") == "<sip:registrar@example.com>;msilo=yes"
    assert note.data.endswith(
        b"\r\n\r\nUser [sip:bob@127.0.0.1:5090] is offline. The message will be delivered when user goes online."
    )


@pytest.mark.parametrize("contact", ["", "<tel:+44>", "<sip:elsewhere@127.0.0.1:5099>"])
def test_or_at_his_address(contact: str) -> None:
    registrar = 'modparam("msilo", "registrar", "sip:registrar@example.com") modparam("msilo", "use_contact", 0)'
    silo = Silo(registrar)
    _, note = silo.store_sends(Contact=contact, From="<sip:alice@127.0.0.1:5091>;tag=1")
    assert note.data.startswith(b"MESSAGE sip:alice@127.0.0.1:5091 SIP/2.0\r\n")


@pytest.mark.parametrize("of", ["From", "To"])
def test_messages_of_the_registrar_are_refused(of: str) -> None:
    silo = Silo('modparam("msilo", "registrar", "sip:registrar@example.com")')
    assert silo.store(**{of: "<sip:Registrar@example.com>;tag=1"}) == b"503"


def test_a_message_is_delivered_once_and_then_deleted() -> None:
    silo = Silo()
    silo.store("one")
    (sent,) = silo.dump()
    stored = time.ctime(silo.wall.now_s)
    assert sent.data.startswith(b"MESSAGE sip:bob@127.0.0.1:5090 SIP/2.0\r\n")
    assert sent.data.endswith(f"\r\n\r\n[Offline message - {stored}] one".encode())
    assert header(sent.data, "Contact") == "<sip:alice@example.com>;msilo=yes"
    assert header(sent.data, "To") == "sip:bob@127.0.0.1:5090"
    assert silo.dump() == []
    silo.answer_with(sent, "200 OK")
    assert silo.dump() == []
    silo.clean()
    assert silo.rows == []


def test_what_was_not_delivered_is_sent_again() -> None:
    silo = Silo()
    silo.store()
    (sent,) = silo.dump()
    silo.answer_with(sent, "404 Gone")
    silo.clean()
    assert len(silo.rows) == 1
    assert len(silo.dump()) == 1


def test_what_cannot_be_sent_stays() -> None:
    silo = Silo()
    silo.store(To="<sip:bob@127.0.0.1:5090>")
    silo.tables.tables["silo"][0]["src_addr"] = b"no address at all\r\nX: y"
    assert silo.dump() == []
    assert len(silo.rows) == 1


def test_nothing_is_delivered_to_who_goes_offline() -> None:
    silo = Silo()
    silo.store()
    silo.number_rows()
    answer = silo.only(request("REGISTER", "sip:example.com", To=AWAY, Expires="0"))
    assert answer.data.startswith(b"SIP/2.0 500 ")


def test_only_the_users_own_messages_are_delivered() -> None:
    silo = Silo()
    silo.store(To="<sip:carol@127.0.0.1:5090>")
    assert silo.dump() == []


def test_a_long_text_and_another_type_go_as_they_are() -> None:
    silo = Silo()
    silo.store("x" * 1010)
    silo.store("<b>", Content_Type="text/html")
    bodies = sorted(send.data.partition(b"\r\n\r\n")[2] for send in silo.dump())
    assert bodies == [b"<b>", b"x" * 1010]


def test_expired_messages_are_deleted_every_clean_period() -> None:
    silo = Silo('modparam("msilo", "clean_period", 3) modparam("msilo", "expire_time", 100)')
    silo.store()
    silo.wall.now_s += 100
    silo.clean(2)
    assert len(silo.rows) == 1
    silo.clean()
    assert silo.rows == []


def test_a_table_of_another_version_does_not_start() -> None:
    tables = Tables(silo=[])
    tables.tables["version"] = [{"table_name": b"silo", "table_version": 4}]
    with pytest.raises(ProgramError, match="msilo: table silo has version 4, 3 is needed"):
        TableSite(tables, CFG + ROUTE % 0, "tm msilo")


def test_a_delivery_whose_process_died_is_tried_again_later() -> None:
    deliveries = Deliveries(mmap.mmap(-1, BYTES))
    assert deliveries.claim(7, 1000)
    assert not deliveries.claim(7, 1900)
    assert deliveries.claim(7, 1901)


def test_when_too_many_are_on_their_way_the_others_wait() -> None:
    deliveries = Deliveries(mmap.mmap(-1, 64))
    assert [deliveries.claim(number, 0) for number in range(1, 7)] == [True] * 4 + [False] * 2
    deliveries.delivered(2, 1)
    assert deliveries.done() == [2]
    assert not deliveries.claim(2, 5000)
    deliveries.forget(2)
    assert deliveries.claim(5, 0)


def test_so_many_are_kept_for_a_user_and_no_more() -> None:
    silo = Silo('modparam("msilo", "max_messages", 2)', recipient=0)
    other = "sip:bob@example.org"
    assert [silo.is_kept_for(BOB) for _ in range(3)] == [True, True, False]
    assert silo.is_kept_for(other) and silo.is_kept_for("sip:ann@example.com")
    assert any("2 are kept for its user" in line for line in silo.log.lines)
    assert len(silo.rows) == 4
    silo.tables.tables["silo"].clear()
    assert silo.is_kept_for(BOB)


def test_of_whom_nobody_can_tell_how_much_is_kept_nothing_more_is() -> None:
    silo = Silo('modparam("msilo", "max_messages", 2)', recipient=0)
    silo.tables.down = True
    assert not silo.is_kept_for(BOB)


def test_without_a_limit_all_are_kept_as_in_ser() -> None:
    silo = Silo(recipient=0)
    assert all(silo.is_kept_for(BOB) for _ in range(5))


@pytest.mark.parametrize(
    ("uri", "owner"),
    [
        ("sip:bob@127.0.0.1:5070", (b"bob", b"127.0.0.1")),
        ("sip:bob@127.000.0.1", (b"bob", b"127.0.0.1")),
        ("sip:bob@EXAMPLE.com.", (b"bob", b"example.com")),
        # A phone, whose user To tells.
        ("sip:bob@127.0.0.9", (b"ann", b"example.net")),
    ],
)
def test_a_message_is_for_whom_its_uri_names_if_that_is_no_phone(uri: str, owner: tuple[bytes, bytes]) -> None:
    silo = Silo(recipient=1)
    silo.store_sends(uri=uri, To="<sip:ann@Example.net>")
    (row,) = silo.rows
    assert (row["username"], row["domain"]) == owner
