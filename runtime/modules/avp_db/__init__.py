"""avp_db: preferences of users as AVPs. Reference modules-main, chapter 16."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.avps import text_of
from runtime.routing.context import L_ERR, Context
from runtime.routing.database import Condition, Database, DatabaseError, Value, open_database
from runtime.routing.module import Module
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds_words import keyword
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param


@final
class AvpDb(Module):
    """Loads all preferences of a user. AVPs are called `caller_` or `callee_` and the attribute, and are texts."""

    _database: Database

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        pref_table: str = "usr_preferences",
        uuid_column: str = "uuid",
        username_column: str = "username",
        domain_column: str = "domain",
        attr_column: str = "attribute",
        val_column: str = "value",
        caller_uuid_avp: int = 1,
        callee_uuid_avp: int = 2,
        use_domain: int = 0,
    ) -> None:
        super().__init__("avp_db")
        self._url: Final = db_url
        self._table: Final = pref_table
        self._uuid: Final = uuid_column
        self._user: Final = username_column
        self._domain: Final = domain_column
        self._columns: Final = (attr_column, val_column)
        self._caller_uuid: Final = caller_uuid_avp
        self._callee_uuid: Final = callee_uuid_avp
        self._uses_domain: Final = use_domain != 0

    def bind(self, world: World) -> None:
        self._database = open_database(world, "avp_db", self._url)

    def avp_load(self, ctx: Context, party: bytes) -> bool:
        """Load what the table has of the caller (From) or the callee (the Request-URI), or of the uuid in an AVP of theirs.

        True also if that is nothing.
        """
        where = self._where(ctx, party)
        if where is None:
            return False
        try:
            rows = self._database.query(ctx, self._table, self._columns, where)
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: avp_load: {e}")
            return False
        prefix = b"caller_" if party.startswith(b"caller") else b"callee_"
        for attribute, value in rows:
            if attribute is not None and value is not None:
                ctx.avps.add(prefix + _text(attribute), _text(value))
        return True

    def _where(self, ctx: Context, party: bytes) -> list[Condition] | None:
        """Whose rows are wanted; None, which is logged, where the message does not say."""
        if party.endswith(b"_uuid"):
            uuid = ctx.avps.first(self._caller_uuid if party == b"caller_uuid" else self._callee_uuid)
            if uuid is None:
                ctx.log(L_ERR, f"ERROR: avp_load: no AVP with the {party.decode('ascii').replace('_', ' ')}")
                return None
            return [Condition(self._uuid, text_of(uuid))]
        try:
            text = ctx.from_uri() if party == b"caller" else ctx.uri()
            uri = parse_uri(text, 0, len(text))
        except (BadMessage, BadUri) as bad:
            ctx.log(L_ERR, f"ERROR: avp_load: {bad}")
            return None
        where = [Condition(self._user, uri.user())]
        if self._uses_domain:
            where.append(Condition(self._domain, uri.host()))
        return where


def _text(value: Value) -> bytes:
    return value if isinstance(value, bytes) else text_of(0 if value is None else int(value))


EXPORTS: Final = ModuleSpec(
    name="avp_db",
    implementation="runtime.modules.avp_db:AvpDb",
    summary="Loads preferences of users into AVPs.",
    database=True,
    functions=(
        function(
            "avp_load",
            AvpDb.avp_load,
            keyword("party", "caller", "callee", "caller_uuid", "callee_uuid"),
            routes=REQUEST | FAILURE,
            does=Does.NOTHING,
            waits=True,
            summary="Load all preferences of the caller or callee.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("pref_table", "usr_preferences", "Table of preferences."),
        column_param("uuid_column", "uuid"),
        column_param("username_column", "username"),
        column_param("domain_column", "domain"),
        column_param("attr_column", "attribute"),
        # SER declares it an integer by mistake: nobody could set it (reference modules-main, appendix C).
        column_param("val_column", "value"),
        integer_param("caller_uuid_avp", 1, "Integer AVP with the caller's uuid.", low=1),
        integer_param("callee_uuid_avp", 2, "Integer AVP with the callee's uuid.", low=1),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
