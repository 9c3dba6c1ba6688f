"""domain: our domains, in a table. Reference modules-main, chapter 18."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.domain.names import Domains
from runtime.routing.command import Command, Inquiry
from runtime.routing.context import L_ERR, Context
from runtime.routing.database import Condition, Database, DatabaseError, has_row, open_database, require_version
from runtime.routing.destination import plain_host
from runtime.routing.module import Module, ModuleError
from runtime.routing.port import Port
from runtime.routing.published import Published, room_for
from runtime.routing.sender import sender
from runtime.routing.world import World
from runtime.sip.uri import BadUri
from runtime.spec.declare import REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

_VERSION: Final = 1


@final
class Domain(Module):
    """Whether a domain is ours: asked of the table for each call (db_mode 0), or read at the start (1)."""

    _database: Database
    _domains: Domains  # with a cache only

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        db_mode: int = 0,
        domain_table: str = "domain",
        domain_col: str = "domain",
    ) -> None:
        super().__init__("domain")
        self._url: Final = db_url
        self._is_cached: Final = db_mode != 0
        self._table: Final = domain_table
        self._column: Final = domain_col

    def fixed(self) -> dict[str, object]:
        """What was read at the start is read again by the command domain_reload."""
        if not self._is_cached:
            return {"db_mode": False}
        return {"db_mode": True, "db_url": self._url, "domain_table": self._table, "domain_col": self._column}

    def bind(self, world: World) -> None:
        self._database = open_database(world, "domain", self._url)
        if self._is_cached:
            self._domains = world.keep("domain", Domains, lambda: self._read(world))

    def _read(self, world: World) -> Domains:
        require_version(self._database, "domain", self._table, _VERSION)
        try:
            names = self._load()
        except DatabaseError as e:
            raise ModuleError(f"domain: {e}") from e
        size = sum([len(name) + 1 for name in names])
        return Domains(names, Published(world.shared.take(room_for(size), "domain")))

    def _load(self) -> list[bytes]:
        rows = self._database.query(None, self._table, (self._column,), [])
        return [row[0] for row in rows if isinstance(row[0], bytes)]

    def is_from_local(self, ctx: Context) -> bool:
        """True if the host in From is one of our domains."""
        uri = sender(ctx, "is_from_local")
        return uri is not None and self.is_local(ctx, "is_from_local", uri.host())

    def is_uri_host_local(self, ctx: Context) -> bool:
        """True if the host of the Request-URI is one of our domains."""
        try:
            host = ctx.parsed_uri().host()
        except BadUri as bad:
            ctx.log(L_ERR, f"ERROR: is_uri_host_local: {bad}")
            return False
        return self.is_local(ctx, "is_uri_host_local", host)

    def is_local(self, ctx: Context, what: str, host: bytes) -> bool:
        """True if the host, however it is spelt, is one of our domains; `what` asks, for the log."""
        if self._has(ctx, what, host):
            return True
        plain = plain_host(host)
        return plain != host.lower() and self._has(ctx, what, plain)

    def _has(self, ctx: Context, what: str, host: bytes) -> bool:
        if self._is_cached:
            return self._domains.has(host)
        return has_row(ctx, self._database, what, self._table, self._column, [Condition(self._column, host)])

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """SER has them with a cache only."""
        if not self._is_cached:
            return []
        return [Command("domain_reload", self.domain_reload), Command("domain_dump", self.domain_dump)]

    def domain_reload(self, inquiry: Inquiry) -> None:
        """Read the table anew, for every worker."""
        try:
            is_done = self._domains.replace(self._load())
        except DatabaseError:
            is_done = False
        inquiry.answer(b"200 OK\n" if is_done else b"400 Domain table reload failed\n")

    def domain_dump(self, inquiry: Inquiry) -> None:
        """The domains that count."""
        inquiry.answer(b"200 OK\n" + self._domains.shown())


DOMAIN: Final = Port("domain", Domain)

EXPORTS: Final = ModuleSpec(
    name="domain",
    implementation="runtime.modules.domain:Domain",
    summary="Finds out whether a domain is ours, from a table.",
    database=True,
    functions=(
        function(
            "is_from_local",
            Domain.is_from_local,
            routes=REQUEST,
            does=Does.VOUCH,
            waits=True,
            alone="nothing else",
            summary="True if the domain of From is ours.",
        ),
        function(
            "is_uri_host_local",
            Domain.is_uri_host_local,
            routes=REQUEST,
            does=Does.VOUCH,
            waits=True,
            alone="nothing else",
            summary="True if the domain of the request URI is ours.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        switch_param("db_mode", 0, "0 a query for each call, 1 the table is kept in memory."),
        table_param("domain_table", "domain", "Table of domains."),
        column_param("domain_col", "domain"),
    ),
    fifo_commands=("domain_reload", "domain_dump"),
)
