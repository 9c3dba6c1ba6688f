"""mediaproxy: NATs and AG Projects' MediaProxy. Reference modules-main, chapter 21."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.domain import DOMAIN, Domain
from runtime.modules.mediaproxy.clients import Clients
from runtime.modules.mediaproxy.session import Description, Party, Unusable, agent_of, quoted
from runtime.modules.nathelper.detection import looks_nated
from runtime.modules.nathelper.pinging import TURN_MS, Pinger
from runtime.modules.nathelper.rtpproxy import WAITING_MAX, StreamAnswer
from runtime.modules.usrloc import USRLOC
from runtime.routing.asking import Kind
from runtime.routing.contacts import FixedContact
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module, ModuleError
from runtime.routing.timer import Timer
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.contacts import contacts_in
from runtime.sip.edits import Edit
from runtime.sip.scan import IN_WORD, BadMessage, is_plain
from runtime.sip.sdp import is_place
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import EVERYWHERE, ONREPLY, REQUEST, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_words import mask
from runtime.spec.params import seconds_param

_DEADLINE_MS: Final = 2000


@final
class Mediaproxy(Module):
    """Finds clients behind NATs, repairs their Contacts, and leads their media over a MediaProxy, which is asked by a Unix socket."""

    _domain: Domain
    _sip_asymmetrics: Clients
    _rtp_asymmetrics: Clients

    def __init__(
        self,
        *,
        mediaproxy_socket: str = "/var/run/proxydispatcher.sock",
        sip_asymmetrics: str = "/etc/ser/sip-asymmetric-clients",
        rtp_asymmetrics: str = "/etc/ser/rtp-asymmetric-clients",
        natping_interval: int = 60,
    ) -> None:
        super().__init__("mediaproxy")
        self._socket: Final = mediaproxy_socket
        self._files: Final = (sip_asymmetrics, rtp_asymmetrics)
        self._interval_s: Final = natping_interval
        self._kind: Final = Kind("mediaproxy", _DEADLINE_MS, WAITING_MAX)
        self._pinger: Pinger | None = None

    def bind(self, world: World) -> None:
        self._domain = DOMAIN.of(world)
        sip, rtp = [Clients(world.path(path), world.log) for path in self._files]
        self._sip_asymmetrics = sip
        self._rtp_asymmetrics = rtp

    def prepare(self, world: World) -> None:
        """Pings go to what the module usrloc keeps."""
        if self._interval_s == 0:
            return
        usrloc = USRLOC.find(world)
        if usrloc is None:
            raise ModuleError(
                "mediaproxy: natping_interval, 60 by default, pings the contacts of usrloc: load it, or set 0"
            )
        if usrloc.locations.direct is not None:
            raise ModuleError("mediaproxy: not supported yet: natping_interval with usrloc's db_mode 3")
        self._pinger = Pinger(world, usrloc.locations, self._interval_s * 1000, True, None)

    def timers(self) -> list[Timer]:
        """One process pings for all."""
        return [] if self._pinger is None else [Timer("mediaproxy: pings", TURN_MS, self._pinger.turn)]

    # --- NATs --------------------------------------------------------------------------------------------------------

    def client_nat_test(self, ctx: Context, tests: int) -> bool:
        """True if one of the tests, a sum of numbers, says that the sender is behind a NAT."""
        return looks_nated(ctx, tests)

    def fix_contact(self, ctx: Context) -> bool:
        """Put the source address into the first Contact, and the source port, but for clients whose SIP is asymmetric.

        True also for one that has the address already; False without a Contact that is a SIP URI.
        """
        msg = ctx.message
        try:
            contacts = contacts_in(msg, msg.contact)
            if not contacts:
                return False
            uri = parse_uri(msg.buf, contacts[0].uri_start, contacts[0].uri_end)
        except (BadMessage, BadUri) as e:
            ctx.log(L_ERR, f"ERROR: fix_contact: Contact: {e}")
            return False
        if uri.host() == ctx.source.host() or ctx.fixed_contact is not None:
            return True
        end = uri.host_end
        place = ctx.source.host()
        if not self._sip_asymmetrics.have(agent_of(ctx), ctx.now_ms):
            end = uri.port_end if uri.port_start >= 0 else uri.host_end
            place = b"%s:%d" % (place, ctx.source.port)
        ctx.edits.append(Edit(uri.host_start, end, place))
        fixed = b"".join([uri.buf[uri.start : uri.host_start], place, uri.buf[end : uri.end]])
        ctx.fixed_contact = FixedContact(contacts[0].uri_start, fixed)
        return True

    # --- the proxy ---------------------------------------------------------------------------------------------------

    def use_media_proxy(self, ctx: Context) -> bool:
        """Lead the media of an INVITE, an ACK or a reply over the proxy; True also where there are none."""
        msg = ctx.message
        if msg.is_request and msg.method != methods.INVITE and msg.method != methods.ACK:
            return False
        if msg.is_request and msg.method == methods.ACK and msg.body_start >= len(msg.buf):
            return True
        try:
            description = Description(ctx)
            if description.streams:
                self._lead_over(ctx, description)
        except (BadMessage, BadUri, Unusable) as e:
            ctx.log(L_ERR, f"ERROR: use_media_proxy: {e}")
            return False
        return True

    def _lead_over(self, ctx: Context, description: Description) -> None:
        answer = self._asked(ctx, self._request(ctx, description)).split()
        if len(answer) < 2:
            raise Unusable("the proxy has no answer to that")
        ports = answer[1:]
        if ctx.message.is_request and len(ports) < len(description.streams):
            raise Unusable(f"the proxy has {len(ports)} ports for {len(description.streams)} streams")
        for port in ports:
            if not is_place(answer[0], port):
                raise Unusable(f"the proxy answers {b' '.join(answer)[:60].decode('latin-1')}")
        description.follow(ctx, answer[0], ports)

    def _request(self, ctx: Context, description: Description) -> bytes:
        """The line for the proxy."""
        is_request = ctx.message.is_request
        caller, callee = Party(ctx, True), Party(ctx, False)
        called = ctx.parsed_uri().host() if is_request else callee.host
        agent = agent_of(ctx)
        info = b"from:%s,to:%s,fromtag:%s,totag:%s" % (caller.address, callee.address, caller.tag, callee.tag)
        if self._rtp_asymmetrics.have(agent, ctx.now_ms):
            info += b",asymmetric"
        words = [
            b"request" if is_request else b"lookup",
            self._call_id(ctx),
            description.shown(),
            ctx.source.text,
            caller.host,
            self._place(ctx, caller.host),
            called,
            self._place(ctx, called) if is_request else b"unknown",
            quoted(agent),
            b"info=" + info,
        ]
        if any([len(word.split()) != 1 for word in words]):
            raise Unusable("a part that the proxy is told is empty, or has blanks in it")
        return b" ".join(words)

    def _place(self, ctx: Context, host: bytes) -> bytes:
        return b"local" if self._domain.is_local(ctx, "use_media_proxy", host) else b"remote"

    def _call_id(self, ctx: Context) -> bytes:
        value = ctx.message.value(ctx.message.call_id)
        if len(value) == 0:
            raise Unusable("no Call-ID")
        if not is_plain(value, IN_WORD):
            raise Unusable("a blank or a control character in the Call-ID")
        return value

    def end_media_session(self, ctx: Context) -> bool:
        """Tell the proxy that the call is over; False where it cannot be told."""
        try:
            self._asked(ctx, b"delete %s info=" % self._call_id(ctx))
        except Unusable as e:
            ctx.log(L_ERR, f"ERROR: end_media_session: {e}")
            return False
        return True

    def _asked(self, ctx: Context, line: bytes) -> bytes:
        """What the proxy says to a line, b"" for nothing. Raises Unusable where there is none."""
        stand_in = ctx.world.stand_in
        if stand_in is not None:
            return stand_in.rtp_proxy(self._socket, line)
        try:
            answer = ctx.wait(StreamAnswer(self._kind, ctx.world.asking, self._socket, line, True))
        except OSError as e:
            raise Unusable(f"{self._socket}: {e.strerror or e}") from None
        if answer is None:
            raise Unusable(f"{self._socket}: no answer within {_DEADLINE_MS} ms")
        return answer


EXPORTS: Final = ModuleSpec(
    name="mediaproxy",
    implementation="runtime.modules.mediaproxy:Mediaproxy",
    summary="Finds clients behind NATs and leads their media over a MediaProxy.",
    needs=("domain",),
    functions=(
        function(
            "client_nat_test",
            Mediaproxy.client_nat_test,
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
            Mediaproxy.fix_contact,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT_BOTH_WAYS,
            summary="Put the source address into Contact.",
        ),
        function(
            "use_media_proxy",
            Mediaproxy.use_media_proxy,
            routes=REQUEST | ONREPLY,
            does=Does.EDIT_BOTH_WAYS,
            waits=True,
            summary="Lead the media over the proxy.",
        ),
        function(
            "end_media_session",
            Mediaproxy.end_media_session,
            routes=EVERYWHERE,
            does=Does.NOTHING,
            waits=True,
            summary="End the call at the proxy.",
        ),
    ),
    params=(
        string_param("mediaproxy_socket", "/var/run/proxydispatcher.sock", "Socket of the proxy."),
        string_param("sip_asymmetrics", "/etc/ser/sip-asymmetric-clients", "File of clients with asymmetric SIP."),
        string_param("rtp_asymmetrics", "/etc/ser/rtp-asymmetric-clients", "File of clients with asymmetric RTP."),
        seconds_param("natping_interval", 60, "Period of pings to clients behind NATs; 0 is off.", usual=3600),
    ),
)
