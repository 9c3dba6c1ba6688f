"""avp: attributes by name. Reference modules-main, chapter 15."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.core.rewriting import set_uri
from runtime.routing.avps import text_of
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.module import Module
from runtime.sip.scan import decimal
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function
from runtime.spec.effects import Does
from runtime.spec.kinds import integer, string
from runtime.spec.kinds_avp import attribute

_ROUTES: Final = REQUEST | FAILURE


@final
class Avp(Module):
    """Sets and tests AVPs with string names. Setting adds: what was there stays behind the new one."""

    def __init__(self) -> None:
        super().__init__("avp")

    def set_sattr(self, ctx: Context, name: bytes, value: bytes) -> bool:
        """Add an AVP with a text."""
        ctx.avps.add(name, value)
        return True

    def set_iattr(self, ctx: Context, name: bytes, value: int) -> bool:
        """Add an AVP with a number."""
        ctx.avps.add(name, value)
        return True

    def flags2attr(self, ctx: Context) -> bool:
        """Add the message flags as a number named "flags"."""
        ctx.avps.add(b"flags", ctx.flags)
        return True

    def uri2attr(self, ctx: Context, name: bytes) -> bool:
        """Add the current Request-URI."""
        ctx.avps.add(name, ctx.uri())
        return True

    def attr2uri(self, ctx: Context, name: bytes) -> bool:
        """Make the newest value the Request-URI, whatever it looks like; False when there is none or it is a number."""
        value = ctx.avps.first(name)
        if isinstance(value, bytes):
            return set_uri(ctx, value)
        ctx.log(
            L_ERR, f"ERROR: attr2uri: AVP '{name.decode('latin-1')}' {'not found' if value is None else 'is a number'}"
        )
        return False

    def print_sattr(self, ctx: Context, name: bytes) -> bool:
        """Log the newest value; False when there is none."""
        value = ctx.avps.first(name)
        shown = name.decode("latin-1")
        if value is None:
            ctx.log(L_ERR, f"ERROR: print_sattr: AVP '{shown}' not found")
            return False
        ctx.log(L_INFO, f"AVP: '{shown}'='{text_of(value).decode('latin-1')}'")
        return True

    def is_sattr_set(self, ctx: Context, name: bytes) -> bool:
        """True if there is such an AVP."""
        return ctx.avps.first(name) is not None

    def avp_exists(self, ctx: Context, name: bytes, value: bytes) -> bool:
        """True if one of the AVPs of this name has this value; numbers are compared as numbers, so that 042 is 42."""
        number = decimal(value, 0, len(value))
        for found in ctx.avps.all(name):
            if found == (number if isinstance(found, int) else value):
                return True
        return False


EXPORTS: Final = ModuleSpec(
    name="avp",
    implementation="runtime.modules.avp:Avp",
    summary="Sets and tests AVPs with string names.",
    functions=(
        function(
            "set_sattr",
            Avp.set_sattr,
            attribute(),
            string("value"),
            routes=_ROUTES,
            does=Does.NOTHING,
            summary="Add a string AVP.",
        ),
        function(
            "set_iattr",
            Avp.set_iattr,
            attribute(),
            integer("value", 0),
            routes=_ROUTES,
            does=Does.NOTHING,
            summary="Add an integer AVP.",
        ),
        function(
            "flags2attr",
            Avp.flags2attr,
            routes=_ROUTES,
            does=Does.NOTHING,
            summary='Keep the message flags in the AVP "flags".',
        ),
        function(
            "uri2attr",
            Avp.uri2attr,
            attribute(),
            routes=_ROUTES,
            does=Does.NOTHING,
            summary="Keep the request URI in an AVP.",
        ),
        function(
            "attr2uri",
            Avp.attr2uri,
            attribute(),
            routes=_ROUTES,
            does=Does.REWRITE,
            summary="Make an AVP the request URI.",
        ),
        function("print_sattr", Avp.print_sattr, attribute(), routes=_ROUTES, does=Does.LOG, summary="Log an AVP."),
        function(
            "is_sattr_set",
            Avp.is_sattr_set,
            attribute(),
            routes=_ROUTES,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if there is such an AVP.",
        ),
        function(
            "avp_exists",
            Avp.avp_exists,
            attribute(),
            string("value"),
            routes=_ROUTES,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if it has this value.",
        ),
    ),
)
