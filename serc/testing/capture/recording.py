"""Packets as cases: one for each Call-ID, in the language of test files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from runtime.sip.reply import reason_of
from serc.testing.capture.packets import Packet
from serc.testing.capture.scrub import Scrubber
from serc.testing.messages import Text, tag_in, uri_in

# Headers that are kept, but for those that ser.cfg names: any other may say anything of anybody.
_KEPT: Final = frozenset(
    "expires event require proxy-require privacy refer-to reason diversion remote-party-id p-asserted-identity "
    "p-preferred-identity subscription-state".split()
)
# What phones of a test write by themselves.
_OWN: Final = frozenset(
    "via max-forwards from to call-id cseq contact content-length record-route route authorization proxy-authorization "
    "www-authenticate proxy-authenticate content-type".split()
)
_DISPLAY: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|(?:(?<=^)|(?<=,))[^<",;]+)\s*(?=<)')
_PASSWORD: Final = "secret"
_PAUSE_MS: Final = 1000
# What a test can say of somebody; a capture may have anything.
_PLAIN_URI: Final = re.compile(r"[a-z]+:[!#-;=?-~]+", re.IGNORECASE)
_REALM: Final = re.compile(r'realm="([^"]*)"')
Place = tuple[str, int]


class CannotRecord(Exception):
    """`str()` is why."""


def server_in(packets: list[Packet]) -> Place:
    """The address that talks with the most others: that of the server. Of two with as many it is who the most calls come to."""
    peers: dict[Place, set[Place]] = {}
    counts: Counter[Place] = Counter()
    begun: Counter[Place] = Counter()
    calls: set[str] = set()
    for packet in packets:
        call_id = Text.read(packet.data).get("Call-ID") or ""
        begun[packet.destination] += call_id not in calls
        calls.add(call_id)
        for one, other in ((packet.source, packet.destination), (packet.destination, packet.source)):
            peers.setdefault(one, set()).add(other)
            counts[one] += 1
    if not counts:
        raise CannotRecord("there are no SIP messages in it")
    return max(counts, key=lambda place: (len(peers[place]), begun[place], counts[place], place[1] == 5060))


def record(packets: list[Packet], server: Place, config: str, config_name: str) -> str:
    """A test file. `config` is the text of ser.cfg: what it names is no secret. Raises CannotRecord."""
    wanted = [p for p in packets if server in (p.source, p.destination)]
    if not wanted:
        raise CannotRecord(f"{server[0]}:{server[1]} neither sends nor gets a message in it")
    calls: dict[str, list[Packet]] = {}
    for packet in wanted:
        calls.setdefault(Text.read(packet.data).get("Call-ID") or "", []).append(packet)
    scrub = Scrubber(config, "\n".join([packet.data.decode("latin-1") for packet in wanted]))
    has_contacts = not config or "usrloc" in config
    names: Counter[str] = Counter()
    cases = []
    for call in calls.values():
        case = _Case(call, server, scrub, has_contacts)
        lines = list(case.lines())
        if not lines:
            continue
        names[case.name] += 1
        name = case.name if names[case.name] == 1 else f"{case.name}, {names[case.name]}"
        cases.append("\n".join([f'test "{name}"', *case.given, *lines]))
    if not cases:
        raise CannotRecord(f"nothing comes to {server[0]}:{server[1]} in it: --server names the server")
    listen = ":".join((f"[{server[0]}]" if ":" in server[0] else server[0], str(server[1])))
    head = [f"config {config_name}"] if config_name else []
    head += (
        []
        if _listens(config, server[0])
        else [f"listen {scrub.host(server[0])}:{server[1]}" if ":" not in server[0] else f"listen {listen}"]
    )
    return "\n\n".join([*(["\n".join(head)] if head else []), *cases]) + "\n"


def _listens(config: str, host: str) -> bool:
    """True if ser.cfg says that the server has this address."""
    return re.search(rf"^\s*listen\s*=.*(?<![\w.]){re.escape(host)}(?![\w.])", config, re.MULTILINE) is not None


class _Phone:
    """Somebody at one address."""

    def __init__(self, name: str, place: str, uri: str) -> None:
        self.name: Final = name
        self.line: Final = f"  user {name} at {place} uri {uri}"
        self.asked: Text | None = None
        self.challenge = ""
        self.password = False
        self.refused = False
        self.cancelled = False
        self.last = ""


class _Case:
    """The messages of one Call-ID. `given` and `name` are complete when `lines` has ended. Without `has_contacts` nobody registers here."""

    def __init__(self, packets: list[Packet], server: Place, scrub: Scrubber, has_contacts: bool) -> None:
        self._packets: Final = packets
        self._server: Final = server
        self._scrub: Final = scrub
        self._has_contacts: Final = has_contacts
        self._phones: Final[dict[Place, _Phone]] = {}
        self._seen: Final[set[tuple[bytes, Place]]] = set()
        self._asked_for = ""
        self._contacts: Final[dict[str, str]] = {}
        self._rows: Final[dict[str, str]] = {}
        self._begun = False
        self.name = "recorded"

    @property
    def given(self) -> list[str]:
        """What the case needs before anything happens."""
        users = [phone.line + (f" password {_PASSWORD}" if phone.password else "") for phone in self._phones.values()]
        contacts = [f"  given contact {uri} of {user}" for uri, user in self._contacts.items()]
        return [*users, *self._rows.values(), *contacts]

    def lines(self) -> Iterator[str]:
        last_ms = self._packets[0].at_ms
        for packet in self._packets:
            comes_in = packet.destination == self._server
            if not comes_in and not self._begun:
                continue  # the capture has begun amid it, or the server has: no test can say why
            key = (packet.data, packet.destination)
            if key in self._seen:
                continue  # sent again: timers of a test do that by themselves
            self._seen.add(key)
            message = Text.read(packet.data)
            found = list(self._incoming(packet, message) if comes_in else self._outgoing(packet, message))
            if found and packet.at_ms - last_ms >= _PAUSE_MS and self._begun:
                yield f"  after {(packet.at_ms - last_ms) / 1000:g} s"
            if found:
                last_ms, self._begun = packet.at_ms, True
            yield from found

    # --- who ---------------------------------------------------------------------------------------------------------

    def _phone(self, place: Place, proto: str, message: Text, sends: bool) -> _Phone:
        if place not in self._phones:
            header = "From" if sends is message.is_request else "To"
            uri = uri_in(message.get(header) or "")
            name = self._name(uri)
            host = self._scrub.host(place[0])
            shown = f"[{host}]:{place[1]}" if ":" in host else f"{host}:{place[1]}"
            shown = f"tcp:{shown}" if proto == "tcp" else shown.removesuffix(":5060")
            known = self._scrub.text(uri).partition(";")[0]
            self._phones[place] = _Phone(name, shown, known if _PLAIN_URI.fullmatch(known) else f"sip:{host}")
        return self._phones[place]

    def _name(self, uri: str) -> str:
        user = re.sub(r"[^A-Za-z0-9_.-]", "", self._scrub.text(uri).partition(":")[2].partition("@")[0])
        base = user if re.match(r"[A-Za-z_]", user) else f"phone{user}"
        taken = {phone.name for phone in self._phones.values()}
        return next(name for n in range(1, 1000) if (name := base if n == 1 else f"{base}-{n}") not in taken)

    # --- to the server -----------------------------------------------------------------------------------------------

    def _incoming(self, packet: Packet, message: Text) -> Iterator[str]:
        phone = self._phone(packet.source, packet.proto, message, sends=True)
        if not message.is_request:
            yield from self._answer(phone, message)
        elif message.method == "ACK":
            if not phone.refused:
                yield f"  when {phone.name} sends ACK"
        elif message.method == "CANCEL":
            yield f"  when {phone.name} sends CANCEL"
        elif tag_in(message.get("To") or ""):
            if phone.asked is None and not phone.last:
                yield f"  # left out: {message.method} of {phone.name}, whose call began before the capture"
                return
            yield f"  when {phone.name} sends {message.method}"
            yield from self._details(message)
        elif phone.challenge and (message.get("Authorization") or message.get("Proxy-Authorization")):
            yield from self._authenticated(phone, message)
        else:
            yield from self._request(phone, message)

    def _request(self, phone: _Phone, message: Text) -> Iterator[str]:
        to, uri = uri_in(message.get("To") or ""), message.uri
        scrubbed = self._scrub.text(to).partition(";")[0]
        phone.asked, phone.refused = message, False
        self._asked_for = uri
        target = "" if message.method == "REGISTER" else f" to {scrubbed}"
        self.name = f"{message.method} from {phone.name}{target}"
        yield f"  when {message.method} from {phone.name}{target}"
        usual = to if message.method != "REGISTER" else "sip:" + to.partition("@")[2].partition(";")[0]
        if uri != usual:
            yield f'    with uri "{self._scrub.text(uri)}"'
        contact = message.get("Contact") or ""
        if message.method == "REGISTER" and (contact.strip() == "*" or "expires=" in contact):
            yield f'    with contact "{self._scrub.text(contact)}"'
        yield from self._details(message)

    def _details(self, message: Text) -> Iterator[str]:
        for header, value in message.headers:
            name = header.lower()
            if name in _KEPT or name not in _OWN and self._scrub.is_named(header):
                yield f"    with header {header} {_quoted(self._scrub.text(_DISPLAY.sub('', value)))}"
        if message.body.strip():
            body = self._scrub.body(message.body, message.get("Content-Type") or "").replace("\r", "").rstrip("\n")
            yield "    with body " + '"""'
            yield from (f"      {line}" for line in body.split("\n"))
            yield '      """'

    def _authenticated(self, phone: _Phone, message: Text) -> Iterator[str]:
        """The same request again, with a password in the place of the one that nobody knows."""
        header = message.get("Authorization") or message.get("Proxy-Authorization") or ""
        username = re.search(r'username="([^"]*)"', header)
        user = self._scrub.user((username[1] if username is not None else "").partition("@")[0])
        realm = self._scrub.host(phone.challenge)
        ha1 = hashlib.md5(f"{user}:{realm}:{_PASSWORD}".encode()).hexdigest()
        self._rows[user] = (
            f'  given row in subscriber username="{user}" domain="{realm}" password="{_PASSWORD}" ha1="{ha1}"'
        )
        phone.password, phone.challenge, phone.refused = True, "", False
        phone.asked = message
        yield f"  when {phone.name} authenticates"

    def _answer(self, phone: _Phone, message: Text) -> Iterator[str]:
        phone.last = message.method
        if message.method == "CANCEL" or phone.cancelled and message.status == 487:
            return  # every phone does that by itself
        phone.refused = message.status >= 300
        reason = "" if message.reason == reason_of(message.status).decode() else f" {_quoted(message.reason)}"
        method = "" if message.method == "INVITE" else f" to {message.method}"
        yield f"  when {phone.name} answers {message.status}{reason}{method}"
        if message.body.strip():
            yield from (line for line in self._details(message) if not line.startswith("    with header"))

    # --- from the server ---------------------------------------------------------------------------------------------

    def _outgoing(self, packet: Packet, message: Text) -> Iterator[str]:
        phone = self._phone(packet.destination, packet.proto, message, sends=False)
        if not message.is_request:
            if message.status == 100 or message.method == "CANCEL" and message.status == 200:
                return
            challenge = message.get("WWW-Authenticate") or message.get("Proxy-Authenticate") or ""
            realm = _REALM.search(challenge)
            phone.challenge = realm[1] if realm is not None and message.status in (401, 407) else ""
            phone.refused = message.status >= 300
            if message.status >= 200 and message.method != "BYE" and "," not in self.name and not phone.challenge:
                self.name += f", {message.status}"
            yield f"  then {message.status} to {phone.name}"
            return
        if message.method == "ACK" and phone.refused:
            return
        if message.method == "CANCEL":
            phone.cancelled = True
        self._learn_contact(message)
        phone.last = phone.last or message.method
        yield f"  then {message.method} to {phone.name}"
        if message.method not in ("ACK", "CANCEL") and not tag_in(message.get("To") or ""):
            yield f'    with uri "{self._scrub.text(message.uri)}"'

    def _learn_contact(self, message: Text) -> None:
        """Where a request has gone that was for a user, the user had registered."""
        user = self._asked_for.partition(":")[2].partition("@")[0] if "@" in self._asked_for else ""
        if (
            self._has_contacts
            and user
            and message.uri != self._asked_for
            and not tag_in(message.get("To") or "")
            and message.method != "CANCEL"
        ):
            self._contacts.setdefault(self._scrub.text(message.uri), self._scrub.user(user))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
