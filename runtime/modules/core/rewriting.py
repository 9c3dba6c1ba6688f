"""Actions that rewrite the Request-URI. Reference core, 5.5.

All parse the current URI first; when that fails they log, return False and leave it alone. SER turned `sips:` into `sip:`
here; we keep the scheme, since downgrading a secure request silently is what RFC 3261 26.2.2 forbids.
"""

from __future__ import annotations

from mypy_extensions import i64

from runtime.routing import errors
from runtime.routing.context import L_WARN, MAX_URI_SIZE, Context
from runtime.sip.uri import BadUri, SipUri, separator_in


def parsed_uri(ctx: Context, action: str) -> SipUri | None:
    """The current Request-URI, parsed; None, with a line in the log and `ctx.error` set, if it cannot be."""
    try:
        return ctx.parsed_uri()
    except BadUri as e:
        ctx.fail(errors.BAD_URI, f"ERROR: {action}: bad uri <{ctx.uri().decode('latin-1')}>: {e}, left as it is")
        return None


def _rebuild(ctx: Context, uri: SipUri, userinfo: bytes, host_port: bytes) -> bool:
    """Put scheme, userinfo (with its "@", or b""), host and port, and the old parameters and headers together."""
    scheme = b"sips:" if uri.secure else b"sip:"
    rest: i64 = uri.params_start if uri.params_start >= 0 else uri.headers_start
    tail = uri.buf[rest : uri.end] if rest >= 0 else b""
    new = b"".join([scheme, userinfo, host_port, tail])
    return replace_uri(ctx, new, "rewriting")


def _userinfo(uri: SipUri) -> bytes:
    if uri.user_start < 0:
        return b""
    end = uri.password_end if uri.password_start >= 0 else uri.user_end
    return uri.buf[uri.user_start : end] + b"@"


def _host_port(uri: SipUri) -> bytes:
    end = uri.port_end if uri.port_start >= 0 else uri.host_end
    return uri.buf[uri.host_start : end]


def _with_user(uri: SipUri, user: bytes) -> bytes:
    """Userinfo with another user and the old password; without user the password goes too (see compatibility)."""
    if len(user) == 0:
        return b""
    if uri.password_start < 0:
        return user + b"@"
    return b"".join([user, b":", uri.buf[uri.password_start : uri.password_end], b"@"])


def set_uri(ctx: Context, uri: bytes) -> bool:
    """Replace the Request-URI; the text is not checked."""
    return replace_uri(ctx, uri, "seturi")


def replace_uri(ctx: Context, uri: bytes, action: str) -> bool:
    """Replace the Request-URI by what `action` has made; False, with `ctx.error` set, for one that is too long."""
    if len(uri) > MAX_URI_SIZE:
        return ctx.fail(errors.UNSPECIFIED, f"ERROR: {action}: a uri of {len(uri)} bytes, over {MAX_URI_SIZE}")
    if separator_in(uri, 0, len(uri)) >= 0:
        return ctx.fail(errors.BAD_URI, f"ERROR: {action}: white space or a bracket in the uri {uri!r}")
    ctx.set_uri(uri)
    return True


def set_host(ctx: Context, host: bytes) -> bool:
    """Replace the host; user, port, parameters and headers stay."""
    uri = parsed_uri(ctx, "sethost")
    if uri is None:
        return False
    port = b":" + uri.buf[uri.port_start : uri.port_end] if uri.port_start >= 0 else b""
    return _rebuild(ctx, uri, _userinfo(uri), host + port)


def set_hostport(ctx: Context, host_port: bytes) -> bool:
    """Replace host and port by `host[:port]`."""
    uri = parsed_uri(ctx, "sethostport")
    return uri is not None and _rebuild(ctx, uri, _userinfo(uri), host_port)


def set_port(ctx: Context, port: bytes) -> bool:
    """Replace the port; b"" removes it."""
    uri = parsed_uri(ctx, "setport")
    if uri is None:
        return False
    colon = b":" + port if len(port) > 0 else b""
    return _rebuild(ctx, uri, _userinfo(uri), uri.host() + colon)


def set_user(ctx: Context, user: bytes) -> bool:
    """Replace the user and keep the password; b"" removes both."""
    uri = parsed_uri(ctx, "setuser")
    return uri is not None and _rebuild(ctx, uri, _with_user(uri, user), _host_port(uri))


def set_userpass(ctx: Context, userinfo: bytes) -> bool:
    """Replace user and password by `user[:password]`; b"" removes both."""
    uri = parsed_uri(ctx, "setuserpass")
    if uri is None:
        return False
    return _rebuild(ctx, uri, userinfo + b"@" if len(userinfo) > 0 else b"", _host_port(uri))


def prefix(ctx: Context, text: bytes) -> bool:
    """Put `text` before the user; makes a user where there was none."""
    uri = parsed_uri(ctx, "prefix")
    if uri is None:
        return False
    return _rebuild(ctx, uri, text + (_userinfo(uri) or b"@"), _host_port(uri))


def strip(ctx: Context, count: int) -> bool:
    """Remove `count` characters from the start of the user; all of them if it has no more."""
    uri = parsed_uri(ctx, "strip")
    if uri is None:
        return False
    user = uri.user()
    _warn_if_short(ctx, "strip", user, count)
    return _rebuild(ctx, uri, _with_user(uri, user[count:]), _host_port(uri))


def strip_tail(ctx: Context, count: int) -> bool:
    """Remove `count` characters from the end of the user; all of them if it has no more."""
    uri = parsed_uri(ctx, "strip_tail")
    if uri is None:
        return False
    user = uri.user()
    _warn_if_short(ctx, "strip_tail", user, count)
    return _rebuild(ctx, uri, _with_user(uri, user[: max(len(user) - count, 0)]), _host_port(uri))


def _warn_if_short(ctx: Context, action: str, user: bytes, count: int) -> None:
    if count > len(user):
        ctx.log(L_WARN, f"WARNING: {action}: {count} characters to strip, the user has {len(user)}")


def revert_uri(ctx: Context) -> bool:
    """Forget all rewriting."""
    ctx.revert_uri()
    return True
