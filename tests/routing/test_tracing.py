"""Which calls are wanted, what is shown of them, and that others run what they always ran."""

from __future__ import annotations

import pytest
from script import Site, request

from runtime.routing.secrets import is_secret, masked_text
from runtime.routing.tracing import RECEIVED, SENT, EventTuple, Teller, Trace, Tracing
from runtime.routing.wanted import wanted
from runtime.sip.address import Address
from runtime.sip.transport import Send

LOADS = 'loadmodule "sl.so"\n'
BASE = {
    "From": "<sip:alice:geheim@example.com:5070>;tag=1",
    "To": "<sip:bob@example.com>",
    "Call-ID": "1@x",
}


class Told(Teller):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[EventTuple] = []
        self.lost = 0

    def tell(self, trace: int, events: list[EventTuple], lost: int) -> None:
        self.events += events
        self.lost += lost


class Watched:
    """A server in which calls are watched; time stands still."""

    def __init__(self, words: dict[str, str], limit: int = 10) -> None:
        self.server = Site(LOADS + 'route { sl_send_reply("200", "OK"); }', modules="")
        self.told = Told()
        self.now_us = 5_000_000
        self.tracing = Tracing(self.server.engine.world, self.told, lambda: self.now_us)
        self.tracing.begin(Trace(1, wanted(words), limit, 2, 10_000))

    def say(
        self, method: str = "INVITE", uri: str = "sip:bob@127.0.0.1", source: str = "10.0.0.7", **more: str
    ) -> None:
        headers = {name.replace("-", "_"): value for name, value in (BASE | more).items()}
        engine = self.server.engine
        socket = self.server.sockets[0]
        engine.world.asking.apart(
            engine.handle, request(method, uri, **headers), Address.parse(source, 5060), socket, 1, 0
        )
        if engine.world.onlooker is not None:
            engine.world.onlooker.sends(engine.world.outbox)
        engine.world.outbox.clear()

    def call_ids(self) -> list[str]:
        return [event[1].decode() for event in self.told.events if event[0] == RECEIVED]


@pytest.mark.parametrize(
    ("words", "is_wanted"),
    [
        ({"from": "alice"}, True),
        ({"from": "alice@example.com"}, True),
        ({"from": "ali*"}, True),
        ({"from": "sip:alice:*"}, True),
        ({"from": "[ab]lic?"}, True),
        ({"from": "[b]lic?"}, False),
        ({"from": "*@ex*.com"}, True),
        ({"from": "*", "to": "?o?"}, True),
        ({"from": "Alice"}, False),
        ({"from": "bob"}, False),
        ({"to": "bob"}, True),
        ({"to": "bob@127.0.0.1"}, True),
        ({"to": "alice"}, False),
        ({"src": "10.0.0.7"}, True),
        ({"src": "10.0.0.0/24"}, True),
        ({"src": "10.0.0.7:5060"}, True),
        ({"src": "10.0.0.7:5061"}, False),
        ({"src": "2001:db8::1"}, False),
        ({"method": "invite"}, True),
        ({"method": "*"}, True),
        ({"method": "BYE"}, False),
        ({"call-id": "1@x"}, True),
        ({"call-id": "1@"}, False),
        ({"call-id": "1@x", "from": "bob"}, False),
    ],
)
def test_a_call_is_wanted_if_it_has_all_of_the_words(words: dict[str, str], is_wanted: bool) -> None:
    watched = Watched(words)
    watched.say()
    assert watched.call_ids() == (["1@x"] if is_wanted else [])


def test_all_later_messages_of_a_wanted_call_are_told_and_no_more_calls_than_are_wanted() -> None:
    watched = Watched({"from": "alice"}, limit=2)
    watched.say()
    watched.say("BYE", From="<sip:bob@example.com>;tag=2")
    watched.say("OPTIONS", **{"Call-ID": "2@x"})
    watched.say("OPTIONS", **{"Call-ID": "3@x"})
    assert watched.call_ids() == ["1@x", "1@x", "2@x"]


@pytest.mark.parametrize(
    ("lines", "is_told"),
    [
        (b"Call-ID: 1@x\r\n", True),
        (b"call-id :1@x \r\n", True),
        (b"i: 1@x\r\n", True),
        (b"Call-ID:\r\n 1@x\r\n", True),
        (b"Call-ID: 1@xyz\r\n", False),
        (b"Call-ID: 2\r\nSubject: 1@x\r\n", False),
        (b"Call-ID: 2\r\n\r\nCall-ID: 1@x\r\n", False),
    ],
)
def test_what_is_sent_belongs_to_a_call_by_its_call_id(lines: bytes, is_told: bool) -> None:
    watched = Watched({"from": "alice"})
    watched.say("OPTIONS")
    watched.told.events.clear()
    socket = watched.server.sockets[0]
    watched.tracing.sends([Send(b"OPTIONS sip:b SIP/2.0\r\n" + lines + b"\r\n", socket.address, socket)])
    assert [event[0] for event in watched.told.events] == ([SENT] if is_told else [])


def test_when_nobody_watches_any_more_nobody_is_asked() -> None:
    watched = Watched({"from": "alice"})
    world = watched.server.engine.world
    assert world.onlooker is watched.tracing
    watched.tracing.end(1)
    assert {one is None for one in (world.onlooker, world.asking.onlooker, world.log.onlooker)} == {True}
    watched.say()
    assert watched.told.events == []


def test_who_watches_and_goes_without_a_word_is_forgotten_at_his_time() -> None:
    watched = Watched({"from": "alice"})
    watched.now_us = 10_001_000
    for _ in range(1000):
        watched.say("OPTIONS", From="<sip:carol@x>;tag=1")
    assert watched.server.engine.world.onlooker is None


def test_a_call_that_floods_is_told_of_to_a_bound() -> None:
    watched = Watched({"from": "alice"})
    for _ in range(3000):
        watched.say("OPTIONS")
    assert len(watched.told.events) == 2000 and watched.told.lost == 4000
    watched.now_us += 1_000_001
    watched.say("OPTIONS")
    assert len(watched.told.events) == 2002


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Digest username="a", response="0123abcd", nonce="n"', 'Digest username="a", response="***", nonce="n"'),
        ("response=0123abcd,", "response=***,"),
        ("Authorization: Basic YTpi\r\n", "Authorization: Basic ***\r\n"),
        ("Proxy-Authorization: Bearer abc.def\r\n", "Proxy-Authorization: Bearer ***\r\n"),
        ("<sip:alice:geheim@example.com:5070>", "<sip:alice:***@example.com:5070>"),
        ("sip:alice@example.com:5070;a=b@c", "sip:alice@example.com:5070;a=b@c"),
        ("sip:example.com:5060", "sip:example.com:5060"),
    ],
)
def test_secrets_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_columns_with_secrets_are_known() -> None:
    assert [
        c for c in ("password", "ha1", "ha1b", "passwd", "username", "domain", "chalk", "secret_x") if is_secret(c)
    ] == [
        "password",
        "ha1",
        "ha1b",
        "passwd",
        "secret_x",
    ]
