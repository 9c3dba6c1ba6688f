"""speeddial: short numbers of users. Reference modules-more, A.2.3."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.core.rewriting import replace_uri
from runtime.modules.sl import SL, Sl
from runtime.routing.context import L_ERR, Context
from runtime.routing.database import Condition, Database, DatabaseError, open_database
from runtime.routing.module import Module
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import REQUEST, ModuleSpec, function, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import table
from runtime.spec.params import READ_ONLY_URL, column_param, url_param


@final
class Speeddial(Module):
    """Finds the URI that a user has given a short number. The user is the one in From."""

    _database: Database
    _sl: Sl

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        user_column: str = "username",
        domain_column: str = "domain",
        sd_user_column: str = "sd_username",
        sd_domain_column: str = "sd_domain",
        new_uri_column: str = "new_uri",
        use_domain: int = 0,
        domain_prefix: str = "",
    ) -> None:
        super().__init__("speeddial")
        self._url: Final = db_url
        self._user: Final = user_column
        self._domain: Final = domain_column
        self._short: Final = sd_user_column
        self._short_domain: Final = sd_domain_column
        self._new_uri: Final = new_uri_column
        self._uses_domain: Final = use_domain != 0
        self._prefix: Final = domain_prefix.encode("latin-1").lower()

    def bind(self, world: World) -> None:
        self._sl = SL.of(world)
        self._database = open_database(world, "speeddial", self._url)

    def sd_lookup(self, ctx: Context, table: bytes) -> int:
        """1 if the Request-URI is a short number, which is replaced; -1 if not; 0 if an error has been answered."""
        try:
            text = ctx.from_uri()
            caller = parse_uri(text, 0, len(text))
            uri = ctx.parsed_uri()
        except (BadMessage, BadUri) as bad:
            ctx.log(L_ERR, f"ERROR: sd_lookup: {bad}")
            return self._refuse(ctx, 400, b"Bad Request")
        if len(uri.user()) == 0:
            return -1
        where = [
            Condition(self._user, caller.user()),
            Condition(self._domain, self._without_prefix(caller.host())),
            Condition(self._short, uri.user()),
        ]
        if self._uses_domain:
            where.append(Condition(self._short_domain, self._without_prefix(uri.host())))
        try:
            rows = self._database.query(ctx, table.decode("latin-1"), (self._new_uri,), where)
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: sd_lookup: {e}")
            return self._refuse(ctx, 500, b"Server Internal Error")
        found = rows[0][0] if len(rows) > 0 else None
        if found is None or found == b"":
            return -1
        if not isinstance(found, bytes):
            ctx.log(L_ERR, f"ERROR: sd_lookup: column {self._new_uri} of table {table.decode('latin-1')} is no text")
            return self._refuse(ctx, 500, b"Server Internal Error")
        new = found if found[:4].lower() == b"sip:" or found[:5].lower() == b"sips:" else b"sip:" + found
        return 1 if replace_uri(ctx, new, "sd_lookup") else -1

    def _without_prefix(self, host: bytes) -> bytes:
        size = len(self._prefix)
        return host[size:] if 0 < size < len(host) and host[:size].lower() == self._prefix else host

    def _refuse(self, ctx: Context, code: int, reason: bytes) -> int:
        return 0 if self._sl.sl_send_reply(ctx, code, reason) else -1


EXPORTS: Final = ModuleSpec(
    name="speeddial",
    implementation="runtime.modules.speeddial:Speeddial",
    summary="Translates short numbers of users, from a table.",
    needs=("sl",),
    database=True,
    functions=(
        function(
            "sd_lookup",
            Speeddial.sd_lookup,
            table(),
            routes=REQUEST,
            does=Does.REWRITE,
            may_stop=True,
            waits=True,
            summary="Rewrite a short number.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("sd_user_column", "sd_username"),
        column_param("sd_domain_column", "sd_domain"),
        column_param("new_uri_column", "new_uri"),
        switch_param("use_domain", 0, "The domain of the request URI counts, too."),
        string_param("domain_prefix", None, "Beginning of a domain that does not count."),
    ),
)
