"""The statements of a case, carried out one after the other."""

from __future__ import annotations

import re
from typing import Final

from runtime.routing.database import Value
from runtime.routing.probing import way_of
from serc.reading.tree import Span
from serc.testing.language import cases
from serc.testing.language.cases import Case, Detail, Place, Who
from serc.testing.language.reader import place_of
from serc.testing.messages import Text, uri_in, wire
from serc.testing.phones import NoSuchThing, Phone
from serc.testing.proxy import Proxy, Sent
from serc.testing.rendering import first_line
from serc.testing.stage import Failed, People, Stage, arrange

_LEVEL_NAMES: Final = {-3: "alert", -2: "critical", -1: "error", 1: "warning", 2: "notice", 3: "info", 4: "debug"}


def play(case: Case, proxy: Proxy) -> None:
    """Run a case against a proxy that has just been started. Raises Failed."""
    _Actor(case, proxy).run()


def domain_of(proxy: Proxy) -> str:
    """The domain of users whose URI nobody says: the first alias of the server, or its address."""
    aliases = proxy.engine.world.sockets.aliases
    if aliases:
        return aliases[0].name.decode("latin-1")
    return proxy.sockets[0].address.host().decode("ascii")


class _Actor:
    def __init__(self, case: Case, proxy: Proxy) -> None:
        users = [s for s in case.statements if isinstance(s, cases.User)]
        self._case: Final = case
        self._proxy: Final = proxy
        self._stage: Final = Stage(proxy, People(users, domain_of(proxy)))
        self._has_begun = False
        # Whether the messages that came of the last event are asked for one by one.
        self._last: cases.ThenMessage | None = None
        self._bugs = proxy.bugs()

    def run(self) -> None:
        for statement in self._case.statements:
            if isinstance(statement, cases.GivenContact):
                self._stage.add_contact(statement)
            elif isinstance(statement, cases.When):
                self._leave_event()
                self._stage.begin()
                self._has_begun = True
                self._happen(statement)
                if self._proxy.bugs() != self._bugs:
                    raise Failed(statement.span, "the server has a bug: " + self._proxy.log.lines[-1])
            elif isinstance(statement, cases.Then):
                self._expect(statement)
            elif self._has_begun:
                arrange(self._proxy.around, statement)
        self._leave_event()

    # --- what happens ------------------------------------------------------------------------------------------------

    def _happen(self, statement: cases.When) -> None:
        stage = self._stage
        try:
            if isinstance(statement, cases.After):
                stage.pass_time(statement.milliseconds)
            elif isinstance(statement, cases.WhenRequest):
                self._request(statement)
            elif isinstance(statement, cases.WhenInDialog):
                phone = self._in_dialog(statement)
                message = phone.in_dialog(statement.method, stage.number())
                self._send(phone, message, statement.details, statement)
            elif isinstance(statement, cases.WhenAnswer):
                self._answer(statement)
            elif isinstance(statement, cases.WhenRepeat):
                phone = self._one(statement.who)
                if not phone.last:
                    raise NoSuchThing(f"{phone.name} has sent nothing yet")
                stage.send(phone, phone.last, statement.span)
            elif isinstance(statement, cases.WhenAuthenticate):
                phone = self._one(statement.who)
                self._send(phone, phone.again_with_credentials(statement.password, stage.number()), [], statement)
            elif isinstance(statement, cases.WhenMessage):
                stage.send(self._one(statement.sender), wire(statement.text), statement.span)
            else:
                self._unreachable(statement)
        except NoSuchThing as e:
            raise Failed(statement.span, str(e)) from e

    def _one(self, who: Who) -> Phone:
        return self._stage.people.of(who)[0]

    def _request(self, statement: cases.WhenRequest) -> None:
        phone = self._one(statement.sender)
        target = statement.target.uri or self._one(statement.target).uri
        uri = target
        if statement.method == "REGISTER":
            target = phone.uri if statement.target is statement.sender else target
            uri = "sip:" + target.partition("@")[2].partition(";")[0] if "@" in target else target
        message = phone.request(statement.method, uri, target, self._stage.number())
        self._send(phone, message, statement.details, statement)

    def _in_dialog(self, statement: cases.WhenInDialog) -> Phone:
        """The device that has the call."""
        phones = self._stage.people.of(statement.who)
        return next(
            (p for p in phones if p.dialog is not None or (p.asked and statement.method == "CANCEL")), phones[0]
        )

    def _send(self, phone: Phone, message: Text, details: list[Detail], statement: cases.When) -> None:
        source: Place | None = None
        for detail in details:
            if detail.what == "source":
                source = place_of(detail.value)
            else:
                _apply(message, detail)
        phone.note_sent(message)
        self._stage.send(phone, phone.last, statement.span, source)

    def _answer(self, statement: cases.WhenAnswer) -> None:
        phones = self._stage.people.of(statement.who)
        phone = next((p for p in reversed(phones) if p.requests), phones[0])
        reply = phone.answer(phone.pending(statement.method), statement.status, statement.reason)
        for detail in statement.details:
            _apply(reply, detail)
        phone.last = reply.data()
        self._stage.send(phone, phone.last, statement.span)

    def _unreachable(self, statement: cases.WhenUnreachable) -> None:
        places = {(p.place.host, p.place.port) for p in self._stage.people.of(statement.who)}
        for sent in reversed(self._proxy.sent):
            if (sent.host, sent.port) in places:
                self._stage.fail_to_send(sent)
                return
        raise NoSuchThing("nothing has been sent there")

    # --- what must come of it ----------------------------------------------------------------------------------------

    def _leave_event(self) -> None:
        """Where messages were asked for, no other may have been sent."""
        if self._last is not None:
            self._nothing_else(self._last.span, "nothing else is expected to be sent")
        self._last = None

    def _nothing_else(self, span: Span, sentence: str) -> None:
        left = [sent for sent in self._stage.pending if not self._is_quiet(sent)]
        if left:
            raise Failed(span, f"{sentence}, and {_shown(left[0])} is", [_shown(sent) for sent in left[1:]])

    def _is_quiet(self, sent: Sent) -> bool:
        """What nobody has to ask for: repetitions, 100, and what only concerns the next hop."""
        if sent.again or not sent.data:
            return True
        message = sent.text
        if not message.is_request:
            return message.status == 100 or (message.method == "CANCEL" and message.status == 200)
        phone = self._stage.people.known_at(sent.host, sent.port)
        return message.method == "ACK" and phone is not None and not _has_accepted(phone, message)

    def _expect(self, statement: cases.Then) -> None:
        if isinstance(statement, cases.ThenMessage):
            self._expect_message(statement)
        elif isinstance(statement, cases.ThenNothing):
            self._nothing_else(statement.span, "nothing is expected to be sent")
        elif isinstance(statement, cases.ThenLog):
            self._expect_log(statement)
        elif isinstance(statement, cases.ThenRow):
            self._expect_row(statement)
        elif isinstance(statement, cases.ThenContact):
            contacts = self._stage.contacts(statement)
            found = statement.uri in contacts if statement.uri else bool(contacts)
            if found is statement.absent:
                have = f"it has {', '.join(contacts)}" if contacts else "it has none"
                raise Failed(
                    statement.span, f"{statement.user} {'still has' if found else 'has not'} this contact: {have}"
                )
        else:
            outside = self._proxy.around.outside
            said = outside.ran if statement.what == "exec" else [text.decode("latin-1") for text in outside.said]
            found = any(re.search(statement.pattern, text) for text in said)
            if found is statement.absent:
                raise Failed(statement.span, f"{statement.what} was told {'this' if found else 'no such thing'}", said)

    def _expect_message(self, statement: cases.ThenMessage) -> None:
        places = self._places_of(statement)
        unlike: list[str] = []
        for sent in self._stage.pending:
            if not sent.data or (sent.host, sent.port) not in places or sent.again is not statement.again:
                continue
            message = sent.text
            if statement.method != (message.method if message.is_request else ""):
                continue
            if statement.status != message.status:
                continue
            wrong = next((text for d in statement.details if (text := difference(message, d))), "")
            if not wrong:
                self._stage.pending.remove(sent)
                self._last = statement
                return
            unlike.append(wrong)
        what = statement.method or str(statement.status)
        whom = f" to {_who(statement.target)}" if statement.target is not None else ""
        again = " again" if statement.again else ""
        if unlike:
            raise Failed(statement.span, f"{what}{whom} is sent, and {unlike[0]}", unlike[1:])
        others = [_shown(sent) for sent in self._stage.pending if not sent.again] or ["nothing is sent"]
        raise Failed(statement.span, f"{what}{again}{whom} is expected, and not sent", others)

    def _places_of(self, statement: cases.ThenMessage) -> set[tuple[str, int]]:
        if statement.target is None:
            phone = self._stage.sender
            return set() if phone is None else {(phone.place.host, phone.place.port)}
        return {(phone.place.host, phone.place.port) for phone in self._stage.people.of(statement.target)}

    def _expect_log(self, statement: cases.ThenLog) -> None:
        level = statement.level
        lines = [line for of, line in self._stage.logged if level is None or of <= level]
        found = next((line for line in lines if re.search(statement.pattern, line)), None)
        if (found is None) is not statement.absent:
            what = "a line of the log" if level is None else f"a line of the log at level {_LEVEL_NAMES[level]}"
            if found is not None:
                raise Failed(statement.span, f"{what} is not expected: {found}")
            less = [
                f"at level {_LEVEL_NAMES.get(of, of)}: {line}"
                for of, line in self._stage.logged
                if level is not None and of > level and re.search(statement.pattern, line)
            ]
            raise Failed(statement.span, f"{what} is expected, and not written", less or lines)

    def _expect_row(self, statement: cases.ThenRow) -> None:
        rows = self._proxy.around.tables.rows(statement.table)
        wanted: dict[str, Value] = {
            column: value if isinstance(value, int) else value.encode("latin-1", "replace")
            for column, value in statement.values
        }
        found = any(all(_same(row.get(column), value) for column, value in wanted.items()) for row in rows)
        if found is statement.absent:
            names = [column for column, _ in statement.values] or ["its columns"]
            have = [", ".join(f"{n}={_text(row.get(n))}" for n in names) for row in rows] or ["the table is empty"]
            raise Failed(statement.span, f"table {statement.table} has {'such a' if found else 'no such'} row", have)


def difference(message: Text, detail: Detail) -> str:
    """In which way a message is not as it should be; "" if it is."""
    if detail.what == "header":
        values = message.all(detail.name)
        if detail.absent:
            return f"it has the header {detail.name}: {values[0]}" if values else ""
        if not values:
            return f"it has no header {detail.name}"
        if any(_fits(value, detail) for value in values):
            return ""
        return f"its header {detail.name} is {', '.join(values)}"
    found = {"uri": message.uri, "body": message.body.rstrip(), "reason": message.reason}.get(detail.what, "")
    return "" if _fits(found, detail) else f'its {detail.what} is "{found}"'


def _fits(value: str, detail: Detail) -> bool:
    if detail.relation == "matches":
        return re.search(detail.value, value) is not None
    return value == detail.value


def _apply(message: Text, detail: Detail) -> None:
    """Change a message that a phone is about to send."""
    if detail.absent:
        message.drop(detail.name)
    elif detail.what == "header":
        message.put(detail.name, detail.value)
    elif detail.what == "uri":
        method, _, rest = message.first.partition(" ")
        message.first = f"{method} {detail.value} {rest.rpartition(' ')[2]}"
    elif detail.what == "body":
        message.body = wire(f"x\n\n{detail.value}").decode("latin-1").partition("\r\n\r\n")[2]
        if message.get("Content-Type") is None and detail.value:
            message.put("Content-Type", "application/sdp" if detail.value.startswith("v=") else "text/plain")
    elif detail.what in ("from", "to"):
        name = detail.what.capitalize()
        message.put(name, (message.get(name) or "").replace(uri_in(message.get(name) or ""), detail.value, 1))
    elif detail.what == "contact":
        message.put("Contact", detail.value if "<" in detail.value or detail.value == "*" else f"<{detail.value}>")
    else:
        message.put(detail.what.capitalize(), detail.value)


def _has_accepted(phone: Phone, ack: Text) -> bool:
    """True if this ACK is for a call that the phone has accepted, so that it was sent by the other phone."""
    return (
        phone.dialog is not None and phone.dialog.call_id == ack.get("Call-ID") and phone.last.startswith(b"SIP/2.0 2")
    )


def _shown(sent: Sent) -> str:
    return f"{first_line(sent.data) if sent.data else 'the end of the connection'} to {way_of(sent.send)}"


def _who(who: Who) -> str:
    if who.place is not None:
        return f"{who.place.host}:{who.place.port}"
    return who.name or who.uri


def _same(value: Value, wanted: Value) -> bool:
    return _text(value) == _text(wanted)


def _text(value: Value) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else "NULL" if value is None else str(value)
