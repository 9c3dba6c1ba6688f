"""One line of a test as a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.suggest import did_you_mean
from serc.testing.language import cases
from serc.testing.language.cases import Detail, Given, Then, User, When
from serc.testing.language.reader import Reader
from serc.testing.tables import columns_of, fault_of

LEVELS: Final = {"alert": -3, "critical": -2, "error": -1, "warning": 1, "notice": 2, "info": 3, "debug": 4}
RECORDS: Final = ("A", "AAAA", "SRV", "NAPTR", "silent")
_TABLE: Final = "location"


def user(r: Reader) -> User:
    """`user NAME [at PLACE] [uri URI] [password "…"] [as "digest username"]`"""
    name = r.name("the name of a user").text
    found = {"at": "", "uri": "", "password": "", "as": ""}
    place = None
    while r.next() is not None:
        key = r.keyword(found, "at, uri, password or as").text
        if key == "at":
            place = r.place()
        else:
            found[key] = r.uri("the URI") if key == "uri" else r.text(f"the {key}").text
    return User(r.span, name, place, found["uri"], found["password"], found["as"])


# --- given -----------------------------------------------------------------------------------------------------------


def given(r: Reader) -> Given:
    what = r.keyword(_GIVEN, "what is given").text
    statement = _GIVEN[what](r)
    r.end()
    return statement


def _contact(r: Reader) -> Given:
    uri = r.uri("the URI of a contact")
    r.need("of")
    return cases.GivenContact(r.span, uri, r.user(), _in_table(r))


def _in_table(r: Reader) -> str:
    return r.table() if r.take("in") else _TABLE


def _row(r: Reader) -> Given:
    r.need("in")
    table, values = _table_and_values(r)
    if not values:
        r.expected("column=value")
    return cases.GivenRow(r.span, table, values)


def _table_and_values(r: Reader) -> tuple[str, tuple[tuple[str, str | int], ...]]:
    table = r.table()
    pairs = r.pairs()
    known = columns_of(table)
    for column, value, span in pairs:
        if known is not None and column not in known:
            hint = did_you_mean(column, known) or "its columns: " + ", ".join(known)
            r.fail(codes.TEST_NAME, span, f"table {table} has no column {column}", hint)
        fault = fault_of(table, column, value)
        if fault:
            r.fail(codes.TEST_VALUE, span, *fault)
    return table, tuple((column, value) for column, value, _ in pairs)


def _dns(r: Reader) -> Given:
    name = r.text("a name").text
    kind = r.keyword(RECORDS, "a kind of record").text
    fields: list[str] = []
    if kind in ("A", "AAAA"):
        fields = [r.place().host]
    elif kind == "SRV":
        fields = [r.text("the name of a server").text, str(r.number("a port", 1, 65535))]
        for what in ("a priority", "a weight"):
            fields.append(str(r.number(what, 0, 65535)) if r.next() is not None else "10")
    elif kind == "NAPTR":
        fields = [str(r.number(what, 0, 65535)) for what in ("an order", "a preference")]
        fields += [r.text(what).text for what in ("flags", "services", "a substitution", "a replacement")]
    return cases.GivenName(r.span, name.lower(), kind, tuple(fields))


def _exec(r: Reader) -> Given:
    pattern = r.pattern("a part of the command")
    output, status = "", 0
    if r.take("never"):
        r.need("ends")
        return cases.GivenCommand(r.span, pattern, "", None)
    if r.take("prints"):
        output = r.text("the output").text
    if r.take("status"):
        status = r.number("an exit status", 0, 255)
    return cases.GivenCommand(r.span, pattern, output, status)


def _rtpproxy(r: Reader) -> Given:
    r.need("answers")
    return cases.GivenRtpProxy(r.span, r.text("the answer").text)


def _database(r: Reader) -> Given:
    r.need("down")
    return cases.GivenDown(r.span)


_GIVEN: Final[dict[str, Callable[[Reader], Given]]] = {
    "contact": _contact,
    "row": _row,
    "dns": _dns,
    "exec": _exec,
    "rtpproxy": _rtpproxy,
    "database": _database,
}

# --- when ------------------------------------------------------------------------------------------------------------


def when(r: Reader) -> When:
    if r.take("message"):
        text = r.text('the message, in """').text
        r.need("from")
        sender = r.who("who sends it")
        r.end()
        return cases.WhenMessage(r.span, text, sender)
    first = r.next()
    if first is not None and first.text.isupper() and first.text.isalpha():
        return _request(r)
    who = r.who("a method, a message or a name")
    if r.take("is"):
        r.need("unreachable")
        r.end()
        return cases.WhenUnreachable(r.span, who)
    deed = r.keyword(("sends", "answers", "repeats", "authenticates", "is"), "what it does").text
    statement: When
    if deed == "sends":
        statement = cases.WhenInDialog(r.span, who, r.method())
    elif deed == "answers":
        status = r.number("a status", 100, 699)
        following = r.next()
        reason = r.text("a reason").text if following is not None and following.quoted else ""
        method = r.method() if r.take("to") else ""
        statement = cases.WhenAnswer(r.span, who, status, reason, method)
    elif deed == "repeats":
        statement = cases.WhenRepeat(r.span, who)
    else:
        password = r.text("a password").text if r.take("with") else ""
        statement = cases.WhenAuthenticate(r.span, who, password)
    r.end()
    return statement


def _request(r: Reader) -> When:
    method = r.method()
    r.need("from")
    sender = r.who("who sends it")
    target = r.who("whom it is for") if r.take("to") else sender
    if target is sender and method != "REGISTER":
        r.expected('"to"')
    r.end()
    return cases.WhenRequest(r.span, method, sender, target)


def after(r: Reader) -> When:
    milliseconds = r.time()
    r.end()
    return cases.After(r.span, milliseconds)


# --- then ------------------------------------------------------------------------------------------------------------


def then(r: Reader) -> Then:
    statement = _then(r)
    r.end()
    return statement


def _then(r: Reader) -> Then:
    absent = r.take("no")
    if not absent and r.take("nothing"):
        return cases.ThenNothing(r.span)
    if r.take("log"):
        following = r.next()
        named = following is not None and not following.quoted and following.text in LEVELS
        if following is not None and not following.quoted and not named and r.has_more():
            hint = did_you_mean(following.text, list(LEVELS)) or "one of: " + ", ".join(LEVELS)
            r.fail(codes.TEST_VALUE, following.span, f"there is no level {following.text} of the log", hint)
        level = LEVELS[r.word("a level").text] if named else None
        pattern = r.pattern("a part of the line") if r.next() is not None or not absent else ""
        return cases.ThenLog(r.span, pattern, level, absent)
    if r.take("row"):
        r.need("in")
        table, values = _table_and_values(r)
        return cases.ThenRow(r.span, table, values, absent)
    if r.take("contact"):
        uri = "" if r.sees("of") else r.uri("the URI of a contact")
        r.need("of")
        return cases.ThenContact(r.span, uri, r.user(), _in_table(r), absent)
    for what in ("exec", "rtpproxy"):
        if r.take(what):
            return cases.ThenOutside(r.span, what, r.pattern("a part of what it is told") if r.next() else "", absent)
    if absent:
        r.expected("log, row, contact, exec or rtpproxy", "that nothing more is sent: then nothing")
    return _message(r)


def _message(r: Reader) -> Then:
    word = r.next()
    if word is None or word.quoted or not (word.text.isdecimal() or word.text.isupper()):
        known = ("nothing", "no", "log", "row", "contact", "exec", "rtpproxy")
        hint = did_you_mean(word.text, known) if word is not None else ""
        r.expected("a method, a status, nothing, no, log, row, contact, exec or rtpproxy", hint)
    status = r.number("a status", 100, 699) if word.text.isdecimal() else 0
    method = "" if status else r.method()
    again = r.take("again")
    following = r.next()
    reason = r.text("a reason").text if status and following is not None and following.quoted else ""
    details = [Detail(r.span, "reason", value=reason)] if reason else []
    target = r.who("who gets it") if r.take("to") else None
    if method and target is None:
        r.expected('"to"')
    return cases.ThenMessage(r.span, method, status, target, again or r.take("again"), details)


# --- with ------------------------------------------------------------------------------------------------------------

_SENT: Final = ("header", "uri", "body", "reason", "source")
_MADE: Final = ("header", "uri", "body", "source", "contact", "expires", "from", "to")


def detail(r: Reader, absent: bool, made: bool) -> Detail:
    """`with header NAME "value"`, `with header NAME ~ "regexp"`, `without header NAME`; `made`: of a message that the test sends."""
    if absent:
        r.need("header")
        name = r.header()
        r.end()
        return Detail(r.span, "header", name, absent=True)
    what = r.keyword(_MADE if made else _SENT, "a part of the message").text
    name = r.header() if what == "header" else ""
    if not made and r.take("~"):
        value = r.pattern("a regular expression")
        r.end()
        return Detail(r.span, what, name, value, "matches")
    if what == "source":
        word = r.next()
        r.place()
        value = word.text if word is not None else ""
    else:
        value = r.text("a value").text
    r.end()
    return Detail(r.span, what, name, value)
