"""A case on its way: the proxy under test and the phones around it."""

from __future__ import annotations

import re
from typing import Final

from runtime.modules.usrloc import Usrloc
from runtime.routing.command import Inquiry
from runtime.routing.config import Listen
from runtime.routing.database import DatabaseError, Value
from runtime.routing.dns_records import AAAA, NAPTR, SRV, A, Naptr, Srv
from runtime.routing.module import Module
from runtime.sip.address import Address
from serc.reading.tree import Span
from serc.testing.language import cases
from serc.testing.language.cases import Place, Who
from serc.testing.messages import Text, uri_in
from serc.testing.name_server import NameServer
from serc.testing.phones import Phone
from serc.testing.proxy import Proxy, Sent, Surroundings, address_of
from serc.testing.stand_in import CommandRule

# Where phones are that no test places: RFC 5737 keeps these addresses for examples.
_FIRST_HOST: Final = "192.0.2."
_CONTACT_S: Final = b"3600"


class Failed(Exception):
    """A case does not hold: `span` is the line of the test, `notes` what there is to say beside."""

    def __init__(self, span: Span, message: str, notes: list[str] | None = None) -> None:
        super().__init__(message)
        self.span: Final = span
        self.message: Final = message
        self.notes: Final = notes or []


class Asked(Inquiry):
    """A command of the FIFO whose answer is kept."""

    def __init__(self, words: tuple[bytes, ...], now_ms: int) -> None:
        super().__init__(list(words), True, now_ms)
        self.answers: list[bytes] = []

    def answer(self, text: bytes) -> None:
        self.answers.append(text)


class People:
    """The phones of a case, by name and by place. `domain` is that of those whose URI nobody says."""

    def __init__(self, users: list[cases.User], domain: str) -> None:
        self._domain: Final = domain
        self._users: Final = {user.name: user for user in users}
        self._by_name: Final[dict[str, list[Phone]]] = {}
        self._by_place: Final[dict[tuple[str, int], Phone]] = {}
        for user in users:
            self.add(user)

    def of(self, who: Who) -> list[Phone]:
        """All devices of somebody; whom nobody has named yet gets one."""
        if who.place is not None:
            return [self.at(who.place)]
        if who.uri:
            found = [phone for phone in self._by_place.values() if phone.uri == who.uri]
            return found or [self.add(cases.User(who.span, who.uri.partition(":")[2].partition("@")[0], uri=who.uri))]
        if who.name not in self._by_name:
            self.add(self._users.get(who.name) or cases.User(who.span, who.name))
        return self._by_name[who.name]

    def at(self, place: Place) -> Phone:
        """The device at a place."""
        found = self._by_place.get((place.host, place.port))
        if found is None:
            found = Phone(place.host.replace(":", "-"), place, f"sip:{place.host}")
            self._by_place[place.host, place.port] = found
        return found

    def known_at(self, host: str, port: int) -> Phone | None:
        return self._by_place.get((host, port))

    def reached_by(self, name: str, place: Place) -> None:
        """From now on a user has a device at this place, too."""
        phones = self._by_name.get(name)
        if phones is None or any((p.place.host, p.place.port) == (place.host, place.port) for p in phones):
            return
        first = phones[0]
        phone = Phone(first.name, place, first.uri, first.username, first.password)
        phones.append(phone)
        self._by_place[place.host, place.port] = phone

    def add(self, user: cases.User) -> Phone:
        """A phone of its own for a user, at a place that nobody has if it is not said."""
        place = user.place or Place(f"{_FIRST_HOST}{len(self._by_place) + 1}", 5060)
        uri = user.uri or f"sip:{user.name}@{self._domain}"
        phone = Phone(user.name, place, uri, user.username, user.password)
        self._by_name.setdefault(user.name, []).append(phone)
        self._by_place.setdefault((place.host, place.port), phone)
        return phone


class Stage:
    """The proxy with its phones. What was sent and nobody has asked for is in `pending`, what was logged since the last event in
    `logged`."""

    def __init__(self, proxy: Proxy, people: People) -> None:
        self.proxy: Final = proxy
        self.people: Final = people
        self.pending: list[Sent] = []
        self.sender: Phone | None = None
        self._number = 0
        self._logged = 0

    @property
    def logged(self) -> list[tuple[int, str]]:
        return self.proxy.log.records[self._logged :]

    def number(self) -> int:
        self._number += 1
        return self._number

    # --- events ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Something new happens."""
        self.pending = []
        self._logged = len(self.proxy.log.records)

    def send(self, phone: Phone, data: bytes, span: Span, source: Place | None = None) -> None:
        """A phone sends these bytes to the proxy."""
        place = source or phone.place
        proto = place.proto or "udp"
        family = ":" in place.host
        sockets = [s for s in self.proxy.sockets if s.proto_name == proto and s.address.is_ipv6 == family]
        if not sockets:
            raise Failed(span, f"the server does not listen on {proto}{' over IPv6' if family else ''}")
        self.sender = phone
        connection = 1 + hash((place.host, place.port)) % 1000 if proto == "tcp" else 0
        address = address_of(place.host, place.port)
        self._deliver(self.proxy.receive(data, address, sockets[0], connection))

    def pass_time(self, milliseconds: int) -> None:
        end_ms = self.proxy.now_ms + milliseconds
        # What phones say by themselves happens when it is due.
        while self.proxy.now_ms < end_ms:
            wait_ms = int(self.proxy.engine.next_timer_ms(self.proxy.now_ms))
            left_ms = end_ms - self.proxy.now_ms
            self._deliver(self.proxy.advance(left_ms if wait_ms < 0 else min(left_ms, max(wait_ms, 1))))

    def fail_to_send(self, sent: Sent) -> None:
        self._deliver(self.proxy.refuse(sent))

    def _deliver(self, sent: list[Sent]) -> None:
        for one in sent:
            self.pending.append(one)
            if not one.data:
                continue
            phone = self.people.at(Place(one.host, one.port, "tcp" if one.proto == "tcp" else ""))
            if not one.again:
                phone.take(one.text)
                self._react(phone, one.text, one)

    def _react(self, phone: Phone, message: Text, sent: Sent) -> None:
        """What every phone does without being told: it acknowledges a refusal, and obeys a CANCEL."""
        if (
            not message.is_request
            and message.status >= 300
            and message.method == "INVITE"
            and self._is_mine(phone, message)
        ):
            self._say(phone, phone.in_dialog("ACK", self.number()).data(), sent)
        elif message.is_request and message.method == "CANCEL":
            self._say(phone, phone.answer(message, 200, "").data(), sent)
            invite = next((r for r in reversed(phone.requests) if r.method == "INVITE"), None)
            if invite is not None:
                self._say(phone, phone.answer(invite, 487, "").data(), sent)

    def _is_mine(self, phone: Phone, message: Text) -> bool:
        return phone.asked is not None and phone.asked.get("Call-ID") == message.get("Call-ID")

    def _say(self, phone: Phone, data: bytes, on: Sent) -> None:
        address = address_of(phone.place.host, phone.place.port)
        self._deliver(self.proxy.receive(data, address, on.send.socket, on.send.connection))

    # --- what there is -----------------------------------------------------------------------------------------------

    def command(self, span: Span, name: str, *words: bytes) -> bytes:
        """The answer to a command of the FIFO that usrloc has."""
        usrloc = self.proxy.engine.world.modules.get("usrloc")
        for command in usrloc.commands() if isinstance(usrloc, Module) else ():
            if command.name == name:
                question = Asked(words, self.proxy.now_ms)
                command.body(question)
                return question.answers[0] if question.answers else b""
        raise Failed(span, f"there is no command {name}: ser.cfg loads no module that has it")

    def add_contact(self, given: cases.GivenContact) -> None:
        user = self._address_of_record(given.span, given.user)
        words = (given.table.encode(), user, given.uri.encode("latin-1"), _CONTACT_S)
        answer = self.command(given.span, "ul_add", *words, b"1", b"0", b"0")
        if not answer.startswith(b"200"):
            raise Failed(given.span, f"the contact is refused: {answer.decode('latin-1').strip()}")
        place = _place_in(given.uri)
        if place is not None:
            name = given.user.removeprefix("sip:").partition("@")[0]
            self.people.of(Who(given.span, name=name))
            self.people.reached_by(name, place)

    def _address_of_record(self, span: Span, user: str) -> bytes:
        """A user as usrloc knows it: without a domain where none counts, else with that of the user's URI if no other is said."""
        name = user.removeprefix("sip:")
        usrloc = self.proxy.engine.world.modules.get("usrloc")
        if not isinstance(usrloc, Usrloc) or not usrloc.use_domain:
            name = name.partition("@")[0]
        elif "@" not in name:
            name = self.people.of(Who(span, name=name))[0].uri.partition(":")[2].partition(";")[0]
        return name.encode("latin-1")

    def contacts(self, wanted: cases.ThenContact) -> list[str]:
        table, user = wanted.table.encode(), self._address_of_record(wanted.span, wanted.user)
        lines = self.command(wanted.span, "ul_show_contact", table, user).decode("latin-1").split("\n")
        return [uri_in(line) for line in lines[1:] if line.startswith("<")]


def surroundings_of(case: cases.Case, listen: tuple[Place, ...]) -> Surroundings:
    """What a case gives before anything happens. Raises Failed."""
    around = Surroundings()
    around.listen = [Listen(place.proto, place.host, place.port) for place in listen]
    for statement in case.statements:
        if isinstance(statement, cases.When):
            break
        arrange(around, statement)
    return around


def arrange(around: Surroundings, statement: cases.Statement) -> bool:
    """Put into place what is given, unless it is a contact or a user; True if that has been done. Raises Failed."""
    if isinstance(statement, cases.GivenRow):
        values: dict[str, Value] = {
            column: value if isinstance(value, int) else value.encode("latin-1", "replace")
            for column, value in statement.values
        }
        try:
            around.tables.add(statement.table, values)
        except (DatabaseError, ValueError) as e:
            raise Failed(statement.span, str(e)) from e
    elif isinstance(statement, cases.GivenName):
        add_record(around.names, statement)
    elif isinstance(statement, cases.GivenCommand):
        output = statement.output.encode("latin-1", "replace")
        around.outside.rules.append(CommandRule(re.compile(statement.pattern), statement.status, output))
    elif isinstance(statement, cases.GivenRtpProxy):
        around.outside.rtp_answer = statement.answer.encode("latin-1", "replace")
    elif isinstance(statement, cases.GivenDown):
        around.tables.is_down = True
    else:
        return False
    return True


def add_record(names: NameServer, given: cases.GivenName) -> None:
    name = given.name.rstrip(".").encode("latin-1")
    if given.kind == "silent":
        names.silent.add(name)
    elif given.kind == "SRV":
        target, port, priority, weight = given.fields
        record = Srv(int(priority), int(weight), int(port), target.rstrip(".").lower().encode())
        names.record(SRV, name).services.append(record)
    elif given.kind == "NAPTR":
        order, preference, flags, services, regexp, replacement = given.fields
        rule = Naptr(int(order), int(preference), flags, services, regexp, replacement.rstrip(".").encode())
        names.record(NAPTR, name).rules.append(rule)
    else:
        kind = AAAA if ":" in given.fields[0] else A
        names.record(kind, name).ips.append(Address.parse(given.fields[0], 0).ip)


def _place_in(uri: str) -> Place | None:
    """Where a URI with an IP address points to."""
    found = re.match(r"sips?:(?:[^@]*@)?(\[[0-9A-Fa-f:]+\]|[0-9.]+)(?::([0-9]+))?", uri)
    if found is None:
        return None
    proto = "tcp" if "transport=tcp" in uri.lower() else ""
    return Place(found[1].strip("[]"), int(found[2] or 5060), proto)
