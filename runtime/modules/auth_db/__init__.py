"""auth_db: digest authentication from a database. Reference modules-main, chapter 9."""

from __future__ import annotations

import secrets
from typing import Final, final

from runtime.modules.auth import AUTH
from runtime.modules.auth.checking import NOT_AUTHORIZED, UNCHECKED, Checker, Claim, authentication_of
from runtime.modules.auth_db.passwords import Columns, Subscriber, find_subscriber
from runtime.modules.auth_db.tables import SubscriberModule, UserTable
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.database import DatabaseError, open_database
from runtime.routing.module import ModuleError
from runtime.routing.world import World
from runtime.sip.digest import HASH_SIZES, SHA256
from runtime.spec.declare import REQUEST, Arg, ArgumentKind, ModuleSpec, function, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import TABLE, wire
from runtime.spec.kinds_sip import realm
from runtime.spec.params import READ_ONLY_URL, column_param, url_param
from runtime.spec.values import Constant


@final
class AuthDb(SubscriberModule):
    """Verifies what `auth` finds in a request against a table of subscribers."""

    _checker: Checker

    def __init__(
        self,
        *,
        db_url: str = READ_ONLY_URL,
        user_column: str = "username",
        domain_column: str = "domain",
        password_column: str = "ha1",
        password_column_2: str = "ha1b",
        avps_column_int: str = "domn",
        avps_column_str: str = "uuid|rpid",
        calculate_ha1: int = 0,
        use_domain: int = 0,
        sha256_column: str = "",
        sha256_column_2: str = "",
    ) -> None:
        super().__init__("auth_db")
        self._url: Final = db_url
        self.columns: Final = Columns(
            user_column,
            domain_column,
            (password_column, sha256_column),
            (password_column_2, sha256_column_2),
            calculate_ha1 != 0,
            _listed(avps_column_int),
            _listed(avps_column_str),
            use_domain != 0,
        )
        self._has_sha256: Final = calculate_ha1 != 0 or (sha256_column != "" and sha256_column_2 != "")

    def bind(self, world: World) -> None:
        self._checker = AUTH.of(world).checker
        if SHA256 in self._checker.algorithms and not self._has_sha256:
            raise ModuleError(
                "auth_db: auth offers SHA-256: set calculate_ha1 to 1, or sha256_column and sha256_column_2 to columns with its HA1"
            )
        self.database = open_database(world, "auth_db", self._url)

    def www_authorize(self, ctx: Context, realm: bytes, table: UserTable) -> int:
        """1 if Authorization is right, -1 if not, 0 if an error has been answered."""
        return self._authorize(ctx, realm, table, False)

    def proxy_authorize(self, ctx: Context, realm: bytes, table: UserTable) -> int:
        """The same by Proxy-Authorization."""
        return self._authorize(ctx, realm, table, True)

    def _authorize(self, ctx: Context, realm: bytes, table: UserTable, is_proxy: bool) -> int:
        checker = self._checker
        claim = checker.find(ctx, realm, is_proxy)
        if claim.verdict != UNCHECKED:
            return claim.verdict
        algorithm = claim.algorithm(checker.algorithms)
        if algorithm < 0:
            return NOT_AUTHORIZED
        try:
            user = self._find(ctx, table, claim, algorithm)
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: auth_db: {e}")
            return checker.refuse(ctx, 500, b"Server Internal Error")
        # Who is not known takes as long as who has the wrong password.
        ha1 = secrets.token_hex(HASH_SIZES[algorithm] // 2).encode("ascii") if user is None else user.ha1
        is_right = claim.matches(ctx, algorithm, ha1)
        if user is None or not is_right:
            ctx.log(L_INFO, "auth_db: no such user, or a wrong password")
            return NOT_AUTHORIZED
        verdict = checker.accept(ctx, claim)
        if verdict > 0:
            for name, value in user.avps:
                ctx.avps.add(name, value)
            authentication_of(ctx).rpid = user.rpid
        return verdict

    def _find(self, ctx: Context, table: UserTable, claim: Claim, algorithm: int) -> Subscriber | None:
        username = claim.credentials.username or b""
        return find_subscriber(ctx, self.database, table.name, self.columns, algorithm, username, claim.realm)


def _listed(text: str) -> tuple[str, ...]:
    return tuple([name.strip() for name in text.split("|") if name.strip()])


def _table(text: str) -> Constant[UserTable]:
    TABLE.parse(text)
    return Constant(UserTable, (wire(text),), "TABLE", True)


_TABLE: Final = Arg("table", ArgumentKind[UserTable]("table of subscribers", TABLE.expects, _table))

EXPORTS: Final = ModuleSpec(
    name="auth_db",
    implementation="runtime.modules.auth_db:AuthDb",
    summary="Verifies digest credentials against a table of subscribers.",
    needs=("sl", "auth"),
    database=True,
    functions=(
        function(
            "www_authorize",
            AuthDb.www_authorize,
            realm(),
            _TABLE,
            routes=REQUEST,
            does=Does.AUTH_WWW,
            alone="nothing else",
            may_stop=True,
            waits=True,
            summary='True if Authorization is right; realm "" is taken from the request.',
        ),
        function(
            "proxy_authorize",
            AuthDb.proxy_authorize,
            realm(),
            _TABLE,
            routes=REQUEST,
            does=Does.AUTH_PROXY,
            alone="nothing else",
            may_stop=True,
            waits=True,
            summary='True if Proxy-Authorization is right; realm "" is taken from the request.',
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("password_column", "ha1", "Column for HA1, or for the password if calculate_ha1 is set."),
        column_param("password_column_2", "ha1b", "Column for HA1 of user@domain."),
        string_param("avps_column_int", "domn", "Columns, separated by |, that become integer AVPs."),
        string_param("avps_column_str", "uuid|rpid", "Columns, separated by |, that become string AVPs."),
        switch_param("calculate_ha1", 0, "The password column holds passwords."),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
        string_param("sha256_column", None, "Column for HA1 by SHA-256; needed if auth offers it. Not in SER."),
        string_param("sha256_column_2", None, "Column for that of user@domain. Not in SER."),
    ),
)
