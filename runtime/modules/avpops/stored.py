"""AVPs in a database: whose they are, where they are, and the functions avp_db_*. Reference modules-main, chapter 17.

The column of types has bit 0 set where the value is a number, bit 1 where the name is one.
"""

from __future__ import annotations

from typing import Final, final

from runtime.modules.avpops.operands import Selection, with_user
from runtime.routing.avps import AvpName, AvpValue, text_of
from runtime.routing.context import Context
from runtime.routing.database import Condition, Database, Row, Value
from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.prepared import CannotPrepare, Prepared, alias_target
from runtime.routing.world import World
from runtime.sip.uri import parse_uri

NUMBER_VALUE: Final = 1
NUMBER_NAME: Final = 2


@final
class Layout:
    """A table and the names of its columns. `is_number`: a scheme's values are numbers; those of the usual table say it themselves."""

    def __init__(
        self,
        table: str,
        uuid: str,
        username: str,
        domain: str,
        value: str,
        attribute: str = "",
        type: str = "",
        is_number: bool = False,
    ) -> None:
        self.table: Final = table
        self.uuid: Final = uuid
        self.username: Final = username
        self.domain: Final = domain
        self.value: Final = value
        self.attribute: Final = attribute
        self.type: Final = type
        self.is_number: Final = is_number

    def named(self, table: str) -> Layout:
        """The same in another table."""
        return Layout(table, self.uuid, self.username, self.domain, self.value, self.attribute, self.type)


class StoreModule(Module):
    """The module that has the database; Avpops is it. `layout` is that of the usual table, `schemes` are others by their names."""

    database: Database  # if it has one

    def __init__(self, name: str, layout: Layout, schemes: dict[bytes, Layout], uses_domain: bool) -> None:
        super().__init__(name)
        self.layout: Final = layout
        self.schemes: Final = schemes
        self.uses_domain: Final = uses_domain
        self.has_database = False


_AVPOPS: Final = Port("avpops", StoreModule)


def _owner(world: World) -> StoreModule:
    owner = _AVPOPS.of(world)
    if not owner.has_database:
        raise CannotPrepare(
            "avpops: a route uses avp_db_load, avp_db_store or avp_db_delete: set avp_url and avp_table"
        )
    return owner


@final
class Owner(Prepared):
    """Whose AVPs are meant: `kind` is "from", "to" or "ruri", a URI (`by_domain`: its whole domain), "uuid" with the uuid in `text`, or
    "alias" with that of the AVP which holds it."""

    def __init__(self, kind: str, text: bytes, by_domain: bool) -> None:
        self.kind: Final = kind
        self.text: Final = text
        self.by_domain: Final = by_domain
        self._avp: AvpName = b""

    def prepare(self, world: World) -> None:
        _owner(world)
        if self.kind == "alias":
            self._avp = alias_target(world, self.text)

    def where(self, ctx: Context, layout: Layout, uses_domain: bool) -> list[Condition]:
        """The conditions that his rows meet, empty where an AVP is missing. Raises BadMessage and BadUri."""
        if self.kind == "uuid":
            return [Condition(layout.uuid, self.text)]
        if self.kind == "alias":
            uuid = ctx.avps.first(self._avp)
            return [] if uuid is None else [Condition(layout.uuid, text_of(uuid))]
        text = ctx.uri() if self.kind == "ruri" else ctx.to_uri() if self.kind == "to" else ctx.from_uri()
        uri = with_user(parse_uri(text, 0, len(text)))
        if self.by_domain:
            return [Condition(layout.username, b""), Condition(layout.domain, uri.host())]
        where = [Condition(layout.username, uri.user())]
        if uses_domain:
            where.append(Condition(layout.domain, uri.host()))
        return where


@final
class Place(Prepared):
    """Which AVPs, and where they are: in `table`, b"" for the usual one, or as a scheme of this name has it."""

    def __init__(self, kind: str, number: int, text: bytes, table: bytes, scheme: bytes) -> None:
        self.meant: Final = Selection(kind, number, text, True)
        self._table: Final = table
        self._scheme: Final = scheme
        self.layout = Layout("", "", "", "", "")

    def prepare(self, world: World) -> None:
        owner = _owner(world)
        if self.meant.kind == "alias":
            self.meant.prepare(world)
        self.layout = owner.layout
        if self._scheme:
            scheme = owner.schemes.get(self._scheme)
            if scheme is None:
                raise CannotPrepare(f'no db_scheme defines "{self._scheme.decode("latin-1")}", which a route uses')
            self.layout = scheme
        elif self._table:
            self.layout = owner.layout.named(self._table.decode("latin-1"))

    def has_name(self) -> bool:
        return not self.meant.kind.startswith("all")

    def name(self) -> AvpName:
        return self.meant.number if self.meant.number != 0 else self.meant.text

    def types(self) -> tuple[int, ...]:
        """The types of the rows that are meant."""
        if self.meant.kind == "all":
            return (0, NUMBER_VALUE, NUMBER_NAME, NUMBER_NAME | NUMBER_VALUE)
        if self.meant.number != 0 or self.meant.kind == "all integer":
            return (NUMBER_NAME, NUMBER_NAME | NUMBER_VALUE)
        return (0, NUMBER_VALUE)


def load(ctx: Context, database: Database, owner: Owner, place: Place, uses_domain: bool) -> int:
    """Add the AVPs that the database has; how many. Raises BadMessage, BadUri and DatabaseError."""
    layout = place.layout
    where = owner.where(ctx, layout, uses_domain)
    if len(where) == 0:
        return 0
    if not layout.attribute:
        return _load_scheme(ctx, database, place, where)
    if place.has_name():
        where.append(Condition(layout.attribute, text_of(place.name())))
    count = 0
    for row in database.query(ctx, layout.table, (layout.value, layout.attribute, layout.type), where):
        kind = _number(row[2])
        name = _name_of(row[1], kind)
        value = _value_of(row[0], kind)
        if kind in place.types() and name is not None and value is not None:
            ctx.avps.add(name, value, True)
            count += 1
    return count


def _load_scheme(ctx: Context, database: Database, place: Place, where: list[Condition]) -> int:
    layout = place.layout
    count = 0
    for row in database.query(ctx, layout.table, (layout.value,), where):
        value = _value_of(row[0], NUMBER_VALUE if layout.is_number else 0)
        if value is not None:
            ctx.avps.add(place.name(), value, True)
            count += 1
    return count


def store(ctx: Context, database: Database, owner: Owner, place: Place, uses_domain: bool) -> int:
    """Write the AVPs that the database does not have yet; how many. Raises BadMessage, BadUri and DatabaseError."""
    layout = place.layout
    where = owner.where(ctx, layout, uses_domain)
    if len(where) == 0:
        return 0
    columns = (*[condition.column for condition in where], layout.attribute, layout.value, layout.type)
    count = 0
    for pair in place.meant.of(ctx):
        if pair.stored:
            continue
        kind = (NUMBER_VALUE if isinstance(pair.value, int) else 0) | (NUMBER_NAME if pair.number else 0)
        values: Row = [condition.value for condition in where]
        values += [text_of(pair.name()), text_of(pair.value), kind]
        database.insert(ctx, layout.table, columns, values)
        pair.stored = True
        count += 1
    return count


def delete(ctx: Context, database: Database, owner: Owner, place: Place, uses_domain: bool) -> bool:
    """Remove them from the database; False where an AVP with the uuid is missing. Raises BadMessage, BadUri and DatabaseError."""
    layout = place.layout
    where = owner.where(ctx, layout, uses_domain)
    if len(where) == 0:
        return False
    if place.has_name():
        where.append(Condition(layout.attribute, text_of(place.name())))
    for kind in place.types():
        database.delete(ctx, layout.table, [*where, Condition(layout.type, kind)])
    return True


def _number(value: Value) -> int:
    """-1 for what is no number."""
    if isinstance(value, bytes):
        return int(value) if value.isdigit() else -1
    return -1 if value is None else int(value)


def _name_of(value: Value, kind: int) -> AvpName | None:
    if value is None:
        return None
    if kind & NUMBER_NAME:
        number = _number(value)
        return number if number > 0 else None
    text = value if isinstance(value, bytes) else text_of(int(value))
    return text if len(text) > 0 else None


def _value_of(value: Value, kind: int) -> AvpValue | None:
    """None for NULL, and for a text where a number should be."""
    if value is None:
        return None
    if kind & NUMBER_VALUE:
        try:
            return int(value)
        except ValueError:
            return None
    return value if isinstance(value, bytes) else text_of(int(value))
