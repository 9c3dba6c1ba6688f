"""avpops: operations on AVPs. Reference modules-main, chapter 17 and its corrections."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.avpops.kinds import (
    comparison,
    database_name,
    database_or_scheme_name,
    database_source,
    deleted,
    destination,
    pushed,
    scheme_mistake,
    scheme_of,
    value,
)
from runtime.modules.avpops.operands import Comparison, Destination, Selection, Value, any_holds
from runtime.modules.avpops.stored import Layout, Owner, Place, StoreModule, delete, load, store
from runtime.routing.avps import text_of
from runtime.routing.context import L_DBG, L_ERR, Context
from runtime.routing.database import DatabaseError, open_database
from runtime.routing.module import ModuleError
from runtime.routing.prepared import AvpReference, avp_name
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds_avp import aliases_mistake, avp, avp_definitions
from runtime.spec.params import column_param, table_param, url_param
from runtime.spec.refusal import Refusal, Settings

_ROUTES: Final = REQUEST | FAILURE


@final
class Avpops(StoreModule):
    """Writes, tests and pushes AVPs, and keeps them in a database."""

    def __init__(
        self,
        *,
        avp_url: str = "",
        avp_table: str = "",
        avp_aliases: tuple[str, ...] = (),
        use_domain: int = 0,
        uuid_column: str = "uuid",
        attribute_column: str = "attribute",
        value_column: str = "value",
        type_column: str = "type",
        username_column: str = "username",
        domain_column: str = "domain",
        db_scheme: tuple[str, ...] = (),
    ) -> None:
        layout = Layout(
            avp_table, uuid_column, username_column, domain_column, value_column, attribute_column, type_column
        )
        super().__init__("avpops", layout, dict([scheme_of(text, layout) for text in db_scheme]), use_domain != 0)
        self.avp_url: Final = avp_url
        self.avp_aliases: Final = avp_aliases

    def bind(self, world: World) -> None:
        """Make the aliases known. Without avp_url no other parameter has a meaning, in SER either."""
        if self.avp_url:
            if not self.layout.table:
                raise ModuleError("avpops: avp_url is set: set avp_table, too")
            self.database = open_database(world, "avpops", self.avp_url)
            self.has_database = True
        for definitions in self.avp_aliases:
            for alias, name in avp_definitions(definitions):
                world.avp_aliases[alias] = name

    def avp_db_load(self, ctx: Context, source: Owner, name: Place) -> bool:
        """Add the AVPs that the database has; False if there are none."""
        try:
            return load(ctx, self.database, source, name, self.uses_domain) > 0
        except (BadMessage, BadUri, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: avp_db_load: {e}")
        return False

    def avp_db_store(self, ctx: Context, source: Owner, name: Place) -> bool:
        """Write AVPs that the database does not have yet; False if there are none."""
        try:
            return store(ctx, self.database, source, name, self.uses_domain) > 0
        except (BadMessage, BadUri, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: avp_db_store: {e}")
        return False

    def avp_db_delete(self, ctx: Context, source: Owner, name: Place) -> bool:
        """Remove AVPs from the database; those of the message stay."""
        try:
            return delete(ctx, self.database, source, name, self.uses_domain)
        except (BadMessage, BadUri, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: avp_db_delete: {e}")
        return False

    def avp_write(self, ctx: Context, value: Value, name: AvpReference) -> bool:
        """Add an AVP; False when the message does not have the value."""
        written = value.of(ctx)
        if written is None:
            return False
        ctx.avps.add(avp_name(name), written)
        return True

    def avp_delete(self, ctx: Context, selection: Selection) -> bool:
        """Remove the newest AVP of the name, or all that are meant; False when there is none."""
        meant = selection.of(ctx)
        for pair in meant:
            ctx.avps.remove(pair)
        return len(meant) > 0

    def avp_pushto(self, ctx: Context, destination: Destination, selection: Selection) -> bool:
        """Put the newest value, or all, into the message; False when there is none or the destination refuses one."""
        meant = selection.of(ctx)
        first = True
        for pair in meant:
            if not destination.push(ctx, text_of(pair.value), first):
                return False
            first = False
        return len(meant) > 0

    def avp_check(self, ctx: Context, name: AvpReference, comparison: Comparison) -> bool:
        """True if the comparison holds for the newest value, or for one of all; False without an AVP of the name."""
        values = ctx.avps.all(avp_name(name))
        return len(values) > 0 and any_holds(values, comparison, comparison.operands(ctx))

    def avp_print(self, ctx: Context) -> bool:
        """Log all AVPs at debug level, newest first."""
        if ctx.world.log_level >= L_DBG:
            for pair in ctx.avps.pairs():
                name = f"i:{pair.number}" if pair.number else "s:" + pair.text.decode("latin-1")
                kind = "i:" if isinstance(pair.value, int) else "s:"
                ctx.log(L_DBG, f"DEBUG: avp_print: {name}={kind}{text_of(pair.value).decode('latin-1')}")
        return True


def _table_missing(settings: Settings) -> str:
    is_missing = settings("avpops", "avp_url") and not settings("avpops", "avp_table")
    return "avp_url of avpops is set, and avp_table is not" if is_missing else ""


EXPORTS: Final = ModuleSpec(
    name="avpops",
    implementation="runtime.modules.avpops:Avpops",
    summary="Loads, stores, writes, tests and pushes AVPs.",
    refuses=(Refusal(("avp_url", "avp_table"), _table_missing, 'write modparam("avpops", "avp_table", "…")'),),
    functions=(
        function(
            "avp_db_load",
            Avpops.avp_db_load,
            database_source(),
            database_or_scheme_name(),
            routes=_ROUTES,
            does=Does.NOTHING,
            waits=True,
            summary="Load AVPs from the database.",
        ),
        function(
            "avp_db_store",
            Avpops.avp_db_store,
            database_source(),
            database_name(),
            routes=_ROUTES,
            does=Does.NOTHING,
            waits=True,
            summary="Store AVPs there.",
        ),
        function(
            "avp_db_delete",
            Avpops.avp_db_delete,
            database_source(),
            database_name(),
            routes=_ROUTES,
            does=Does.NOTHING,
            waits=True,
            summary="Delete AVPs there.",
        ),
        function(
            "avp_write",
            Avpops.avp_write,
            value(),
            avp(),
            routes=_ROUTES,
            does=Does.NOTHING,
            summary="Add an AVP with this value.",
        ),
        function("avp_delete", Avpops.avp_delete, deleted(), routes=_ROUTES, does=Does.NOTHING, summary="Remove AVPs."),
        function(
            "avp_pushto",
            Avpops.avp_pushto,
            destination(),
            pushed(),
            routes=_ROUTES,
            does=Does.MAY_REWRITE,
            summary="Put an AVP into the message.",
        ),
        function(
            "avp_check",
            Avpops.avp_check,
            avp(),
            comparison(),
            routes=_ROUTES,
            does=Does.VOUCH,
            alone="nothing else",
            summary="Compare an AVP with a value.",
        ),
        function("avp_print", Avpops.avp_print, routes=_ROUTES, does=Does.LOG, summary="Log all AVPs for debugging."),
    ),
    params=(
        url_param("avp_url", None, "Database; without it the functions avp_db_* keep the server from starting."),
        table_param("avp_table", None, "Table of AVPs; needed with avp_url."),
        string_param("avp_aliases", None, "alias=name;…: aliases of AVPs.", check=aliases_mistake, repeatable=True),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
        column_param("uuid_column", "uuid"),
        column_param("attribute_column", "attribute"),
        column_param("value_column", "value"),
        column_param("type_column", "type"),
        column_param("username_column", "username"),
        column_param("domain_column", "domain"),
        string_param(
            "db_scheme",
            None,
            "name:key=value;…: a table in which one column is a value.",
            check=scheme_mistake,
            repeatable=True,
        ),
    ),
)
