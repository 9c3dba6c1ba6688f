"""mangler: addresses in SDP and Contact. Reference modules-more, A.2.8."""

from __future__ import annotations

import re
from typing import Final, final

from runtime.modules.core.rewriting import set_uri
from runtime.modules.mangler.contact import decode, encode
from runtime.modules.mangler.sdp import PortChange, has_body, mangle_addresses, mangle_ports
from runtime.routing import errors
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module
from runtime.sip.address import Network
from runtime.sip.contacts import all_contacts
from runtime.sip.edits import Edit
from runtime.sip.scan import BadMessage
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import ONREPLY, REQUEST, Arg, ArgumentKind, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds import some_text
from runtime.spec.kinds_sip import address, network
from runtime.spec.values import BadArgument, Constant

_PORT: Final = re.compile(r"([+-]?)([0-9]+)\Z")


def _port_change(text: str) -> Constant[PortChange]:
    """`+N` and `-N` are added, `N` replaces the port."""
    found = _PORT.match(text)
    if not found:
        raise BadArgument(f'"{text}" is neither a port nor an offset', "write +N, -N or N")
    number = int(found[2])
    if not 0 < number < 65536:
        raise BadArgument(f"{number} is out of range", "ports are 1 to 65535")
    return Constant(
        PortChange, (bool(found[1]), -number if found[1] == "-" else number), "PORT", names=("relative", "number")
    )


_OFFSET: Final = Arg("port", ArgumentKind[PortChange]("port change", "+N, -N or a port", _port_change))
_PREFIX: Final = Arg("prefix", some_text("prefix", "a prefix"))


@final
class Mangler(Module):
    """Rewrites addresses in SDP, hides Contacts. `contact_flds_separator`: its first character counts."""

    def __init__(self, *, contact_flds_separator: str = "*") -> None:
        super().__init__("mangler")
        self._separator: Final = contact_flds_separator[:1].encode("latin-1") or b"*"

    def sdp_mangle_ip(self, ctx: Context, network: Network, address: bytes) -> bool:
        """Put `address` into the c= lines whose IPv4 address is in `network`; false only without a body."""
        if not has_body(ctx, "sdp_mangle_ip"):
            return False
        mangle_addresses(ctx, network, address)
        return True

    def sdp_mangle_port(self, ctx: Context, change: PortChange) -> bool:
        """Change the ports of the m= lines; False without a body, and where a port would be none."""
        return has_body(ctx, "sdp_mangle_port") and mangle_ports(ctx, change)

    def encode_contact(self, ctx: Context, prefix: bytes, address: bytes) -> bool:
        """Hide every Contact in the user part of a URI at `address`; False without one, or if one is no SIP URI."""
        return self._each_contact(ctx, "encode_contact", prefix, address)

    def decode_contact(self, ctx: Context) -> bool:
        """Make the Request-URI what it hides; False if it hides nothing."""
        try:
            uri = decode(ctx.uri(), self._separator)
        except BadUri as e:
            return ctx.fail(errors.BAD_URI, f"ERROR: decode_contact: <{ctx.uri().decode('latin-1')}>: {e}")
        return set_uri(ctx, uri)

    def decode_contact_header(self, ctx: Context) -> bool:
        """The same with every Contact."""
        return self._each_contact(ctx, "decode_contact_header", b"", b"")

    def _each_contact(self, ctx: Context, function: str, prefix: bytes, address: bytes) -> bool:
        """Encode (with an `address`) or decode all Contacts, or none; `*` stays."""
        msg = ctx.message
        if msg.contact == 0:
            ctx.log(L_ERR, f"ERROR: {function}: no Contact")
            return False
        edits: list[Edit] = []
        try:
            for value in all_contacts(msg):
                if len(address) > 0:
                    uri = parse_uri(msg.buf, value.uri_start, value.uri_end)
                    text = encode(uri, prefix, address, self._separator)
                else:
                    text = decode(msg.buf[value.uri_start : value.uri_end], self._separator)
                edits.append(Edit(value.uri_start, value.uri_end, text))
        except (BadMessage, BadUri) as bad:
            return ctx.fail(errors.UNSPECIFIED, f"ERROR: {function}: {bad}")
        ctx.edits.extend(edits)
        return True


EXPORTS: Final = ModuleSpec(
    name="mangler",
    implementation="runtime.modules.mangler:Mangler",
    summary="Rewrites addresses in SDP, hides Contacts.",
    functions=(
        function(
            "sdp_mangle_ip",
            Mangler.sdp_mangle_ip,
            network(),
            address(),
            routes=REQUEST | ONREPLY,
            does=Does.EDIT,
            summary="Replace the addresses of this network in SDP.",
        ),
        function(
            "sdp_mangle_port",
            Mangler.sdp_mangle_port,
            _OFFSET,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT,
            summary="Change the ports in SDP.",
        ),
        function(
            "encode_contact",
            Mangler.encode_contact,
            _PREFIX,
            address(),
            routes=REQUEST | ONREPLY,
            does=Does.EDIT,
            summary="Hide Contacts in the user.",
        ),
        function(
            "decode_contact",
            Mangler.decode_contact,
            routes=REQUEST,
            does=Does.MAY_REWRITE,
            summary="Reverse that in the request URI.",
        ),
        function(
            "decode_contact_header",
            Mangler.decode_contact_header,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT,
            summary="Reverse that in Contact.",
        ),
    ),
    params=(string_param("contact_flds_separator", "*", "Character between the parts of a hidden Contact."),),
)
