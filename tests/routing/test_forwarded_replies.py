"""Replies on their way back along the Vias. Reference core, 6.6; RFC 3261 16.7 and 18.2.2, RFC 3581 4."""

from __future__ import annotations

import pytest
from engine import Names, Server, where
from script import reply

from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.routing.program import Program
from runtime.routing.sockets import Alias

OWN = "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK0"
LISTEN = ("udp:127.0.0.1:5070", "udp:[::1]:5070", "tcp:127.0.0.1:5070")


def server(config: Config = Config(), names: Names | None = None, aliases: tuple[Alias, ...] = ()) -> Server:
    return Server(Program(config=config), LISTEN, aliases, names)


def test_a_reply_goes_on_without_our_via() -> None:
    data = reply("486 Busy  here", Via=f"{OWN}\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1", X="y")
    sent = server().only(data)
    assert where(sent) == "udp:127.0.0.1:5080"
    assert sent.data == data.replace(b"Via: " + OWN.encode() + b"\r\n", b"")


def test_of_several_values_in_a_line_only_the_first_goes() -> None:
    data = reply(Via=f"{OWN} , SIP/2.0/UDP 127.0.0.1:5080;branch=1 ,SIP/2.0/UDP last")
    assert server().only(data).data == data.replace(OWN.encode() + b" , ", b"")


@pytest.mark.parametrize(
    ("second", "target"),
    [
        ("127.0.0.1:5080", "udp:127.0.0.1:5080"),
        ("127.0.0.1", "udp:127.0.0.1:5060"),
        ("h:5080;received=192.0.2.7", "udp:192.0.2.7:5080"),
        ("h;received=192.0.2.7", "udp:192.0.2.7:5060"),
        ("127.0.0.1:5080;rport=15888", "udp:127.0.0.1:15888"),
        ("h:5080;received=192.0.2.7;rport=15888", "udp:192.0.2.7:15888"),
        ("127.0.0.1:5080;rport", "udp:127.0.0.1:5080"),
        ("127.0.0.1:5080;rport=", "udp:127.0.0.1:5080"),
        ("127.0.0.1:5080;rport=0", "udp:127.0.0.1:5080"),
        ("127.0.0.1:5080;rport=65536", "udp:127.0.0.1:5080"),
        ("127.0.0.1:5080;rport=x", "udp:127.0.0.1:5080"),
        ("[::1]:5080", "udp:::1:5080"),
        ("h;received=::1", "udp:::1:5060"),
        ("h;received=[::1];rport=9", "udp:::1:9"),
        ("known.example.com:5080", "udp:192.0.2.7:5080"),
        ("srv.example.com", "udp:192.0.2.8:5099"),
        ("known.example.com", "udp:192.0.2.7:5060"),
        # A port of its own rules SRV out, and so does received.
        ("srv.example.com:5080", None),
        ("h;received=srv.example.com", None),
        ("unknown.example.com", None),
        ("127.0.0.1:65536", None),
        ("127.0.0.1:65536;rport=7", "udp:127.0.0.1:7"),
    ],
)
def test_the_second_via_says_where_to(second: str, target: str | None) -> None:
    site = server(names=Names({"known.example.com": "192.0.2.7"}, {"srv.example.com": ("192.0.2.8", 5099)}))
    sends = site.say(reply(Via=f"{OWN}\r\nVia: SIP/2.0/UDP {second}"))
    assert [where(s) for s in sends] == ([] if target is None else [target])
    assert (site.counters.forwarded_replies, site.counters.dropped_replies) == ((1, 0) if target else (0, 1))


def test_the_second_via_says_by_which_transport() -> None:
    assert where(server().only(reply(Via=f"{OWN},SIP/2.0/TCP 127.0.0.1:5080"))) == "tcp:127.0.0.1:5080"
    site = server()
    assert site.say(reply(Via=f"{OWN},SIP/2.0/TLS 127.0.0.1:5080")) == []
    assert site.lines(-1) == ["ERROR: forward_reply: cannot send to the second Via"]


@pytest.mark.parametrize("via", [OWN, f"{OWN},", f"{OWN},SIP/2.0/SCTP h", f"{OWN}\r\nVia: nonsense", f"{OWN}\r\nVia:"])
def test_a_reply_without_a_usable_second_via_is_dropped(via: str) -> None:
    site = server()
    assert site.say(reply(Via=via)) == []
    assert site.counters.dropped_replies == 1 and site.counters.replies == 1
    assert "DEBUG: forward_reply: no 2nd via found in reply" in site.lines()


@pytest.mark.parametrize(
    ("via", "own"),
    [
        (OWN, True),
        ("SIP/2.0/UDP [::1]:5070", True),
        ("SIP/2.0/UDP [0:0:0:0:0:0:0:1]:5070", True),
        ("SIP/2.0/TCP 127.0.0.1:5070", True),
        ("SIP/2.0/UDP SIP.example.com:7000", True),
        ("SIP/2.0/UDP 127.0.0.1:5071", False),
        ("SIP/2.0/UDP 127.0.0.1", False),
        ("SIP/2.0/TLS 127.0.0.1:5070", False),
        ("SIP/2.0/UDP 127.0.0.2:5070", False),
        ("SIP/2.0/UDP elsewhere.example.com:5070", False),
    ],
)
def test_with_check_via_the_topmost_via_must_be_ours(via: str, own: bool) -> None:
    data = reply(Via=f"{via},SIP/2.0/UDP 127.0.0.1:5080")
    site = server(Config(check_via=True), aliases=(Alias(0, b"sip.example.com", 0),))
    assert len(site.say(data)) == own
    assert site.lines() == ([] if own else ["ERROR: forward_reply: host in first via!=me"])
    assert site.counters.dropped_replies == (not own)
    assert len(server().say(data)) == 1


class Hook(Module):
    """Consumes replies to one method, and tells its name to those who ask."""

    def __init__(self, name: str, consumes: bytes, heard: list[str]) -> None:
        super().__init__(name)
        self.handles_replies = True
        self.consumes = consumes
        self.heard = heard

    def on_reply(self, ctx: Context) -> bool:
        self.heard.append(self.name)
        return self.consumes not in ctx.message.buf


def test_modules_see_a_reply_last_loaded_first_until_one_consumes_it() -> None:
    heard: list[str] = []
    modules = (Hook("first", b"BYE", heard), Hook("second", b"INVITE", heard))
    site = Server(Program(config=Config(), modules=modules))
    assert site.say(reply(CSeq="1 INVITE")) == [] and heard == ["second"]
    assert site.say(reply(CSeq="1 BYE")) == [] and heard == ["second", "second", "first"]
    assert len(site.say(reply(CSeq="1 OPTIONS"))) == 1
    assert site.counters.replies == 3 and site.counters.forwarded_replies == 1


def test_a_reply_does_not_circle_through_us() -> None:
    """Each round takes one Via away: 64 kB of them are thousands of rounds."""
    many = "\r\n".join([f"Via: {OWN}"] * 71)
    few = "\r\n".join([f"Via: {OWN}"] * 69)
    elsewhere = "\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK1"
    assert server().say(reply(Via=many.removeprefix("Via: "))) == []
    assert len(server().say(reply(Via=few.removeprefix("Via: ")))) == 1
    other = (elsewhere * 80).removeprefix("\r\nVia: ")
    assert len(server().say(reply(Via=f"{OWN}\r\nVia: {other}"))) == 1
