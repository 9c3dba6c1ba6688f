"""rr: record routing and loose routing. Reference modules-main, chapter 3; RFC 3261 16.4, 16.6 and 16.12."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.rr.record_route import PresetRoute, RecordRoute, Tail
from runtime.modules.rr.route_set import RouteSet
from runtime.modules.rr.signing import PARAMETER, WAY, Signed, Signer
from runtime.modules.rr.way import leads_on
from runtime.routing import errors
from runtime.routing.context import L_INFO, L_WARN, Context
from runtime.routing.module import Module
from runtime.routing.world import World
from runtime.sip.nameaddr import tag_of
from runtime.sip.scan import IN_BRACKETS, IN_PARAMETER, BadMessage, is_plain
from runtime.sip.uri import BadUri, SipUri, has_other_scheme, parse_uri
from runtime.spec.declare import REQUEST, Arg, ModuleSpec, RouteKind, function, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import STRING
from runtime.spec.params import idle, needed_by
from runtime.spec.values import Doubt


def _preset_doubt(text: str) -> Doubt | None:
    if re.match(r"<?sips?:", text, re.IGNORECASE) is None:
        return None
    rest = re.sub(r"^<?sips?:|>$", "", text, flags=re.IGNORECASE)
    return Doubt(f'"<sip:" is put before it: "{text}" is no address', f'write "{rest}"')


_PRESET: Final = Arg("address", replace(STRING, doubt=_preset_doubt))


@final
class Rr(Module):
    """Record-Route headers, and routing by Route headers.

    `append_fromtag`: add the From tag as `ftag`. `enable_double_rr`: two Record-Routes where the interface changes.
    `enable_full_lr`: `;lr=on`. `add_username`: the Request-URI's user in record_route(). `ignore_user` does nothing in
    SER's default build and nothing here. `signed`: sign what is recorded, and follow only what is signed, by `secret` or by one that this
    server draws.
    """

    def __init__(
        self,
        *,
        append_fromtag: int = 1,
        enable_double_rr: int = 1,
        enable_full_lr: int = 0,
        add_username: int = 0,
        ignore_user: str = "",
        signed: int = 0,
        secret: str = "",
    ) -> None:
        super().__init__("rr")
        self.append_fromtag: Final = append_fromtag
        self.enable_double_rr: Final = enable_double_rr
        self.enable_full_lr: Final = enable_full_lr
        self.add_username: Final = add_username
        self.ignore_user: Final = ignore_user
        self._is_signed: Final = signed != 0
        self._secret: Final = secret.encode("latin-1")
        self._signer: Signer | None = None

    def bind(self, world: World) -> None:
        if self._is_signed:
            # The same for all processes, and for all programs that set none.
            self._signer = Signer(self._secret or world.keep("rr secret", bytes, lambda: secrets.token_bytes(32)))

    def record_route(self, ctx: Context) -> bool:
        """Stay in the path of the dialog: insert our Record-Route above the message's first header.

        False when it was called for this message before, or when From is broken.
        """
        if ctx.record_routed:
            return ctx.fail(errors.UNSPECIFIED, "ERROR: record_route: called twice for this message, ignored")
        tail = self._tail(ctx)
        if tail is None:
            return False
        user = _user_of(ctx) if self.add_username else b""
        ctx.insert_before_headers(b"", RecordRoute(user, tail, self.enable_double_rr != 0))
        ctx.record_routed = True
        return True

    def record_route_preset(self, ctx: Context, address: bytes) -> bool:
        """Insert a Record-Route with `address` (`host[:port][;params]`) in the place of our own."""
        tail = self._tail(ctx)
        if tail is None:
            return False
        ctx.insert_before_headers(b"", PresetRoute(_user_of(ctx), address, tail))
        return True

    def _tail(self, ctx: Context) -> Tail | None:
        """`;ftag=…;sig=…;way=…;lr`; None when From is needed and broken."""
        lr = b";lr=on" if self.enable_full_lr else b";lr"
        signer = self._signer
        if not self.append_fromtag and signer is None:
            return Tail(b"", lr, None)
        try:
            tag = tag_of(ctx.message.buf, ctx.from_value())
            signed = Signed(signer, ctx) if signer is not None else None
        except BadMessage as e:
            ctx.fail(errors.BAD_REQUEST, f"ERROR: record_route: {e}")
            return None
        if not tag or not self.append_fromtag:
            return Tail(b"", lr, signed)
        if not is_plain(tag, IN_PARAMETER):
            ctx.log(
                L_WARN,
                "WARNING: record_route: the From tag has characters that no tag may have: left out of Record-Route",
            )
            return Tail(b"", lr, signed)
        return Tail(b";ftag=" + tag, lr, signed)

    def loose_route(self, ctx: Context) -> bool:
        """Route by the Route headers; True when they decided where the request goes.

        False without Route headers, for a Route set that only named us before the dialog exists (a preloaded Route), and
        when Route or Request-URI are broken. Where Routes are signed, also for those that this server did not write for this dialog: ours among
        them are taken away all the same, since they have led here.
        """
        if ctx.message.route == 0:
            return False
        try:
            routes = RouteSet(ctx.message)
            preloaded = not _has_to_tag(ctx)
            if self._signer is not None and not self._leads_on(ctx, routes, self._signer, preloaded):
                if not preloaded:
                    ctx.log(L_INFO, "loose_route: no Route of this server for this dialog: not followed")
                return False
            if not preloaded and _names_us(ctx):
                return self._after_strict(ctx, routes)
            return self._after_loose(ctx, routes, preloaded)
        except (BadMessage, BadUri) as e:
            return ctx.fail(errors.BAD_REQUEST, f"ERROR: loose_route: {e}")

    def keeps_way(self, ctx: Context) -> bool:
        """True if the request goes on to an address that the one which began its dialog came from or went to, and to the other one where it
        comes from one of them; or to this server. To be asked when `loose_route()` was true, and what it decided still stands.

        A To tag, and the signature of a call that was allowed, let nobody reach another server that trusts this one. False where
        Routes are not signed. Waits where the next hop is a name.
        """
        signer = self._signer
        uri = self._own_route(ctx, "keeps_way")
        if signer is None or uri is None:
            return False
        return leads_on(ctx, signer, uri.param(PARAMETER) or b"", uri.param(WAY) or b"")

    def comes_by_way(self, ctx: Context) -> bool:
        """True if the request comes from an address that the one which began its dialog came from or went to. False where Routes are not signed.

        Who has moved comes from elsewhere, too.
        """
        signer = self._signer
        uri = self._own_route(ctx, "comes_by_way")
        if signer is None or uri is None:
            return False
        return signer.sides_at(uri.param(PARAMETER) or b"", uri.param(WAY) or b"", ctx.source.ip) != 0

    def _own_route(self, ctx: Context, who: str) -> SipUri | None:
        """Our URI that is signed for the dialog of the request; None without."""
        if self._signer is None or ctx.message.route == 0:
            return None
        try:
            return _signed_uri(ctx, RouteSet(ctx.message), self._signer)
        except (BadMessage, BadUri) as e:
            ctx.fail(errors.BAD_REQUEST, f"ERROR: {who}: {e}")
        return None

    def _leads_on(self, ctx: Context, routes: RouteSet, signer: Signer, preloaded: bool) -> bool:
        """True if the request is of a dialog, and one of our URIs is signed for that; else our Routes are taken away.

        A caller knows the Routes of the call before: they are none for another one that has its Call-ID and its tag.
        """
        if not preloaded and _signed_uri(ctx, routes, signer) is not None:
            return True
        ours = _count_ours(ctx, routes)
        if ours > 0:
            routes.remove_first(ctx, ours)
        return False

    def _after_loose(self, ctx: Context, routes: RouteSet, preloaded: bool) -> bool:
        """The previous hop routed loosely: our URI is the topmost Route, if it is there at all."""
        top = routes.uri(0)
        used: i64 = 0
        if _is_ours(ctx, top):
            used = 2 if self._has_second(top) else 1
            if used >= len(routes):
                routes.remove_first(ctx, len(routes))
                return not preloaded
        following = routes.uri(used)
        if following.lr:
            routes.remove_first(ctx, used)
            ctx.dst_uri = routes.text(used)
            return True
        # A strict router comes next: it wants to be in the Request-URI, and the real one as the last Route.
        if not is_plain(ctx.uri(), IN_BRACKETS):
            return ctx.fail(errors.BAD_REQUEST, "ERROR: loose_route: the Request-URI cannot stand in a Route header")
        if not ctx.append_header(b"Route: <" + ctx.uri() + b">\r\n"):
            return False
        ctx.set_uri(routes.text(used))
        routes.remove_first(ctx, used + 1)
        return True

    def _after_strict(self, ctx: Context, routes: RouteSet) -> bool:
        """The previous hop was a strict router and put our URI into the Request-URI. RFC 3261 16.4."""
        used = 0
        top = routes.uri(0)
        if _is_ours(ctx, top):
            used = 1
            if self._has_second(top) and len(routes) > 1:
                used = 2
            if used >= len(routes):
                routes.remove_first(ctx, len(routes))
                return False
        following = routes.uri(used)
        last = len(routes) - 1
        if not following.lr or used == last:
            ctx.set_uri(routes.text(used))
            routes.remove_first(ctx, used + 1)
            return True
        target = routes.text(last)
        ctx.dst_uri = routes.text(used)
        ctx.set_uri(target)
        routes.remove_first(ctx, used)
        routes.remove_last(ctx)
        return True

    def _has_second(self, ours: SipUri) -> bool:
        """True if the next Route is of ours as well."""
        return self.enable_double_rr != 0 and ours.param(b"r2") is not None

    def record_route_strict(self, ctx: Context) -> bool:
        """Exported for no kind of route in SER 0.9, so nobody can call it."""
        return False


def _user_of(ctx: Context) -> bytes:
    """The user of the Request-URI as received, or of the rewritten one where that has none."""
    msg = ctx.message
    try:
        user = parse_uri(msg.buf, msg.uri_start, msg.uri_end).user() or ctx.parsed_uri().user()
    except BadUri:
        return b""
    return user if is_plain(user, IN_BRACKETS) else b""


def _has_to_tag(ctx: Context) -> bool:
    to = ctx.to_value()
    return len(tag_of(ctx.message.buf, to)) > 0


def _names_us(ctx: Context) -> bool:
    """True if the Request-URI does. One of another scheme, such as tel:, goes where the Route says; raises BadUri for what is no URI."""
    try:
        uri = ctx.parsed_uri()
    except BadUri:
        if has_other_scheme(ctx.uri()):
            return False
        raise
    return _is_ours(ctx, uri)


def _is_ours(ctx: Context, uri: SipUri) -> bool:
    default = 5061 if uri.secure else 5060
    return ctx.world.sockets.is_myself(uri.host(), uri.port or default, 0)


def _signed_uri(ctx: Context, routes: RouteSet, signer: Signer) -> SipUri | None:
    """The first of our URIs, in the place of the Request-URI or at the beginning of the Routes, that is signed for this dialog; None without.

    Several are ours where the request spirals, and where a phone puts its outbound proxy above the dialog's Routes.
    """
    received = ctx.received_uri()
    if not has_other_scheme(received):
        uri = parse_uri(received, 0, len(received))
        if _is_signed_by(ctx, uri, signer):
            return uri
    index: i64 = 0
    ours = _count_ours(ctx, routes)
    while index < ours:
        uri = routes.uri(index)
        if _is_signed_by(ctx, uri, signer):
            return uri
        index += 1
    return None


def _count_ours(ctx: Context, routes: RouteSet) -> i64:
    """How many Routes at the beginning are ours."""
    ours: i64 = 0
    while ours < len(routes) and _is_ours(ctx, routes.uri(ours)):
        ours += 1
    return ours


def _is_signed_by(ctx: Context, uri: SipUri, signer: Signer) -> bool:
    """True for a URI of ours that was written for this dialog."""
    told = uri.param(PARAMETER)
    return told is not None and _is_ours(ctx, uri) and signer.has_signed(ctx, told)


EXPORTS: Final = ModuleSpec(
    name="rr",
    implementation="runtime.modules.rr:Rr",
    summary="Record-Route headers, and routing by Route headers.",
    functions=(
        function(
            "record_route",
            Rr.record_route,
            routes=REQUEST,
            does=Does.RECORD_ROUTE,
            summary="Stay in the path of the dialog's later requests.",
        ),
        function(
            "record_route_preset",
            Rr.record_route_preset,
            _PRESET,
            routes=REQUEST,
            does=Does.RECORD_ROUTE,
            summary="Insert a Record-Route with this host[:port][;params] instead of the own address.",
        ),
        function(
            "keeps_way",
            Rr.keeps_way,
            routes=REQUEST,
            does=Does.NOTHING,
            waits=True,
            summary="True if a request within a signed dialog goes to where the dialog has gone before. Not in SER.",
        ),
        function(
            "comes_by_way",
            Rr.comes_by_way,
            routes=REQUEST,
            does=Does.NOTHING,
            summary="True if a request within a signed dialog comes from where the dialog has been before. Not in SER.",
        ),
        function(
            "record_route_strict",
            Rr.record_route_strict,
            routes=RouteKind(0),
            does=Does.RECORD_ROUTE,
            summary="Exported for no kind of route: unusable in SER 0.9.",
        ),
        function(
            "loose_route",
            Rr.loose_route,
            routes=REQUEST,
            does=Does.LOOSE_ROUTE,
            alone="not tell requests within a dialog from others by itself",
            summary="Route by the Route headers; true when they decided.",
        ),
    ),
    params=(
        switch_param("append_fromtag", 1, "Add the From tag to Record-Route as ftag."),
        switch_param("enable_double_rr", 1, "Two Record-Routes where interface or protocol change."),
        switch_param("enable_full_lr", 0, "Write ;lr=on in place of ;lr."),
        switch_param("add_username", 0, "Put the user of the request URI into Record-Route."),
        needed_by(
            switch_param(
                "signed", 0, "Sign Record-Route, and follow only Routes that are signed for their dialog. Not in SER."
            ),
            "keeps_way",
            "comes_by_way",
        ),
        string_param(
            "secret", None, "Key of the signatures, for several servers; a random one if not set. Not in SER."
        ),
        idle(string_param("ignore_user", None, "Taken and not used, as in SER's default build.")),
    ),
)
