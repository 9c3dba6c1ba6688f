"""auth: digest authentication. Reference modules-main, chapter 8."""

from __future__ import annotations

import secrets
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.auth.checking import NOT_AUTHORIZED, Checker
from runtime.modules.auth.identity import is_e164
from runtime.modules.auth.nonces import FOREIGN, Nonces
from runtime.modules.auth.replays import BUCKET_BYTES, SLOTS, Replays
from runtime.modules.sl import SL
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.world import World
from runtime.sip import headers, methods
from runtime.sip.digest import MD5, SHA256, parse_credentials
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage
from runtime.spec.declare import (
    REQUEST,
    Arg,
    ArgumentKind,
    ModuleSpec,
    function,
    integer_param,
    string_param,
    switch_param,
)
from runtime.spec.effects import Does
from runtime.spec.kinds import parse_integer, string
from runtime.spec.kinds_sip import realm
from runtime.spec.params import seconds_param
from runtime.spec.values import Doubt

_ALGORITHMS: Final = {"MD5": MD5, "SHA-256": SHA256}
_QOPS: Final = ("auth", "auth-int")
# Enough for 436 requests a second over a nonce's life of 300 seconds.
_REPLAYS: Final = 131072


@final
class Auth(Module):
    """Challenges, and what those who verify credentials share: realms, nonces, replays.

    `checker` is for the modules that know the passwords; it is there from `bind` on.
    """

    checker: Checker

    def __init__(
        self,
        *,
        secret: str = "",
        nonce_expire: int = 300,
        rpid_prefix: str = "",
        rpid_suffix: str = ";party=calling;id-type=subscriber;screen=yes",
        realm_prefix: str = "",
        algorithms: str = "MD5",
        qop: str = "auth",
        nonce_count: int = _REPLAYS,
        check_uri: int = 0,
    ) -> None:
        super().__init__("auth")
        self._secret: Final = secret.encode("latin-1")
        self._nonce_expire: Final = nonce_expire
        self._rpid_prefix: Final = rpid_prefix.encode("latin-1")
        self._rpid_suffix: Final = rpid_suffix.encode("latin-1")
        self._realm_prefix: Final = realm_prefix.encode("latin-1")
        self._algorithms: Final = tuple([_ALGORITHMS[name] for name in _names(algorithms)])
        self._qops: Final = tuple([name.encode("ascii") for name in _names(qop)])
        self._qop: Final = b', qop="' + b",".join(self._qops) + b'"'
        self._nonce_count: Final = nonce_count
        self._checks_uri: Final = check_uri != 0

    def fixed(self) -> dict[str, object]:
        """The memory for nonces has a size, and what stands in it is told by the time that nonces live."""
        return {"nonce_count": self._nonce_count, "nonce_expire": self._nonce_expire}

    def bind(self, world: World) -> None:
        replays: Replays | None = None
        if self._nonce_count > 0:
            size = max(self._nonce_count // SLOTS, 1) * BUCKET_BYTES
            replays = world.keep("auth", Replays, lambda: _replays_of(world, size))
        # The same for all processes, and for all programs that set none.
        secret = self._secret or world.keep("auth secret", bytes, lambda: secrets.token_bytes(32))
        # A secret that is set outlives the server, and what is known of used responses does not.
        start_s = world.keep("auth start", int, lambda: world.clock.unix_s()) if self._secret else -1
        nonces = Nonces(secret, self._nonce_expire, b",".join(self._qops), start_s)
        self.checker = Checker(
            SL.of(world), nonces, replays, self._algorithms, self._qops, self._realm_prefix, self._checks_uri
        )

    # --- script functions --------------------------------------------------------------------------------------------

    def www_challenge(self, ctx: Context, realm: bytes, qop: int) -> int:
        """Answer 401; 0, or -1 if that cannot be sent."""
        stale = ctx.authentication is not None and ctx.authentication.www_is_stale
        return self._challenge(ctx, realm, qop, False, stale)

    def proxy_challenge(self, ctx: Context, realm: bytes, qop: int) -> int:
        """Answer 407; 0, or -1 if that cannot be sent."""
        stale = ctx.authentication is not None and ctx.authentication.proxy_is_stale
        return self._challenge(ctx, realm, qop, True, stale)

    def _challenge(self, ctx: Context, realm: bytes, qop: int, is_proxy: bool, is_stale: bool) -> int:
        checker = self.checker
        if ctx.method == methods.ACK:
            # It has no answer.
            return NOT_AUTHORIZED
        wanted = checker.realm_of(ctx, realm, is_proxy)
        if wanted is None:
            return checker.refuse(ctx, 400, b"Bad Request")
        name = b"Proxy-Authenticate" if is_proxy else b"WWW-Authenticate"
        with_sha256 = SHA256 in self._algorithms
        for algorithm in self._algorithms:
            # RFC 8760 2.4: SHA-256 is never without a qop.
            with_qop = qop != 0 or algorithm == SHA256
            nonce = checker.nonces.new(ctx.world.clock.unix_s(), with_qop)
            line = b'%s: Digest realm="%s", nonce="%s"' % (name, wanted, nonce)
            if with_sha256:
                line += b", algorithm=SHA-256" if algorithm == SHA256 else b", algorithm=MD5"
            if with_qop:
                line += self._qop
            ctx.reply_headers.append(line + (b", stale=true\r\n" if is_stale else b"\r\n"))
        if is_proxy:
            return checker.refuse(ctx, 407, b"Proxy Authentication Required")
        return checker.refuse(ctx, 401, b"Unauthorized")

    def consume_credentials(self, ctx: Context) -> bool:
        """Leave out the header with the credentials that were accepted, so that nobody further on sees it."""
        authorized = ctx.authorized
        if authorized is None or authorized.header == 0:
            if ctx.method != methods.ACK and ctx.method != methods.CANCEL:
                ctx.log(L_ERR, "ERROR: consume_credentials: no authorized credentials")
            return False
        ctx.delete(headers.line_start(authorized.header), headers.line_end(authorized.header))
        return True

    def hide_credentials(self, ctx: Context) -> bool:
        """Leave out all credentials that answer a challenge of this server, whether anybody has looked at them or not; True.

        Whoever gets them could call with them: the ACK has those of its INVITE (RFC 3261 22.1), and a phone sends them on in its call.
        Those for other servers stay.
        """
        msg = ctx.message
        for record in msg.headers:
            kind = headers.kind(record)
            if kind == headers.AUTHORIZATION or kind == headers.PROXY_AUTHORIZATION:
                if self._is_for_us(msg, record):
                    ctx.delete(headers.line_start(record), headers.line_end(record))
        return True

    def _is_for_us(self, msg: Message, record: i64) -> bool:
        try:
            told = parse_credentials(msg.buf, headers.value_start(record), headers.line_end(record))
        except BadMessage:
            return False
        nonce = None if told is None else told.nonce
        return nonce is not None and self.checker.nonces.owner_of(nonce.lower()) != FOREIGN

    def append_rpid_hf(self, ctx: Context) -> bool:
        """Add Remote-Party-ID with the user's identity between rpid_prefix and rpid_suffix; True if there is none, too."""
        return self._append_rpid(ctx, self._rpid_prefix, self._rpid_suffix)

    def append_rpid_hf_with(self, ctx: Context, prefix: bytes, suffix: bytes) -> bool:
        """The same with this text around."""
        return self._append_rpid(ctx, prefix, suffix)

    def _append_rpid(self, ctx: Context, prefix: bytes, suffix: bytes) -> bool:
        rpid = b"" if ctx.authentication is None else ctx.authentication.rpid
        if len(rpid) == 0:
            ctx.log(L_INFO, "append_rpid_hf: the user has no rpid")
            return True
        return ctx.append_value(b"Remote-Party-ID", b"%s%s%s" % (prefix, rpid, suffix))

    def is_rpid_user_e164(self, ctx: Context) -> bool:
        """True if the user's identity is a telephone number."""
        return ctx.authentication is not None and is_e164(ctx.authentication.rpid)


def _replays_of(world: World, size: int) -> Replays:
    return Replays(world.shared.take(size, "auth", BUCKET_BYTES), secrets.token_bytes(16))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _list_mistake(what: str, known: tuple[str, ...], text: str) -> str:
    """A sentence if `text` is no list of some of the known names."""
    names = _names(text)
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        return f'"{unknown}" is none of the {what}: {", ".join(known)}'
    return "" if len(set(names)) == len(names) else f"{what} names one twice"


def _qop_doubt(text: str) -> Doubt | None:
    return None if text.strip() in ("0", "1") else Doubt(f"qop is a switch: {text} means no more than 1")


_QOP: Final = Arg("qop", ArgumentKind("qop", '"0", or "1" to offer qop', parse_integer, _qop_doubt))

AUTH: Final = Port("auth", Auth)

EXPORTS: Final = ModuleSpec(
    name="auth",
    implementation="runtime.modules.auth:Auth",
    summary="Digest challenges and credentials; auth_db and others verify them.",
    needs=("sl",),
    functions=(
        function(
            "www_challenge",
            Auth.www_challenge,
            realm(),
            _QOP,
            routes=REQUEST,
            does=Does.CHALLENGE_WWW,
            may_stop=True,
            summary='Answer 401; realm "" is taken from the request.',
        ),
        function(
            "proxy_challenge",
            Auth.proxy_challenge,
            realm(),
            _QOP,
            routes=REQUEST,
            does=Does.CHALLENGE_PROXY,
            may_stop=True,
            summary='Answer 407; realm "" is taken from the request.',
        ),
        function(
            "consume_credentials",
            Auth.consume_credentials,
            routes=REQUEST,
            does=Does.CONSUME_CREDENTIALS,
            summary="Remove the credentials that were verified.",
        ),
        function(
            "hide_credentials",
            Auth.hide_credentials,
            routes=REQUEST,
            does=Does.CONSUME_CREDENTIALS,
            summary="Remove all credentials that answer a challenge of this server. Not in SER.",
        ),
        function("append_rpid_hf", Auth.append_rpid_hf, routes=REQUEST, does=Does.EDIT, summary="Add Remote-Party-ID."),
        function(
            "append_rpid_hf",
            Auth.append_rpid_hf_with,
            string("prefix"),
            string("suffix"),
            routes=REQUEST,
            does=Does.EDIT,
            summary="Add Remote-Party-ID with this text around.",
        ),
        function(
            "is_rpid_user_e164",
            Auth.is_rpid_user_e164,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if the caller's identity is a number.",
        ),
    ),
    params=(
        string_param("secret", None, "Key of the nonces; a random one if not set."),
        seconds_param(
            "nonce_expire",
            300,
            "Life of a nonce.",
            usual=86400,
            never_zero="a nonce expires before its answer can come",
        ),
        string_param("rpid_prefix", "", "Text before the identity in Remote-Party-ID."),
        string_param("rpid_suffix", ";party=calling;id-type=subscriber;screen=yes", "Text after it."),
        string_param("realm_prefix", "", "Beginning of a domain that does not count in a realm."),
        string_param(
            "algorithms",
            "MD5",
            "Algorithms that challenges offer, best first: MD5, SHA-256 (RFC 8760). Not in SER.",
            check=lambda text: _list_mistake("algorithms", tuple(_ALGORITHMS), text),
        ),
        string_param(
            "qop",
            "auth",
            "What challenges with qop offer: auth, auth-int. Not in SER.",
            check=lambda text: _list_mistake("qop", _QOPS, text),
        ),
        integer_param(
            "nonce_count",
            _REPLAYS,
            "Requests with a nonce-count that are remembered, to refuse replays; 0 none, as in SER. Not in SER.",
            low=0,
        ),
        switch_param(
            "check_uri", 0, "Credentials count for the Request-URI that they were made for alone. Not in SER."
        ),
    ),
)
