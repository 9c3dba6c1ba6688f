"""What auth_db asks of the table of subscribers. Reference modules-main, chapter 9."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.avps import AvpName, AvpValue, text_of
from runtime.routing.context import Context
from runtime.routing.database import Condition, Database, Value
from runtime.sip.digest import MD5, ha1_of, part_before_at

RPID: Final = "rpid"


@final
class Columns:
    """The names of columns. `ha1` and `ha1_of_address` hold HA1 of `user` and of `user@domain`, by algorithm; or the first of each a
    password, if `holds_passwords`. `numbers` and `texts` become AVPs; `use_domain`: users are told apart by their domains.
    """

    def __init__(
        self,
        user: str,
        domain: str,
        ha1: tuple[str, str],
        ha1_of_address: tuple[str, str],
        holds_passwords: bool,
        numbers: tuple[str, ...],
        texts: tuple[str, ...],
        use_domain: bool,
    ) -> None:
        self.user: Final = user
        self.domain: Final = domain
        self.ha1: Final = ha1
        self.ha1_of_address: Final = ha1_of_address
        self.holds_passwords: Final = holds_passwords
        self.numbers: Final = numbers
        self.texts: Final = texts
        self.use_domain: Final = use_domain

    def password(self, is_address: bool, algorithm: int) -> str:
        """The column that has what the response is checked against."""
        if self.holds_passwords:
            return self.ha1[MD5]
        return self.ha1_of_address[algorithm] if is_address else self.ha1[algorithm]


@final
class Subscriber:
    """What the table has of a user: HA1, and the AVPs of its other columns with their names, NULLs left out."""

    def __init__(self, ha1: bytes, avps: list[tuple[AvpName, AvpValue]], rpid: bytes) -> None:
        self.ha1: Final = ha1
        self.avps: Final = avps
        self.rpid: Final = rpid


def find_subscriber(
    ctx: Context,
    database: Database,
    table: str,
    columns: Columns,
    algorithm: int,
    username: bytes,
    realm: bytes,
) -> Subscriber | None:
    """The first row of this user; None if there is none, or it has no password. Raises DatabaseError."""
    user = part_before_at(username)
    where = [Condition(columns.user, user)]
    if columns.use_domain:
        where.append(Condition(columns.domain, realm))
    names = (columns.password(len(user) < len(username), algorithm), *columns.numbers, *columns.texts)
    rows = database.query(ctx, table, names, where)
    if len(rows) == 0 or rows[0][0] is None:
        return None
    row = rows[0]
    password = _text(row[0])
    ha1 = ha1_of(algorithm, username, realm, password) if columns.holds_passwords else password
    avps: list[tuple[AvpName, AvpValue]] = []
    rpid = b""
    place = 1
    for name in columns.numbers:
        number = _number(row[place])
        if number is not None:
            avps.append((name.encode("latin-1"), number))
        place += 1
    for name in columns.texts:
        value = row[place]
        if value is not None:
            avps.append((name.encode("latin-1"), _text(value)))
            if name == RPID:
                rpid = _text(value)
        place += 1
    return Subscriber(ha1, avps, rpid)


def _text(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    return text_of(0 if value is None else int(value))


def _number(value: Value) -> int | None:
    """None for NULL, and for what is no number."""
    if value is None:
        return None
    if isinstance(value, bytes):
        try:
            return int(value)
        except ValueError:
            return None
    return int(value)
