"""mangler: addresses in SDP and Contact. Reference modules-more, A.2.8."""

import re
from typing import Final

from runtime.spec.declare import ONREPLY, REQUEST, Argument, ArgumentKind, ModuleSpec, function, string_param
from runtime.spec.kinds import some_text
from runtime.spec.kinds_sip import address, network
from runtime.spec.values import BadArgument, Constant

_PORT: Final = re.compile(r"([+-]?)([0-9]+)\Z")


def _port_change(text: str) -> Constant:
    """`+N` and `-N` are added, `N` replaces the port."""
    found = _PORT.match(text)
    if not found:
        raise BadArgument(f'"{text}" is neither a port nor an offset', "write +N, -N or N")
    number = int(found[2])
    if not 0 < number < 65536:
        raise BadArgument(f"{number} is out of range", "ports are 1 to 65535")
    # Comes into being with the body of sdp_mangle_port.
    return Constant(
        "runtime.modules.mangler.sdp", "PortChange", (bool(found[1]), -number if found[1] == "-" else number), "PORT"
    )


_OFFSET: Final = Argument("port", ArgumentKind("port change", "+N, -N or a port", _port_change))
_PREFIX: Final = Argument("prefix", some_text("prefix", "a prefix"))

EXPORTS: Final = ModuleSpec(
    name="mangler",
    summary="Rewrites addresses in SDP, hides Contacts.",
    functions=(
        function(
            "sdp_mangle_ip",
            None,
            network(),
            address(),
            routes=REQUEST | ONREPLY,
            summary="Replace the addresses of this network in SDP.",
        ),
        function("sdp_mangle_port", None, _OFFSET, routes=REQUEST | ONREPLY, summary="Change the ports in SDP."),
        function(
            "encode_contact", None, _PREFIX, address(), routes=REQUEST | ONREPLY, summary="Hide Contacts in the user."
        ),
        function("decode_contact", None, routes=REQUEST, summary="Reverse that in the request URI."),
        function("decode_contact_header", None, routes=REQUEST | ONREPLY, summary="Reverse that in Contact."),
    ),
    params=(string_param("contact_flds_separator", "*", "Character between the parts of a hidden Contact."),),
)
