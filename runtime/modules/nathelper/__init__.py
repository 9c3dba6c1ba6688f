"""nathelper: NATs and RTP proxies. Reference modules-main, chapter 13 and its corrections."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.nathelper import media
from runtime.modules.nathelper.detection import looks_nated
from runtime.modules.nathelper.pinging import TURN_MS, Pinger, parse_socket
from runtime.modules.nathelper.rtpproxy import RtpProxy, parse_place
from runtime.modules.usrloc import USRLOC
from runtime.routing.contacts import FixedContact
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip.address import UDP
from runtime.sip.contacts import all_contacts, contacts_in
from runtime.sip.edits import Edit
from runtime.sip.nameaddr import NameAddr
from runtime.sip.scan import BadMessage
from runtime.sip.transport import ListenSocket
from runtime.sip.uri import BadUri, SipUri, parse_uri
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
from runtime.spec.effects import Does
from runtime.spec.kinds_sip import address
from runtime.spec.kinds_words import letters, mask
from runtime.spec.params import seconds_param
from runtime.spec.values import Doubt

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
    try:
        parse_place(text)
    except ValueError as e:
        return str(e)
    return ""


def _socket_doubt(text: str) -> Doubt | None:
    path = parse_place(text).path
    if not path or path.startswith(("/", "${")):
        return None
    return Doubt(f"{path} depends on the working directory of the server", "write an absolute path, beginning with /")


def _force_mistake(text: str) -> str:
    try:
        parse_socket(text)
    except ValueError as e:
        return str(e)
    return ""


@final
class Nathelper(Module):
    """Finds clients behind NATs, repairs their addresses, steers an RTP proxy.

    The AVP `received_avp` is an integer name. `rtpproxy_tout` and `rtpproxy_disable_tout` are in seconds.
    """

    def __init__(
        self,
        *,
        natping_interval: int = 0,
        ping_nated_only: int = 0,
        rtpproxy_sock: str = "unix:/var/run/rtpproxy.sock",
        rtpproxy_disable: int = 0,
        rtpproxy_disable_tout: int = 60,
        rtpproxy_retr: int = 5,
        rtpproxy_tout: int = 1,
        received_avp: int = 42,
        force_socket: str = "",
    ) -> None:
        super().__init__("nathelper")
        self.natping_interval: Final = natping_interval
        self.ping_nated_only: Final = ping_nated_only
        self.force_socket: Final = force_socket
        self.received_avp: Final = received_avp
        self._rtpproxy: Final = (rtpproxy_sock, rtpproxy_retr, rtpproxy_tout, rtpproxy_disable_tout)
        self._uses_rtpproxy: Final = rtpproxy_disable == 0
        self._proxy: RtpProxy | None = None
        self._pinger: Pinger | None = None

    def prepare(self, world: World) -> None:
        """Pings go to what the module usrloc keeps."""
        if self.natping_interval == 0:
            return
        usrloc = USRLOC.find(world)
        if usrloc is None:
            raise ModuleError("nathelper: natping_interval pings the contacts of usrloc: load that module")
        if usrloc.locations.direct is not None:
            raise ModuleError("nathelper: not supported yet: natping_interval with usrloc's db_mode 3")
        socket: ListenSocket | None = None
        if self.force_socket:
            socket = world.sockets.find(parse_socket(self.force_socket))
            if socket is None or socket.proto != UDP:
                raise ModuleError(f"nathelper: force_socket: not listening on {self.force_socket} over UDP")
        self._pinger = Pinger(world, usrloc.locations, self.natping_interval * 1000, self.ping_nated_only != 0, socket)

    def timers(self) -> list[Timer]:
        """One process pings for all."""
        return [] if self._pinger is None else [Timer("nathelper: pings", TURN_MS, self._pinger.turn)]

    def start_worker(self, world: World) -> None:
        """Each worker has its own line to the RTP proxy, and says whether one answers."""
        if self._uses_rtpproxy:
            self._proxy = world.keep("nathelper", RtpProxy, lambda: self._found(world))

    def _found(self, world: World) -> RtpProxy:
        place, attempts, wait_s, rest_s = self._rtpproxy
        proxy = RtpProxy(parse_place(place), world, attempts, wait_s, rest_s)
        # A silent one must not hold up the start.
        world.asking.apart(proxy.find, None)
        return proxy

    def fixed(self) -> dict[str, object]:
        """The line to the RTP proxy stays."""
        if not self._uses_rtpproxy:
            return {"rtpproxy_disable": True}
        place, attempts, wait_s, rest_s = self._rtpproxy
        return {
            "rtpproxy_disable": False,
            "rtpproxy_sock": place,
            "rtpproxy_retr": attempts,
            "rtpproxy_tout": wait_s,
            "rtpproxy_disable_tout": rest_s,
        }

    # --- NATs --------------------------------------------------------------------------------------------------------

    def nat_uac_test(self, ctx: Context, tests: int) -> bool:
        """True if one of the tests, a sum of numbers, says that the sender is behind a NAT."""
        return looks_nated(ctx, tests)

    def fix_nated_contact(self, ctx: Context) -> bool:
        """Put the source address and port into the Contact; of several in the first header the last, as SER does.

        False without a Contact that is a SIP URI, for one that is not reached over UDP, and the second time.
        """
        contacts = _contacts(ctx, "fix_nated_contact")
        if not contacts or ctx.fixed_contact is not None:
            return False
        contact = contacts[-1]
        uri = _contact_uri(ctx, contact)
        if uri is None or uri.transport not in (0, UDP):
            return False
        end = uri.port_end if uri.port_start >= 0 else uri.host_end
        place = b"%s:%d" % (ctx.source.host(), ctx.source.port)
        ctx.edits.append(Edit(uri.host_start, end, place))
        before = uri.buf[uri.start : uri.host_start]
        ctx.fixed_contact = FixedContact(contact.uri_start, b"".join([before, place, uri.buf[end : uri.end]]))
        return True

    def fix_nated_sdp(self, ctx: Context, changes: int) -> bool:
        """1: ask the other side to begin (`a=direction:active`); 2: put the source address into c= lines. Either or both."""
        return media.fix_sdp(ctx, changes)

    def fix_nated_register(self, ctx: Context) -> bool:
        """Keep the source address as a URI for save()."""
        ctx.avps.add(self.received_avp, _source_uri(ctx))
        return True

    def add_rcv_param(self, ctx: Context) -> bool:
        """Add `;received="…"` with the source address to every Contact, for a registrar behind us."""
        try:
            contacts = all_contacts(ctx.message)
        except BadMessage as e:
            ctx.log(L_ERR, f"ERROR: add_rcv_param: Contact: {e}")
            return False
        parameter = b';received="%s"' % _source_uri(ctx)
        for contact in contacts:
            ctx.edits.append(Edit(contact.end, contact.end, parameter))
        return True

    # --- the RTP proxy -----------------------------------------------------------------------------------------------

    def force_rtp_proxy(self, ctx: Context) -> bool:
        """Lead the media of an INVITE or of its reply over the RTP proxy."""
        return self.force_rtp_proxy_at(ctx, b"", b"")

    def force_rtp_proxy_flags(self, ctx: Context, flags: bytes) -> bool:
        """The same with flags: a asymmetric client, i and e sides of a bridge, l look up only, f force, r trust the SDP."""
        return self.force_rtp_proxy_at(ctx, flags, b"")

    def force_rtp_proxy_at(self, ctx: Context, flags: bytes, address: bytes) -> bool:
        """The same with the address that goes into the SDP where the proxy's answer has none (b"": our own)."""
        if self._proxy is None:
            return False
        return media.force_rtp_proxy(ctx, self._proxy, flags, address)

    def unforce_rtp_proxy(self, ctx: Context) -> bool:
        """Tell the RTP proxy that the call is over."""
        return self._proxy is not None and media.unforce_rtp_proxy(ctx, self._proxy)


def _source_uri(ctx: Context) -> bytes:
    transport = (b"", b"", b";transport=TCP", b";transport=TLS")[ctx.proto]
    return b"sip:%s:%d%s" % (ctx.source.host(), ctx.source.port, transport)


def _contacts(ctx: Context, function: str) -> list[NameAddr] | None:
    """Those of the first Contact header; None for a broken one, which is logged."""
    try:
        return contacts_in(ctx.message, ctx.message.contact)
    except BadMessage as e:
        ctx.log(L_ERR, f"ERROR: {function}: Contact: {e}")
        return None


def _contact_uri(ctx: Context, contact: NameAddr) -> SipUri | None:
    try:
        return parse_uri(ctx.message.buf, contact.uri_start, contact.uri_end)
    except BadUri as e:
        ctx.log(L_ERR, f"ERROR: fix_nated_contact: Contact: {e}")
        return None


EXPORTS: Final = ModuleSpec(
    name="nathelper",
    implementation="runtime.modules.nathelper:Nathelper",
    summary="Finds clients behind NATs, repairs their addresses, steers an RTP proxy.",
    functions=(
        function(
            "nat_uac_test",
            Nathelper.nat_uac_test,
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
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if one of the tests says that there is a NAT.",
        ),
        function(
            "fix_nated_contact",
            Nathelper.fix_nated_contact,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT_BOTH_WAYS,
            summary="Put the source address into Contact.",
        ),
        function(
            "fix_nated_sdp",
            Nathelper.fix_nated_sdp,
            mask("changes", {1: "add a=direction:active", 2: "put the source address into c="}),
            routes=EVERYWHERE,
            does=Does.EDIT_BOTH_WAYS,
            summary="Repair the SDP.",
        ),
        function(
            "fix_nated_register",
            Nathelper.fix_nated_register,
            routes=REQUEST,
            does=Does.EDIT_CONTACT,
            summary="Keep the source address for save().",
        ),
        function(
            "add_rcv_param",
            Nathelper.add_rcv_param,
            routes=REQUEST,
            does=Does.EDIT,
            summary="Add the source address to Contact as a parameter.",
        ),
        function(
            "force_rtp_proxy",
            Nathelper.force_rtp_proxy,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT_BOTH_WAYS,
            waits=True,
            summary="Lead the media over the RTP proxy.",
        ),
        function(
            "force_rtp_proxy",
            Nathelper.force_rtp_proxy_flags,
            _FLAGS,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT_BOTH_WAYS,
            waits=True,
            summary="Same, with flags.",
        ),
        function(
            "force_rtp_proxy",
            Nathelper.force_rtp_proxy_at,
            _FLAGS,
            address(),
            routes=REQUEST | ONREPLY,
            does=Does.EDIT_BOTH_WAYS,
            waits=True,
            summary="Same, with the own address.",
        ),
        function(
            "unforce_rtp_proxy",
            Nathelper.unforce_rtp_proxy,
            routes=EVERYWHERE,
            does=Does.NOTHING,
            waits=True,
            summary="End the call at the RTP proxy.",
        ),
    ),
    params=(
        seconds_param("natping_interval", 0, "Period of pings to registered clients; 0 is off.", usual=3600),
        switch_param("ping_nated_only", 0, "Ping clients behind NATs alone."),
        string_param(
            "rtpproxy_sock",
            "unix:/var/run/rtpproxy.sock",
            "Address of the RTP proxy: unix:PATH, udp:HOST[:PORT], udp6:HOST[:PORT].",
            check=_socket_mistake,
            doubt=_socket_doubt,
        ),
        switch_param("rtpproxy_disable", 0, "Do without the RTP proxy."),
        seconds_param("rtpproxy_disable_tout", 60, "Delay before a silent RTP proxy is tried again."),
        integer_param("rtpproxy_retr", 5, "Attempts over UDP.", low=0),
        seconds_param("rtpproxy_tout", 1, "Wait for each answer."),
        integer_param("received_avp", 42, "Integer AVP that fix_nated_register sets.", low=1),
        string_param("force_socket", None, "Socket that pings are sent from.", check=_force_mistake),
    ),
)
