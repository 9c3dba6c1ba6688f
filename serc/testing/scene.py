"""Tests of a ser.cfg in Python: what *.sertest files say in lines, as objects."""

from __future__ import annotations

import re
from typing import Final

from runtime.routing.database import Value
from serc.reading.tree import Span
from serc.testing.acting import domain_of
from serc.testing.config import Config
from serc.testing.language import cases
from serc.testing.language.reader import place_of
from serc.testing.log import Lines
from serc.testing.messages import Text
from serc.testing.phones import Phone
from serc.testing.proxy import Proxy, Sent, Surroundings
from serc.testing.stage import People, Stage, add_record
from serc.testing.stand_in import CommandRule

_NOWHERE: Final = Span(0, 0)


class Scene:
    """A server with what is around it. It starts when something first happens: names, rows and the like are to be given before."""

    def __init__(self, config: Config) -> None:
        self.around: Final = Surroundings()
        self._config: Final = config
        self._log: Final = Lines()
        self._proxy: Proxy | None = None
        self._stage: Stage | None = None

    @property
    def stage(self) -> Stage:
        """Raises CannotStart."""
        if self._stage is None:
            self._proxy = Proxy(self._config.program(), self.around, self._config.folder, self._log)
            self._stage = Stage(self._proxy, People([], domain_of(self._proxy)))
        return self._stage

    @property
    def sent(self) -> list[Sent]:
        """All that the server has sent."""
        return self.stage.proxy.sent

    @property
    def log(self) -> list[str]:
        """All that it has logged."""
        return self._log.lines

    def phone(self, name: str, at: str = "", uri: str = "", password: str = "") -> Device:
        """A phone, at an address such as 10.0.0.7:5060 if it is to have one of its own."""
        place = place_of(at) if at else None
        assert place is not None or not at, f"{at} is no address"
        return Device(self, self.stage.people.add(cases.User(_NOWHERE, name, place, uri, password)))

    def contact(self, uri: str, user: str, table: str = "location") -> None:
        """The user has registered."""
        self.stage.add_contact(cases.GivenContact(_NOWHERE, uri, user, table))

    def command(self, pattern: str, output: str = "", status: int | None = 0) -> None:
        """How shell commands end in which the pattern is found; `status` None: they do not end."""
        self.around.outside.rules.append(CommandRule(re.compile(pattern), status, output.encode("latin-1")))

    def close(self) -> None:
        if self._proxy is not None:
            self._proxy.close()


class Device:
    """A phone of a test. What it gets is in `requests` and `replies`, as messages that tell `uri`, `status`, `get("Contact")` …"""

    def __init__(self, scene: Scene, phone: Phone) -> None:
        self._scene: Final = scene
        self._phone: Final = phone

    @property
    def uri(self) -> str:
        return self._phone.uri

    @property
    def requests(self) -> list[Text]:
        return self._phone.requests

    @property
    def replies(self) -> list[Text]:
        return self._phone.replies

    def send(self, method: str, to: Device | str = "", body: str = "", **headers: str) -> None:
        """A new request; `_` in the name of a header stands for `-`. Without `to`: one of the call that the phone is in, or a REGISTER."""
        stage = self._scene.stage
        stage.begin()
        target = to.uri if isinstance(to, Device) else to
        if method == "REGISTER":
            domain = "sip:" + self.uri.partition("@")[2]
            message = self._phone.request(method, domain, target or self.uri, stage.number())
        elif target:
            message = self._phone.request(method, target, target, stage.number())
        else:
            message = self._phone.in_dialog(method, stage.number())
        self._finish(message, body, headers)
        self._phone.note_sent(message)
        stage.send(self._phone, self._phone.last, _NOWHERE)

    def answer(self, status: int, reason: str = "", method: str = "", body: str = "", **headers: str) -> None:
        """An answer to the last request that it has got, of this method. Raises NoSuchThing."""
        stage = self._scene.stage
        stage.begin()
        message = self._phone.answer(self._phone.pending(method), status, reason)
        self._finish(message, body, headers)
        self._phone.last = message.data()
        stage.send(self._phone, self._phone.last, _NOWHERE)

    def authenticate(self, password: str = "") -> None:
        """The last request again, with the answer to the challenge that came. Raises NoSuchThing."""
        stage = self._scene.stage
        stage.begin()
        message = self._phone.again_with_credentials(password, stage.number())
        self._phone.note_sent(message)
        stage.send(self._phone, self._phone.last, _NOWHERE)

    def got(self, what: str | int) -> Text | None:
        """The last message of this method or status that it has got; None if there is none."""
        if isinstance(what, int):
            return next((reply for reply in reversed(self.replies) if reply.status == what), None)
        return next((request for request in reversed(self.requests) if request.method == what), None)

    @staticmethod
    def _finish(message: Text, body: str, headers: dict[str, str]) -> None:
        message.body = body
        for name, value in headers.items():
            header = name.replace("_", "-")
            if value:
                message.put(header, value)
            else:
                message.drop(header)


class Clock:
    """The time of a test."""

    def __init__(self, scene: Scene) -> None:
        self._scene: Final = scene

    def forward(self, seconds: float) -> None:
        """Let time pass, and happen what happens meanwhile."""
        stage = self._scene.stage
        stage.begin()
        stage.pass_time(round(seconds * 1000))


class Rows:
    """The database of a test."""

    def __init__(self, scene: Scene) -> None:
        self._scene: Final = scene

    def add(self, table: str, **columns: str | int) -> None:
        """Raises DatabaseError for a column that the table has not."""
        values: dict[str, Value] = {n: v if isinstance(v, int) else v.encode("latin-1") for n, v in columns.items()}
        self._scene.around.tables.add(table, values)

    def rows(self, table: str) -> list[dict[str, Value]]:
        return self._scene.around.tables.rows(table)

    def fail(self) -> None:
        """From now on every question fails."""
        self._scene.around.tables.is_down = True


class NamesOfTest:
    """The name server of a test."""

    def __init__(self, scene: Scene) -> None:
        self._scene: Final = scene

    def add(self, name: str, kind: str, *fields: str | int) -> None:
        """A record, as `given dns` has it: `add("example.com", "A", "10.0.0.1")`, `add("_sip._udp.example.com", "SRV", "gw.example.com", 5060,
        10, 10)`.
        """
        record = cases.GivenName(_NOWHERE, name.lower(), kind, tuple(str(field) for field in fields))
        add_record(self._scene.around.names, record)
