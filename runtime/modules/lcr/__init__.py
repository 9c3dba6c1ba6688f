"""lcr: gateways by cost, and serial forking. Reference modules-main, chapter 27."""

from __future__ import annotations

import ipaddress
import random
from typing import Final, final

from runtime.modules.core.rewriting import replace_uri
from runtime.modules.core.sending import append_branch_uri
from runtime.modules.lcr import contacts
from runtime.modules.lcr.gateways import Gateway, Gateways, Route, chosen, gateway_of, packed, route_of
from runtime.routing.avps import AvpName, text_of
from runtime.routing.command import Command, Inquiry
from runtime.routing.context import IN_FAILURE, L_DBG, L_ERR, MAX_BRANCHES, Context
from runtime.routing.database import Database, DatabaseError, open_database, require_version
from runtime.routing.module import Module, ModuleError
from runtime.routing.prepared import CannotPrepare, named_avp
from runtime.routing.published import Published, room_for
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_avp import avp_name_mistake
from runtime.spec.params import READ_ONLY_URL, column_param, seconds_param, table_param, url_param

_GATEWAY_VERSION: Final = 3
_ROUTE_VERSION: Final = 1


@final
class Lcr(Module):
    """Chooses gateways by the tables, which are read for each call, and tries destinations one q after the other."""

    _database: Database
    _gateways: Gateways
    _world: World

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        gw_table: str = "gw",
        gw_name_column: str = "gw_name",
        ip_addr_column: str = "ip_addr",
        port_column: str = "port",
        uri_scheme_column: str = "uri_scheme",
        transport_column: str = "transport",
        grp_id_column: str = "grp_id",
        lcr_table: str = "lcr",
        prefix_column: str = "prefix",
        from_uri_column: str = "from_uri",
        priority_column: str = "priority",
        gw_uri_avp: str = "1400",
        contact_avp: str = "1401",
        fr_inv_timer_avp: str = "fr_inv_timer_avp",
        fr_inv_timer: int = 90,
        fr_inv_timer_next: int = 30,
        rpid_avp: str = "rpid",
    ) -> None:
        super().__init__("lcr")
        self._url: Final = db_url
        self._gateway_table: Final = gw_table
        self._gateway_name: Final = gw_name_column
        self._gateway_columns: Final = (
            ip_addr_column,
            port_column,
            uri_scheme_column,
            transport_column,
            grp_id_column,
            prefix_column,
        )
        self._route_table: Final = lcr_table
        self._route_columns: Final = (prefix_column, from_uri_column, grp_id_column, priority_column)
        self._avps: Final = (gw_uri_avp, contact_avp, fr_inv_timer_avp, rpid_avp)
        self._fr_inv_timer: Final = fr_inv_timer
        self._fr_inv_timer_next: Final = fr_inv_timer_next
        self._uri_avp: AvpName = b""
        self._contact_avp: AvpName = b""
        self._timer_avp: AvpName = b""
        self._rpid_avp: AvpName = b""

    def fixed(self) -> dict[str, object]:
        """The gateways that were read at the start are read again by the command lcr_reload."""
        columns = (self._gateway_name, *self._gateway_columns)
        return {"db_url": self._url, "gw_table": self._gateway_table, "columns of gw": columns}

    def bind(self, world: World) -> None:
        self._world = world
        self._database = open_database(world, "lcr", self._url)
        self._gateways = world.keep("lcr", Gateways, lambda: self._read(world))

    def _read(self, world: World) -> Gateways:
        require_version(self._database, "lcr", self._gateway_table, _GATEWAY_VERSION)
        require_version(self._database, "lcr", self._route_table, _ROUTE_VERSION)
        try:
            gateways = self._load(None)
        except DatabaseError as e:
            raise ModuleError(f"lcr: {e}") from e
        return Gateways(gateways, Published(world.shared.take(room_for(len(packed(gateways))), "lcr")))

    def prepare(self, world: World) -> None:
        try:
            names = [_avp_name(text, world) for text in self._avps]
        except CannotPrepare as e:
            raise ModuleError(f"lcr: {e}") from e
        self._uri_avp, self._contact_avp, self._timer_avp, self._rpid_avp = names

    def _load(self, ctx: Context | None) -> list[Gateway]:
        """All gateways, by name. Raises DatabaseError."""
        rows = self._database.query(ctx, self._gateway_table, self._gateway_columns, [], self._gateway_name)
        found = [gateway_of(row) for row in rows]
        return [gateway for gateway in found if gateway is not None]

    def _load_routes(self, ctx: Context) -> list[Route]:
        found = [route_of(row) for row in self._database.query(ctx, self._route_table, self._route_columns, [])]
        return [route for route in found if route is not None]

    # --- gateways ----------------------------------------------------------------------------------------------------

    def load_gws(self, ctx: Context) -> bool:
        """Put the gateways for this caller and this number into AVPs, the best one newest; True also if there are none."""
        try:
            user = ctx.parsed_uri().user()
            caller = self._caller(ctx)
            routes = self._load_routes(ctx)
            gateways = self._load(ctx)
        except (BadUri, BadMessage, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: load_gws: {e}")
            return False
        lots = [random.random() for _ in gateways]
        for gateway in reversed(chosen(routes, gateways, caller, user, lots)):
            ctx.avps.add(self._uri_avp, gateway.uri(user))
        return True

    def _caller(self, ctx: Context) -> bytes:
        identity = ctx.avps.first(self._rpid_avp)
        return ctx.from_uri() if identity is None else text_of(identity)

    def next_gw(self, ctx: Context) -> bool:
        """Send the call to the next gateway, in a failure route as a further branch; False when none is left."""
        pair = ctx.avps.find(self._uri_avp)
        if pair is None:
            ctx.log(L_DBG, "DEBUG: next_gw: no gateway is left")
            return False
        uri = text_of(pair.value)
        ctx.avps.remove(pair)
        return append_branch_uri(ctx, uri, -1) if ctx.route_kind == IN_FAILURE else replace_uri(ctx, uri, "next_gw")

    def from_gw(self, ctx: Context) -> bool:
        """True if a gateway has sent the request."""
        return self._gateways.has(ctx.source.ip)

    def to_gw(self, ctx: Context) -> bool:
        """True if the host of the Request-URI is the address of a gateway."""
        try:
            host = ctx.parsed_uri().host()
        except BadUri as bad:
            ctx.log(L_ERR, f"ERROR: to_gw: {bad}")
            return False
        try:
            ip = ipaddress.IPv4Address(host.decode("latin-1")).packed
        except ValueError:
            return False
        return self._gateways.has(ip)

    # --- destinations by q -------------------------------------------------------------------------------------------

    def load_contacts(self, ctx: Context) -> bool:
        """Put all destinations into AVPs, if they differ in their q; True also if there is nothing to do."""
        if not contacts.store(ctx, self._contact_avp):
            ctx.log(L_DBG, "DEBUG: load_contacts: all destinations have the same q")
        return True

    def next_contacts(self, ctx: Context) -> bool:
        """Take the destinations of the next q; False in a failure route when none are left."""
        found = contacts.take_class(ctx, self._contact_avp)
        in_failure = ctx.route_kind == IN_FAILURE
        if found is None:
            return not in_failure
        targets = found.targets
        if not in_failure:
            first = targets[0]
            if not replace_uri(ctx, first.uri, "next_contacts"):
                return False
            ctx.q = first.q
            ctx.dst_uri = first.dst_uri or None
            ctx.path = first.path
            targets = targets[1:]
        if len(ctx.branches) + len(targets) > MAX_BRANCHES:
            ctx.log(L_ERR, f"ERROR: next_contacts: over {MAX_BRANCHES} branches")
            return False
        ctx.branches.extend(targets)
        if found.more or in_failure:
            self._set_timer(ctx, self._fr_inv_timer_next if found.more else self._fr_inv_timer)
        return True

    def _set_timer(self, ctx: Context, seconds: int) -> None:
        """How long tm waits for the answer of those that ring."""
        ctx.avps.delete(self._timer_avp)
        ctx.avps.add(self._timer_avp, seconds)

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        return [Command("lcr_reload", self.lcr_reload), Command("lcr_dump", self.lcr_dump)]

    def lcr_reload(self, inquiry: Inquiry) -> None:
        """Read the gateways anew, for every worker."""
        try:
            is_done = self._gateways.replace(self._load(None))
        except DatabaseError as e:
            self._world.log.write(L_ERR, f"ERROR: lcr_reload: {e}")
            is_done = False
        inquiry.answer(b"200 OK\n" if is_done else b"400 Reload of gateways failed\n")

    def lcr_dump(self, inquiry: Inquiry) -> None:
        """The gateways that from_gw and to_gw know."""
        inquiry.answer(b"200 OK\n" + self._gateways.shown())


def _avp_name(text: str, world: World) -> AvpName:
    """Digits alone are an integer name here."""
    return int(text) if text.isdecimal() and int(text) > 0 else named_avp(world, text)


EXPORTS: Final = ModuleSpec(
    name="lcr",
    implementation="runtime.modules.lcr:Lcr",
    summary="Chooses gateways by cost, tries contacts by their q.",
    needs=("tm",),
    database=True,
    functions=(
        function(
            "load_gws",
            Lcr.load_gws,
            routes=REQUEST,
            does=Does.NOTHING,
            waits=True,
            summary="Load the gateways for this call.",
        ),
        function(
            "next_gw",
            Lcr.next_gw,
            routes=REQUEST | FAILURE,
            does=Does.NEXT_TARGET,
            after="load_gws",
            summary="Take the next gateway; false when none is left.",
        ),
        function(
            "from_gw",
            Lcr.from_gw,
            routes=REQUEST | FAILURE,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the source is a gateway.",
        ),
        function(
            "to_gw",
            Lcr.to_gw,
            routes=REQUEST | FAILURE,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the request URI is at a gateway.",
        ),
        function(
            "load_contacts", Lcr.load_contacts, routes=REQUEST, does=Does.NOTHING, summary="Sort the branches by q."
        ),
        function(
            "next_contacts",
            Lcr.next_contacts,
            routes=REQUEST | FAILURE,
            does=Does.NEXT_TARGET,
            after="load_contacts",
            summary="Take the next branches.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("gw_table", "gw", "Table of gateways."),
        column_param("gw_name_column", "gw_name"),
        column_param("ip_addr_column", "ip_addr"),
        column_param("port_column", "port"),
        column_param("uri_scheme_column", "uri_scheme"),
        column_param("transport_column", "transport"),
        column_param("grp_id_column", "grp_id"),
        table_param("lcr_table", "lcr", "Table of routes."),
        column_param("prefix_column", "prefix"),
        column_param("from_uri_column", "from_uri"),
        column_param("priority_column", "priority"),
        string_param("gw_uri_avp", "1400", "AVP of gateways; digits are an integer name.", check=avp_name_mistake),
        string_param("contact_avp", "1401", "AVP of contacts; digits are an integer name.", check=avp_name_mistake),
        string_param("fr_inv_timer_avp", "fr_inv_timer_avp", "AVP that tm reads.", check=avp_name_mistake),
        seconds_param("fr_inv_timer", 90, "Time for the last contacts."),
        seconds_param("fr_inv_timer_next", 30, "Time for all contacts before."),
        string_param("rpid_avp", "rpid", "AVP of the caller's identity.", check=avp_name_mistake),
    ),
    fifo_commands=("lcr_reload", "lcr_dump"),
)
