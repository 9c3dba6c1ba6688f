"""mediaproxy: NATs and AG Projects' MediaProxy. Reference modules-main, chapter 21."""

from typing import Final

from runtime.spec.declare import EVERYWHERE, ONREPLY, REQUEST, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_words import mask
from runtime.spec.params import seconds_param

EXPORTS: Final = ModuleSpec(
    name="mediaproxy",
    summary="Finds clients behind NATs and leads their media over a MediaProxy.",
    needs=("domain",),
    functions=(
        function(
            "client_nat_test",
            None,
            mask(
                "tests",
                {
                    1: "private address in Contact",
                    2: "source address differs from Via",
                    4: "private address in Via",
                },
            ),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if one of the tests says that there is a NAT.",
        ),
        function(
            "fix_contact",
            None,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT,
            summary="Put the source address into Contact.",
        ),
        function(
            "use_media_proxy", None, routes=REQUEST | ONREPLY, does=Does.EDIT, summary="Lead the media over the proxy."
        ),
        function("end_media_session", None, routes=EVERYWHERE, does=Does.NOTHING, summary="End the call at the proxy."),
    ),
    params=(
        string_param("mediaproxy_socket", "/var/run/proxydispatcher.sock", "Socket of the proxy."),
        string_param("sip_asymmetrics", "/etc/ser/sip-asymmetric-clients", "File of clients with asymmetric SIP."),
        string_param("rtp_asymmetrics", "/etc/ser/rtp-asymmetric-clients", "File of clients with asymmetric RTP."),
        seconds_param("natping_interval", 60, "Period of pings to clients behind NATs; 0 is off."),
    ),
)
