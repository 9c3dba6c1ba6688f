"""nathelper: NATs and RTP proxies. Reference modules-main, chapter 13."""

from typing import Final

from runtime.spec.declare import (
    EVERYWHERE,
    ONREPLY,
    REQUEST,
    ModuleSpec,
    function,
    integer_param,
    string_param,
    switch_param,
)
from runtime.spec.kinds_sip import address, host_mistake
from runtime.spec.kinds_words import letters, mask
from runtime.spec.params import seconds_param

_FLAGS: Final = letters(
    "flags",
    {
        "a": "asymmetric client",
        "i": "internal side",
        "e": "external side",
        "l": "lookup only",
        "f": "force",
        "r": "trust the SDP's address",
    },
)


def _socket_mistake(text: str) -> str:
    """unix:PATH, udp:HOST[:PORT], udp6:HOST[:PORT], or a path."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("unix", "udp", "udp6"):
        return "" if text else "rtpproxy_sock may not be empty"
    if kind == "unix":
        return "" if rest else "unix: wants the path of a socket"
    if kind == "udp6" and not rest.startswith("["):
        return "" if rest else "udp6: wants a host"
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        host, port = rest, "0"
    if not port.isdigit() or int(port) > 65535:
        return f'"{port}" is not a port'
    return host_mistake(host)


EXPORTS: Final = ModuleSpec(
    name="nathelper",
    summary="Finds clients behind NATs, repairs their addresses, steers an RTP proxy.",
    functions=(
        function(
            "nat_uac_test",
            None,
            mask(
                "tests",
                {
                    1: "private address in Contact",
                    2: "source address differs from Via",
                    4: "private address in Via",
                    8: "private address in SDP",
                    16: "source port differs from Via",
                },
            ),
            routes=EVERYWHERE,
            summary="True if one of the tests says that there is a NAT.",
        ),
        function("fix_nated_contact", None, routes=REQUEST | ONREPLY, summary="Put the source address into Contact."),
        function(
            "fix_nated_sdp",
            None,
            mask("changes", {1: "add a=direction:active", 2: "put the source address into c="}),
            routes=EVERYWHERE,
            summary="Repair the SDP.",
        ),
        function("fix_nated_register", None, routes=REQUEST, summary="Keep the source address for save()."),
        function("add_rcv_param", None, routes=REQUEST, summary="Add the source address to Contact as a parameter."),
        function("force_rtp_proxy", None, routes=REQUEST | ONREPLY, summary="Lead the media over the RTP proxy."),
        function("force_rtp_proxy", None, _FLAGS, routes=REQUEST | ONREPLY, summary="Same, with flags."),
        function(
            "force_rtp_proxy", None, _FLAGS, address(), routes=REQUEST | ONREPLY, summary="Same, with the own address."
        ),
        function("unforce_rtp_proxy", None, routes=EVERYWHERE, summary="End the call at the RTP proxy."),
    ),
    params=(
        seconds_param("natping_interval", 0, "Period of pings to registered clients; 0 is off."),
        switch_param("ping_nated_only", 0, "Ping clients behind NATs alone."),
        string_param(
            "rtpproxy_sock",
            "unix:/var/run/rtpproxy.sock",
            "Address of the RTP proxy: unix:PATH, udp:HOST[:PORT], udp6:HOST[:PORT].",
            check=_socket_mistake,
        ),
        switch_param("rtpproxy_disable", 0, "Do without the RTP proxy."),
        seconds_param("rtpproxy_disable_tout", 60, "Delay before a silent RTP proxy is tried again."),
        integer_param("rtpproxy_retr", 5, "Attempts over UDP.", low=0),
        seconds_param("rtpproxy_tout", 1, "Wait for each answer."),
        integer_param("received_avp", 42, "Integer AVP that fix_nated_register sets.", low=1),
        string_param("force_socket", None, "Socket that pings are sent from."),
    ),
)
