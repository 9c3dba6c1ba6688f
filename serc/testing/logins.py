"""Why credentials were refused. A server tells nobody, lest who guesses learns from it; a test has both sides before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from runtime.modules.auth_db import AuthDb
from runtime.sip.digest import MD5, SHA256
from runtime.spec.effects import Does
from serc.diagnostics.suggest import did_you_mean
from serc.reading import tree
from serc.reading.walk import below, routes
from serc.resolve.bound import BoundFile
from serc.testing.digest import fields_of, ha1_of, response_of
from serc.testing.language import cases
from serc.testing.messages import Text
from serc.testing.proxy import Login, Proxy
from serc.testing.tables import Record

# What a challenge of this status is answered by, and what the challenge is called.
_HEADERS: Final = {401: ("Authorization", "WWW-Authenticate"), 407: ("Proxy-Authorization", "Proxy-Authenticate")}
_VERIFYING: Final = (Does.AUTH_WWW, Does.AUTH_PROXY)
_SHOWN_MAX: Final = 5


def why_refused(proxy: Proxy, file: BoundFile, statements: Sequence[cases.Statement]) -> list[str]:
    """Sentences about the last request with credentials, if it was challenged anew; else none."""
    if not proxy.logins:
        return []
    login = proxy.logins[-1]
    request = Text.read(login.data)
    challenge = next((text for text in _answers(proxy, request, login.sent) if text.status in _HEADERS), None)
    if challenge is None:
        return []
    return list(_Refusal(proxy, file, statements, request, challenge, login).reasons())


def _answers(proxy: Proxy, request: Text, before: int) -> Iterator[Text]:
    for sent in proxy.sent[before:]:
        text = sent.text if sent.data else None
        if text is not None and not text.is_request and text.get("Call-ID") == request.get("Call-ID"):
            if text.get("CSeq") == request.get("CSeq"):
                yield text


class _Refusal:
    """One request, and the challenge that it got in spite of its credentials."""

    def __init__(
        self,
        proxy: Proxy,
        file: BoundFile,
        statements: Sequence[cases.Statement],
        request: Text,
        challenge: Text,
        login: Login,
    ) -> None:
        self._proxy: Final = proxy
        self._file: Final = file
        self._statements: Final = statements
        self._request: Final = request
        self._challenge: Final = challenge
        self._login: Final = login

    def reasons(self) -> Iterator[str]:
        name, asks = _HEADERS[self._challenge.status]
        values = self._request.all(name)
        if not values:
            other = next(header for header, _ in _HEADERS.values() if header != name)
            yield f"the request has {other}, and ser.cfg reads {name}, which answers a {self._challenge.status}"
            return
        wanted = fields_of(self._challenge.get(asks) or "")
        given = next((f for v in values if _same_realm(f := fields_of(v), wanted)), None)
        if given is None:
            realm = fields_of(values[0]).get("realm", "")
            yield f'the credentials are for realm "{realm}", and ser.cfg asks for realm "{wanted.get("realm", "")}"'
            return
        nonce = given.get("nonce", "")
        given_ms = self._given_ms(nonce, asks)
        if given_ms is None:
            yield f'the nonce "{nonce}" is none that the server has given in this test'
        elif wanted.get("stale", "").lower() == "true" and not self._logged():
            age_s = (self._proxy.elapsed_ms - given_ms) / 1000
            yield f"the nonce is {age_s:g} s old, which is too much: nonce_expire of auth says how old it may be, in seconds"
        else:
            yield from self._by_table(given) or self._logged()

    def _given_ms(self, nonce: str, asks: str) -> int | None:
        """When the server has given this nonce."""
        for sent in self._proxy.sent[: self._login.sent]:
            if sent.data and not sent.text.is_request:
                if any(fields_of(value).get("nonce") == nonce for value in sent.text.all(asks)):
                    return sent.at_ms
        return None

    def _logged(self) -> list[str]:
        """What auth says of it, which is less than one would like to know."""
        lines = [line for _, line in self._proxy.log.records[self._login.logged :] if line.startswith("auth")]
        return [f"the server says: {lines[-1]}"] if lines else []

    def _by_table(self, given: dict[str, str]) -> list[str]:
        module = self._proxy.engine.world.modules.get("auth_db")
        tables = sorted(set(_tables(self._file)))
        if not isinstance(module, AuthDb) or not tables:
            return []
        user, at, _ = given.get("username", "").partition("@")
        columns = module.columns
        wanted = {columns.user: user} | ({columns.domain: given.get("realm", "")} if columns.use_domain else {})
        said: list[str] = []
        for table in tables:
            rows = self._proxy.around.tables.rows(table)
            row = next((row for row in rows if all(_text(row, c) == v for c, v in wanted.items())), None)
            if row is None:
                names = [_text(row, columns.user) for row in rows]
                said.append(f"table {table} has no row with {_shown(wanted)}: {_those(user, names)}")
                continue
            algorithm = SHA256 if given.get("algorithm", "").upper() == "SHA-256" else MD5
            column = columns.password(at != "", algorithm)
            said += self._by_row(given, table, column, _text(row, column), columns.holds_passwords)
        return said

    def _by_row(self, given: dict[str, str], table: str, column: str, kept: str, is_password: bool) -> list[str]:
        user = given.get("username", "")
        where = f"{column} of {user} in table {table}"
        realm, algorithm = given.get("realm", ""), given.get("algorithm", "MD5")
        right = ha1_of(algorithm, user, realm, kept) if is_password else kept
        if given.get("response") == response_of(given, right, self._request.method, self._request.body):
            return []
        password = self._password(user)
        if not password:
            return [f"{user} has no password in this test: write  user {user} password TEXT"]
        if is_password:
            return [f'{where} is "{kept}", and the password of the phone is "{password}"']
        ha1 = ha1_of(algorithm, user, realm, password)
        cure = f"for the password {password} in realm {realm} write {column}={ha1}"
        if kept == password:
            return [f"{where} is a password, and auth_db reads HA1 there: set its calculate_ha1 to 1, or {cure}"]
        if not kept:
            return [f"{where} is empty, and auth_db reads HA1 there: set its calculate_ha1 to 1, or {cure}"]
        return [f"{where} is of another password, user or realm: {cure}"]

    def _password(self, username: str) -> str:
        """That of the phone, as the test has said it last; "" if it has not."""
        name, password = username.partition("@")[0], ""
        for statement in self._statements:
            if isinstance(statement, cases.User) and (statement.username or statement.name) in (username, name):
                name, password = statement.name, statement.password
        for statement in self._statements:
            if isinstance(statement, cases.WhenAuthenticate) and statement.who.name == name and statement.password:
                password = statement.password
        return password


def _tables(file: BoundFile) -> Iterator[str]:
    """The tables that are asked for passwords."""
    functions = file.functions
    for route in routes(file.file):
        for node in below(route.body):
            function = functions.get(node.span) if isinstance(node, tree.Call) else None
            if isinstance(node, tree.Call) and function is not None and function.does in _VERIFYING and node.arguments:
                table = node.arguments[-1]
                if isinstance(table, tree.String):
                    yield table.value


def _same_realm(given: dict[str, str], wanted: dict[str, str]) -> bool:
    return given.get("realm", "").lower() == wanted.get("realm", "").lower()


def _text(row: Record, column: str) -> str:
    value = row.get(column)
    return value.decode("latin-1") if isinstance(value, bytes) else "" if value is None else str(value)


def _shown(values: dict[str, str]) -> str:
    return " and ".join(f"{column}={value}" for column, value in values.items())


def _those(user: str, names: list[str]) -> str:
    if not names:
        return f"it is empty; write  given row in TABLE username={user} …"
    return did_you_mean(user, names) or "it has " + ", ".join(names[:_SHOWN_MAX]) + ", …" * (len(names) > _SHOWN_MAX)
