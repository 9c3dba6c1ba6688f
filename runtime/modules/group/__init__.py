"""group: groups of users. Reference modules-main, chapter 19."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.context import L_ERR, Context
from runtime.routing.database import Condition, Database, has_row, open_database, require_version
from runtime.routing.module import Module
from runtime.routing.sender import sender
from runtime.routing.world import World
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, SipUri, parse_uri
from runtime.spec.declare import REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string
from runtime.spec.kinds_words import identity
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

_VERSION: Final = 2


@final
class Group(Module):
    """Who is in which group, from a table that is asked for each call."""

    _database: Database

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        table: str = "grp",
        user_column: str = "username",
        domain_column: str = "domain",
        group_column: str = "grp",
        use_domain: int = 0,
    ) -> None:
        super().__init__("group")
        self._url: Final = db_url
        self._table: Final = table
        self._user: Final = user_column
        self._domain: Final = domain_column
        self._group: Final = group_column
        self._uses_domain: Final = use_domain != 0

    def bind(self, world: World) -> None:
        self._database = open_database(world, "group", self._url)
        require_version(self._database, "group", self._table, _VERSION)

    def is_user_in(self, ctx: Context, whose: bytes, group: bytes) -> bool:
        """True if the user is in the group: of the Request-URI, To, From, or the one who was authenticated."""
        if whose == b"Credentials":
            authorized = ctx.authorized
            if authorized is None:
                ctx.log(L_ERR, "ERROR: is_user_in: no authorized credentials")
                return False
            return self._is_in(ctx, authorized.user, authorized.realm, group)
        uri = sender(ctx, "is_user_in") if whose == b"From" else _uri_of(ctx, whose)
        return uri is not None and self._is_in(ctx, uri.user(), uri.host(), group)

    def _is_in(self, ctx: Context, user: bytes, domain: bytes, group: bytes) -> bool:
        if len(user) == 0:
            return False
        where = [Condition(self._user, user), Condition(self._group, group)]
        if self._uses_domain:
            where.append(Condition(self._domain, domain))
        return has_row(ctx, self._database, "is_user_in", self._table, self._group, where)


def _uri_of(ctx: Context, whose: bytes) -> SipUri | None:
    """The Request-URI or that of To; None for one that cannot be read, which is logged."""
    try:
        if whose == b"Request-URI":
            return ctx.parsed_uri()
        text = ctx.to_uri()
        return parse_uri(text, 0, len(text))
    except (BadMessage, BadUri) as bad:
        ctx.log(L_ERR, f"ERROR: is_user_in: {whose.decode('ascii')}: {bad}")
    return None


EXPORTS: Final = ModuleSpec(
    name="group",
    implementation="runtime.modules.group:Group",
    summary="Finds out whether a user is in a group, from a table.",
    database=True,
    functions=(
        function(
            "is_user_in",
            Group.is_user_in,
            identity(),
            string("group"),
            routes=REQUEST,
            does=Does.VOUCH,
            waits=True,
            alone="nothing else",
            summary="True if the user is in it.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("table", "grp", "Table of groups."),
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("group_column", "grp"),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
