"""What auth does for the modules that know the passwords: it finds the credentials, and judges their nonce. Reference
modules-main, chapter 8.

A backend calls `find`, computes the response, and calls `accept` where it is right:

    claim = checker.find(ctx, realm, is_proxy)
    if claim.verdict != UNCHECKED: return claim.verdict
    … claim.matches(ctx, algorithm, ha1) …
    return checker.accept(ctx, claim)
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.auth.nonces import FOREIGN, OURS_WITH_QOP, Nonces, expiry_of
from runtime.modules.auth.replays import Replays
from runtime.modules.sl import Sl
from runtime.routing.authorized import Authentication, Authorized
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.destination import plain_host
from runtime.sip import headers, methods
from runtime.sip.digest import HASH_SIZES, MD5, SHA256, Credentials, is_right, parse_credentials, response_of
from runtime.sip.scan import IN_QUOTED_URI, BadMessage, is_plain
from runtime.sip.uri import BadUri, parse_uri

# Verdicts: SER's values of www_authorize and proxy_authorize, and that there is something to check.
AUTHORIZED: Final = 1
NOT_AUTHORIZED: Final = -1
ANSWERED: Final = 0
UNCHECKED: Final = 2


@final
class Claim:
    """Credentials that a request brings, and the record of their header; `verdict` says whether there is anything to check.

    `realm` is the one that was asked for: the client may write it in another case.
    """

    def __init__(
        self, verdict: int, is_proxy: bool, credentials: Credentials, header: i64 = 0, realm: bytes = b""
    ) -> None:
        self.verdict: Final = verdict
        self.is_proxy: Final = is_proxy
        self.credentials: Final = credentials
        self.header: Final[i64] = header
        self.realm: Final = realm

    def algorithm(self, offered: tuple[int, ...]) -> int:
        """The algorithm that the client has used, -1 for one that is not offered. Where only MD5 is, no name counts, as in SER."""
        if SHA256 not in offered:
            return MD5
        algorithm = SHA256 if self.credentials.names(SHA256) else MD5
        return algorithm if algorithm in offered else -1

    def matches(self, ctx: Context, algorithm: int, ha1: bytes) -> bool:
        """True if the response is that of somebody who knows what `ha1` was made of."""
        response = self.credentials.response or b""
        if len(response) != HASH_SIZES[algorithm]:
            return False
        msg = ctx.message
        return is_right(response, response_of(algorithm, self.credentials, ha1, msg.method_name(), msg.body()))


_AUTH: Final = b"auth"


@final
class Checker:
    """`algorithms` and `qops` are those that challenges offer. `replays` None: nonce-counts are not looked at, as in SER.

    `checks_uri`: credentials are for one Request-URI.
    """

    def __init__(
        self,
        sl: Sl,
        nonces: Nonces,
        replays: Replays | None,
        algorithms: tuple[int, ...],
        qops: tuple[bytes, ...],
        realm_prefix: bytes,
        checks_uri: bool,
    ) -> None:
        self.algorithms: Final = algorithms
        self._qops: Final = qops
        self.nonces: Final = nonces
        self._sl: Final = sl
        self._replays: Final = replays
        self._realm_prefix: Final = realm_prefix
        self._checks_uri: Final = checks_uri

    def realm_of(self, ctx: Context, realm: bytes, is_proxy: bool) -> bytes | None:
        """The realm that a route names, or of b"" the domain of the user: of To in a REGISTER (not `is_proxy`), else of From.

        None where there is none, which is logged.
        """
        if len(realm) > 0:
            return realm
        try:
            uri = ctx.to_uri() if ctx.method == methods.REGISTER and not is_proxy else ctx.from_uri()
            host = parse_uri(uri, 0, len(uri)).host()
        except (BadMessage, BadUri) as bad:
            ctx.log(L_ERR, f"ERROR: auth: no realm in the request: {bad}")
            return None
        if not is_plain(host, IN_QUOTED_URI):
            ctx.log(L_ERR, "ERROR: auth: the user's domain has characters that a realm cannot have")
            return None
        return host.removeprefix(self._realm_prefix)

    def refuse(self, ctx: Context, code: int, reason: bytes) -> int:
        """Answer with an error: ANSWERED, or NOT_AUTHORIZED if that cannot be sent."""
        return ANSWERED if self._sl.sl_send_reply(ctx, code, reason) else NOT_AUTHORIZED

    def find(self, ctx: Context, realm: bytes, is_proxy: bool) -> Claim:
        """The credentials for this realm. Those that lack something are answered with 400; ACK and CANCEL cannot be challenged, and
        pass."""
        nothing = Credentials()
        if ctx.method == methods.ACK or ctx.method == methods.CANCEL:
            return Claim(AUTHORIZED, is_proxy, nothing)
        wanted = self.realm_of(ctx, realm, is_proxy)
        if wanted is None:
            return Claim(self.refuse(ctx, 400, b"Bad Request"), is_proxy, nothing)
        try:
            claim = _claim_of(ctx, wanted, is_proxy)
        except BadMessage as bad:
            ctx.log(L_ERR, f"ERROR: auth: {bad}")
            return Claim(self.refuse(ctx, 400, b"Bad Request"), is_proxy, nothing)
        if claim is None:
            return Claim(NOT_AUTHORIZED, is_proxy, nothing)
        owner = self.nonces.owner_of(claim.credentials.nonce or b"")
        if owner == FOREIGN:
            ctx.log(L_INFO, "auth: the nonce is not one of ours")
            return Claim(NOT_AUTHORIZED, is_proxy, nothing)
        if self._checks_uri and not _is_for(claim.credentials.uri or b"", ctx.received_uri()):
            ctx.log(L_INFO, "auth: the credentials are for another Request-URI")
            return Claim(NOT_AUTHORIZED, is_proxy, nothing)
        # RFC 8760 2.4: SHA-256 is always with a qop.
        must_have_qop = owner == OURS_WITH_QOP or claim.algorithm(self.algorithms) == SHA256
        if must_have_qop and not self._has_right_qop(claim):
            ctx.log(L_INFO, "auth: the qop of the credentials was not offered, or one is missing")
            return Claim(NOT_AUTHORIZED, is_proxy, nothing)
        return claim

    def _has_right_qop(self, claim: Claim) -> bool:
        """True if the credentials have a qop that the challenge offered.

        Phones from before RFC 2617 send none; where "auth" is offered they are let in with MD5, as by SER.
        """
        qop = claim.credentials.qop
        if qop:
            return qop.lower() in self._qops
        return _AUTH in self._qops and claim.algorithm(self.algorithms) != SHA256

    def accept(self, ctx: Context, claim: Claim) -> int:
        """The response is right: AUTHORIZED, or NOT_AUTHORIZED where the nonce is too old or the response has been used before.

        SER remembers the user in the second case, too, for is_user and others; here nobody is known by old credentials.
        """
        credentials = claim.credentials
        found = authentication_of(ctx)
        if not self._is_fresh(ctx, credentials):
            if claim.is_proxy:
                found.proxy_is_stale = True
            else:
                found.www_is_stale = True
            return NOT_AUTHORIZED
        user = Authorized(credentials.username or b"", credentials.realm or b"", claim.header)
        if claim.is_proxy:
            found.proxy = user
        else:
            found.www = user
        return AUTHORIZED

    def _is_fresh(self, ctx: Context, credentials: Credentials) -> bool:
        now_s = ctx.world.clock.unix_s()
        expires_s = expiry_of(credentials.nonce or b"")
        if expires_s < now_s:
            return False
        # Without a qop there is no nonce-count, and nothing tells one request from the next.
        if self._replays is None or not credentials.qop:
            return True
        if not self.nonces.is_of_this_start(credentials.nonce or b""):
            ctx.log(L_INFO, "auth: the nonce is older than this server")
            return False
        if self._replays.take(ctx, credentials.response or b"", expires_s, now_s):
            return True
        ctx.log(L_INFO, "auth: these credentials were used before, by another request")
        return False


def _is_for(told: bytes, uri: bytes) -> bool:
    """True if the URI that the client has hashed names the user and the host of the Request-URI. RFC 3261 22.4, item 5, RFC 2617 3.2.2.5.

    Ports and parameters do not count: phones leave them out, or add `transport`.
    """
    if told == uri:
        return True
    try:
        one, other = parse_uri(told, 0, len(told)), parse_uri(uri, 0, len(uri))
    except BadUri:
        return False
    return one.user() == other.user() and plain_host(one.host()) == plain_host(other.host())


def authentication_of(ctx: Context) -> Authentication:
    """What is known of who sent the request; begun when first asked for."""
    if ctx.authentication is None:
        ctx.authentication = Authentication()
    return ctx.authentication


def _claim_of(ctx: Context, realm: bytes, is_proxy: bool) -> Claim | None:
    """The first credentials of this kind and realm, in any case; None if there are none. Raises BadMessage for those that cannot be
    read or lack something.

    SER sees the first header alone once something has parsed all headers; here all are looked at.
    """
    msg = ctx.message
    kind = headers.PROXY_AUTHORIZATION if is_proxy else headers.AUTHORIZATION
    for record in msg.headers:
        if headers.kind(record) != kind:
            continue
        credentials = parse_credentials(msg.buf, headers.value_start(record), headers.line_end(record))
        if credentials is None or credentials.realm is None or not _is_realm(credentials.realm, realm):
            continue
        missing = credentials.missing()
        if missing:
            raise BadMessage(f"the credentials have no {missing}")
        domain = credentials.domain()
        if len(domain) > 0 and not _is_realm(domain, realm):
            raise BadMessage("the domain in the username is not the realm")
        return Claim(UNCHECKED, is_proxy, credentials, record, realm)
    return None


def _is_realm(told: bytes, realm: bytes) -> bool:
    """True if both are the same, in any case."""
    return told == realm or told.lower() == realm.lower()
