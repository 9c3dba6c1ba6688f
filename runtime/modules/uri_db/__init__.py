"""uri_db: URIs in a database. Reference modules-main, chapter 11."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.authorized import Authorized
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.database import (
    Condition,
    Database,
    DatabaseError,
    Row,
    has_row,
    open_database,
    require_version,
)
from runtime.routing.module import Module
from runtime.routing.sender import sender_text
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

_URI_VERSION: Final = 1
_SUBSCRIBER_VERSION: Final = 3


@final
class UriDb(Module):
    """Compares From and To with who was authenticated, and looks users up."""

    _database: Database

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        uri_table: str = "uri",
        uri_user_column: str = "username",
        uri_domain_column: str = "domain",
        uri_uriuser_column: str = "uri_user",
        subscriber_table: str = "subscriber",
        subscriber_user_column: str = "username",
        subscriber_domain_column: str = "domain",
        use_uri_table: int = 0,
        use_domain: int = 0,
    ) -> None:
        super().__init__("uri_db")
        self._url: Final = db_url
        self._uri_table: Final = uri_table
        self._user: Final = uri_user_column
        self._domain: Final = uri_domain_column
        self._uri_user: Final = uri_uriuser_column
        self._subscribers: Final = subscriber_table
        self._subscriber: Final = subscriber_user_column
        self._subscriber_domain: Final = subscriber_domain_column
        self._uses_table: Final = use_uri_table != 0
        self._uses_domain: Final = use_domain != 0

    def bind(self, world: World) -> None:
        """Both tables must be there, as in SER, whichever is used."""
        self._database = open_database(world, "uri_db", self._url)
        require_version(self._database, "uri_db", self._uri_table, _URI_VERSION)
        require_version(self._database, "uri_db", self._subscribers, _SUBSCRIBER_VERSION)

    def check_to(self, ctx: Context) -> bool:
        """True if the user in To is the one who was authenticated, or one of his URIs."""
        try:
            return self._belongs(ctx, "check_to", ctx.to_uri())
        except BadMessage as bad:
            ctx.log(L_ERR, f"ERROR: check_to: {bad}")
        return False

    def check_from(self, ctx: Context) -> bool:
        """The same for From."""
        text = sender_text(ctx, "check_from")
        return text is not None and self._belongs(ctx, "check_from", text)

    def _belongs(self, ctx: Context, what: str, text: bytes) -> bool:
        authorized = ctx.authorized
        if authorized is None:
            ctx.log(L_ERR, f"ERROR: {what}: no authorized credentials; call www_authorize or proxy_authorize before")
            return False
        try:
            uri = parse_uri(text, 0, len(text))
        except BadUri as bad:
            ctx.log(L_ERR, f"ERROR: {what}: {bad}")
            return False
        user = uri.user()
        if len(user) == 0:
            return False
        if not self._uses_table:
            if user == authorized.user:
                return True
            return user.lower() == authorized.user.lower() and self._is_one_account(ctx, what, user, authorized)
        if uri.host().lower() != authorized.realm.lower():
            ctx.log(L_INFO, f"{what}: the domain is not the realm of the credentials")
            return False
        where = [
            Condition(self._user, authorized.user),
            Condition(self._domain, authorized.realm),
            Condition(self._uri_user, user),
        ]
        return has_row(ctx, self._database, what, self._uri_table, self._uri_user, where)

    def _is_one_account(self, ctx: Context, what: str, user: bytes, authorized: Authorized) -> bool:
        """False if another subscriber has this name, which differs from the authenticated one by capitals, or if nobody can tell.

        As in SER capitals do not count; but where a database tells Alice from alice neither may call as the other.
        """
        try:
            named = self._rows_of(ctx, user, authorized.realm)
            return len(named) == 0 or named == self._rows_of(ctx, authorized.user, authorized.realm)
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: {what}: {e}")
        return False

    def _rows_of(self, ctx: Context, user: bytes, domain: bytes) -> list[Row]:
        where = [Condition(self._subscriber, user)]
        if self._uses_domain:
            where.append(Condition(self._subscriber_domain, domain))
        return self._database.query(ctx, self._subscribers, (self._subscriber, self._subscriber_domain), where)

    def does_uri_exist(self, ctx: Context) -> bool:
        """True if there is a subscriber with the user of the Request-URI, or with `use_uri_table` such a URI."""
        try:
            uri = ctx.parsed_uri()
        except BadUri as bad:
            ctx.log(L_ERR, f"ERROR: does_uri_exist: {bad}")
            return False
        if len(uri.user()) == 0:
            return False
        column = self._uri_user if self._uses_table else self._subscriber
        where = [Condition(column, uri.user())]
        if self._uses_domain:
            where.append(Condition(self._domain if self._uses_table else self._subscriber_domain, uri.host()))
        table = self._uri_table if self._uses_table else self._subscribers
        return has_row(ctx, self._database, "does_uri_exist", table, column, where)


EXPORTS: Final = ModuleSpec(
    name="uri_db",
    implementation="runtime.modules.uri_db:UriDb",
    summary="Compares From and To with the credentials, finds out whether a user exists.",
    database=True,
    functions=(
        function(
            "check_to",
            UriDb.check_to,
            routes=REQUEST,
            does=Does.IDENTIFY_CALLEE,
            waits=True,
            alone="nothing else",
            summary="True if To belongs to the authenticated user.",
        ),
        function(
            "check_from",
            UriDb.check_from,
            routes=REQUEST,
            does=Does.IDENTIFY,
            waits=True,
            alone="nothing else",
            summary="True if From belongs to the authenticated user.",
        ),
        function(
            "does_uri_exist",
            UriDb.does_uri_exist,
            routes=REQUEST,
            does=Does.VOUCH,
            waits=True,
            alone="nothing else",
            summary="True if the URI's user exists.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("uri_table", "uri", "Table of URIs."),
        column_param("uri_user_column", "username"),
        column_param("uri_domain_column", "domain"),
        column_param("uri_uriuser_column", "uri_user"),
        table_param("subscriber_table", "subscriber", "Table of subscribers."),
        column_param("subscriber_user_column", "username"),
        column_param("subscriber_domain_column", "domain"),
        switch_param("use_uri_table", 0, "Look into the table of URIs."),
        switch_param("use_domain", 0, "Users are told apart by their domains, too, in does_uri_exist."),
    ),
)
