"""uri: tests and changes of URIs. Reference modules-main, chapter 10 and its corrections."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.core.rewriting import parsed_uri, replace_uri
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module
from runtime.sip.nameaddr import Param, find_param
from runtime.sip.reply import to_tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import REQUEST, Arg, ModuleSpec, function
from runtime.spec.effects import Does
from runtime.spec.kinds import some_text, string

_USER: Final = Arg("user", some_text("user", "the name of a user"))
_PARAMETER: Final = Arg("parameter", some_text("parameter", "the name of a URI parameter"))


@final
class Uri(Module):
    """Questions about URIs that need no database. All look at the current Request-URI, rewriting included."""

    def __init__(self) -> None:
        super().__init__("uri")

    def is_user(self, ctx: Context, user: bytes) -> bool:
        """True if the request was authenticated as `user`: the username, up to an @, in the same case."""
        authorized = ctx.authorized
        if authorized is None:
            ctx.log(L_ERR, "ERROR: is_user: no authorized credentials; call www_authorize or proxy_authorize before")
            return False
        return authorized.user == user

    def has_totag(self, ctx: Context) -> bool:
        """True if To has a tag: the request belongs to a dialog. RFC 3261 12.2."""
        return len(to_tag_of(ctx.message)) > 0

    def uri_param(self, ctx: Context, parameter: bytes) -> bool:
        """True if the URI has the parameter, without a value."""
        found = _find(ctx, parameter)
        return found is not None and found.start < 0

    def uri_param_value(self, ctx: Context, parameter: bytes, value: bytes) -> bool:
        """True if the URI has the parameter with this value, in the same case; b"" is no value."""
        found = _find(ctx, parameter)
        if found is None:
            return False
        return ctx.parsed_uri().buf[found.start : found.end] == value if found.start >= 0 else len(value) == 0

    def add_uri_param(self, ctx: Context, parameter: bytes) -> bool:
        """Put `;parameter` behind the parameters of the URI, before its headers."""
        if len(parameter) == 0:
            return True
        uri = parsed_uri(ctx, "add_uri_param")
        if uri is None:
            return False
        place = uri.headers_start if uri.headers_start >= 0 else uri.end
        new = b"".join([uri.buf[uri.start : place], b";", parameter, uri.buf[place : uri.end]])
        return replace_uri(ctx, new, "add_uri_param")

    def tel2sip(self, ctx: Context) -> bool:
        """Make `sip:NUMBER@HOST;user=phone` of a tel URI, with the host of the From URI; True for other URIs too.

        Number and parameters of the tel URI become the user as they are. RFC 3261 19.1.6 wants them normalised; SER does not.
        """
        uri = ctx.uri()
        if not uri.startswith(b"tel:"):
            return True
        host = _from_host(ctx)
        if len(host) == 0:
            return False
        return replace_uri(ctx, b"".join([b"sip:", uri[4:], b"@", host, b";user=phone"]), "tel2sip")


def _find(ctx: Context, parameter: bytes) -> Param | None:
    uri = parsed_uri(ctx, "uri_param")
    if uri is None or uri.params_start < 0:
        return None
    return find_param(uri.buf, uri.params_start, uri.params_end, parameter.lower())


def _from_host(ctx: Context) -> bytes:
    """The host of the From URI, b"" when there is none; that is logged."""
    try:
        uri = ctx.from_uri()
        return parse_uri(uri, 0, len(uri)).host()
    except (BadMessage, BadUri) as bad:
        ctx.log(L_ERR, f"ERROR: tel2sip: From: {bad}")
    return b""


EXPORTS: Final = ModuleSpec(
    name="uri",
    implementation="runtime.modules.uri:Uri",
    summary="Tests and changes of URIs, without a database.",
    functions=(
        function(
            "is_user",
            Uri.is_user,
            _USER,
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if this user was authenticated.",
        ),
        function(
            "has_totag",
            Uri.has_totag,
            routes=REQUEST,
            does=Does.IN_DIALOG,
            alone="nothing else",
            summary="True if To has a tag: a request in a dialog.",
        ),
        function(
            "uri_param",
            Uri.uri_param,
            _PARAMETER,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if the URI has it, without a value.",
        ),
        function(
            "uri_param",
            Uri.uri_param_value,
            _PARAMETER,
            string("value"),
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if it has this value.",
        ),
        function(
            "add_uri_param",
            Uri.add_uri_param,
            string("parameter"),
            routes=REQUEST,
            does=Does.EDIT_URI,
            summary="Add a parameter to the URI.",
        ),
        function("tel2sip", Uri.tel2sip, routes=REQUEST, does=Does.EDIT_URI, summary="Make a sip URI of a tel URI."),
    ),
)
