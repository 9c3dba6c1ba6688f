"""Contacts as rows of a database. Reference modules-main, chapter 5, and modules-more, B.7."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import (
    LAST_TIME,
    MEMORY_ONLY,
    PERMANENT,
    Q_UNSPECIFIED,
    SYNCED,
    ZOMBIE_NEW,
    Contact,
    can_be_contact,
)
from runtime.routing.context import Context
from runtime.routing.database import DELETE, PUT, Change, Condition, Database, Row, Value
from runtime.sip.soundness import CSEQ_MAX

_DEFAULT_CALL_ID: Final = b"Default-Call-ID"
# More contacts than fit into an answer.
_USER_ROWS: Final = 2000
# What the column holds in SER's schema; strict databases refuse more.
_AGENT_LIMIT: Final = 50


@final
class Columns:
    """Names of the columns, in SER's order of writing."""

    def __init__(
        self,
        user: str,
        contact: str,
        expires: str,
        q: str,
        call_id: str,
        cseq: str,
        replicate: str,
        flags: str,
        state: str,
        user_agent: str,
        received: str,
        domain: str,
    ) -> None:
        self.user: Final = user
        self.contact: Final = contact
        self.domain: Final = domain
        self.expires: Final = expires
        self.flags: Final = flags
        self.all: Final = (
            *(user, contact, expires, q, call_id, cseq, replicate, flags, state, user_agent, received),
            domain,
        )


@final
class Part:
    """Users of a table with their contacts; `next`: the name from which on there are others, if these are not the last."""

    def __init__(self, users: dict[bytes, list[Contact]], next_name: bytes, is_last: bool) -> None:
        self.users: Final = users
        self.next: Final = next_name
        self.is_last: Final = is_last


@final
class Rows:
    """The rows of all tables in one database. `use_domain`: users have their domain in a column of its own."""

    def __init__(self, database: Database, columns: Columns, use_domain: bool) -> None:
        self._database: Final = database
        self._columns: Final = columns
        self._use_domain: Final = use_domain
        self._written: Final = columns.all if use_domain else columns.all[:-1]

    def load(self, table: bytes) -> dict[bytes, list[Contact]]:
        """All users of a table with their contacts, as the database has them. Rows without a user, and what can be no contact, are left out.

        Raises DatabaseError.
        """
        return self._users(self._database.query(None, table.decode("latin-1"), self._columns.all, []))

    def load_some(self, table: bytes, most: int) -> dict[bytes, list[Contact]] | None:
        """The same for a table of up to `most` rows, None for one that has more. Raises DatabaseError."""
        rows = self._database.query(None, table.decode("latin-1"), self._columns.all, [], "", most + 1)
        return None if len(rows) > most else self._users(rows)

    def load_part(self, table: bytes, first: bytes, most: int) -> Part:
        """Users in the database's order of names from `first` on, as many as `most` rows tell wholly, maybe none. Raises DatabaseError."""
        user = self._columns.user
        rows = self._database.query(
            None, table.decode("latin-1"), self._columns.all, [Condition(user, first, ">=")], user, most
        )
        if len(rows) < most:
            return Part(self._users(rows), b"", True)
        # Behind the last row there may be more of its user. Databases may take upper and lower case for the same, and so mix them.
        whole = len(rows)
        last = _folded(rows[-1])
        while whole > 0 and _folded(rows[whole - 1]) == last:
            whole -= 1
        return Part(self._users(rows[:whole]), first if whole == 0 else _bytes(rows[whole][0], first), False)

    def load_user(self, ctx: Context | None, table: bytes, aor: bytes) -> list[Contact]:
        """The contacts of one user, by their q; of a user with very many not all. The run of `ctx` waits. Raises DatabaseError."""
        where = self._where_user(aor)
        rows = self._database.query(
            ctx, table.decode("latin-1"), self._columns.all, where, self._columns.contact, _USER_ROWS
        )
        contacts: list[Contact] = []
        for found in self._users(rows).values():
            contacts.extend(found)
        contacts.sort(key=_falling_q)
        return contacts

    def delete_expired(self, table: bytes, now_s: i64) -> None:
        """Those that are not permanent. Raises DatabaseError."""
        columns = self._columns
        # What the database has has no higher flag.
        where = [Condition(columns.expires, int(now_s), "<="), Condition(columns.flags, PERMANENT, "<")]
        self._database.delete(None, table.decode("latin-1"), where)

    def _users(self, rows: list[Row]) -> dict[bytes, list[Contact]]:
        users: dict[bytes, list[Contact]] = {}
        for row in rows:
            user = row[0]
            uri = row[1]
            if not isinstance(user, bytes) or not isinstance(uri, bytes) or not can_be_contact(uri):
                continue
            domain = row[11]
            if self._use_domain:
                user = b"%s@%s" % (user, domain if isinstance(domain, bytes) else b"")
            users.setdefault(user, []).append(_contact(uri, row))
        return users

    def write(self, ctx: Context | None, changes: list[Change]) -> None:
        """Make the changes, all or none. The run of `ctx` waits. Raises DatabaseError."""
        if len(changes) > 0:
            self._database.transaction(ctx, changes)

    def put(self, table: bytes, aor: bytes, contact: Contact) -> Change:
        """The row of this contact is as the contact is, and is there."""
        user, domain = self._split(aor)
        values: Row = [
            user,
            contact.uri,
            contact.expires_s,
            -1.0 if contact.q == Q_UNSPECIFIED else contact.q / 1000,
            contact.call_id,
            contact.cseq,
            contact.replicate,
            contact.flags,
            0,
            contact.user_agent[:_AGENT_LIMIT],
            contact.received if len(contact.received) > 0 else None,
        ]
        if self._use_domain:
            values.append(domain)
        return Change(PUT, table.decode("latin-1"), self._written, values, self._where(aor, contact.uri))

    def delete(self, table: bytes, aor: bytes, uri: bytes) -> Change:
        """There is no row of this contact."""
        return Change(DELETE, table.decode("latin-1"), (), [], self._where(aor, uri))

    def delete_user(self, table: bytes, aor: bytes) -> Change:
        """There is no row of this user, not even one that nobody has loaded."""
        return Change(DELETE, table.decode("latin-1"), (), [], self._where_user(aor))

    def differences(self, table: bytes, aor: bytes, before: list[Contact], after: list[Contact]) -> list[Change]:
        """What makes the rows of a user that were like `before` like `after`."""
        changes: list[Change] = []
        for old in before:
            new = _find(after, old.uri)
            if old.flags & MEMORY_ONLY == 0 and (new is None or new.state >= ZOMBIE_NEW or new.flags & MEMORY_ONLY):
                changes.append(self.delete(table, aor, old.uri))
        for new in after:
            if new.flags & MEMORY_ONLY == 0 and new.state < ZOMBIE_NEW:
                known = _find(before, new.uri)
                if known is None or not known.equals(new):
                    changes.append(self.put(table, aor, new))
        return changes

    def _where(self, aor: bytes, uri: bytes) -> list[Condition]:
        return [*self._where_user(aor), Condition(self._columns.contact, uri)]

    def _where_user(self, aor: bytes) -> list[Condition]:
        user, domain = self._split(aor)
        where = [Condition(self._columns.user, user)]
        if self._use_domain:
            where.append(Condition(self._columns.domain, domain))
        return where

    def _split(self, aor: bytes) -> tuple[bytes, bytes]:
        if not self._use_domain:
            return aor, b""
        user, _, domain = aor.partition(b"@")
        return user, domain


def _folded(row: Row) -> bytes:
    return _bytes(row[0], b"").lower()


def _falling_q(contact: Contact) -> int:
    return -int(contact.q)


def _find(contacts: list[Contact], uri: bytes) -> Contact | None:
    for contact in contacts:
        if contact.uri == uri:
            return contact
    return None


def _contact(uri: bytes, row: Row) -> Contact:
    """Numbers that no contact has are brought into their range: others may write into the table, too."""
    received = _bytes(row[10], b"")
    return Contact(
        uri,
        min(max(_int(row[2], 0), 0), LAST_TIME),
        _q(row[3]),
        _bytes(row[4], _DEFAULT_CALL_ID),
        min(max(_int(row[5], 42), 0), CSEQ_MAX),
        _int(row[7], 0) & 0xFFFF,
        _bytes(row[9], b""),
        received if can_be_contact(received) else b"",
        b"",
        _int(row[6], 0) & 0xFFFFFFFF,
        SYNCED,
    )


def _q(value: Value) -> int:
    """In thousandths; what is no number counts as none."""
    if value is None or isinstance(value, bytes) or value < 0:
        return Q_UNSPECIFIED
    return round(min(value, 1.0) * 1000)


def _int(value: Value, otherwise: int) -> i64:
    return otherwise if value is None or isinstance(value, bytes) else int(value)


def _bytes(value: Value, otherwise: bytes) -> bytes:
    return value if isinstance(value, bytes) else otherwise
