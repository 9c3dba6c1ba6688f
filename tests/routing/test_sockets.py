"""Which addresses are ours, and which socket sends. Reference core, 5.4, 5.5 and 6.5."""

from __future__ import annotations

import pytest
from engine import Names, listener

from runtime.routing.destination import Destination, UnresolvableDestination, literal_address
from runtime.routing.sockets import Alias, SocketName, SocketTable
from runtime.sip.address import TCP, TLS, UDP, Address
from runtime.sip.transport import ListenSocket


def table(*listen: str, aliases: tuple[Alias, ...] = ()) -> SocketTable:
    return SocketTable([listener(index, where) for index, where in enumerate(listen)], list(aliases))


NAMED = ListenSocket(0, UDP, b"Sip.example.com", Address.parse("127.0.0.1", 15063))
ALIASES = [Alias(0, b"al.ias", 0), Alias(0, b"p.al", 5070), Alias(TCP, b"t.c.p", 5070)]


@pytest.mark.parametrize(
    ("host", "port", "proto", "ours"),
    [
        # The table of reference core, 5.4.
        (b"127.0.0.1", 5060, 0, False),
        (b"127.0.0.1", 15063, 0, True),
        (b"sip.example.com", 15063, 0, True),
        (b"SIP.EXAMPLE.COM", 15063, 0, True),
        (b"AL.IAS", 999, 0, True),
        (b"sip.example.com.", 15063, 0, True),
        (b"AL.IAS.", 999, 0, True),
        (b"sip.example.com..", 15063, 0, False),
        (b".", 15063, 0, False),
        (b"p.al", 5060, 0, False),
        (b"p.al", 5070, 0, True),
        (b"t.c.p", 5070, 0, True),
        (b"t.c.p", 5070, TCP, True),
        (b"t.c.p", 5070, UDP, False),
        (b"127.0.0.1", 0, 0, True),
        (b"127.0.0.1", 15063, UDP, True),
        (b"127.0.0.1", 15063, TCP, False),
        (b"p.al", 0, TLS, True),
        (b"127.0.0.2", 15063, 0, False),
        # As what is sent there arrives here.
        (b"127.0.0.01", 15063, 0, True),
        (b"127.000.000.001", 15063, 0, True),
        (b"127.0.0.1.", 15063, 0, True),
        (b"[::ffff:127.0.0.1]", 15063, 0, True),
        (b"::FFFF:7f00:1", 15063, 0, True),
        # Names to us, and nobody has them: nothing is sent there.
        (b"127.1", 15063, 0, False),
        (b"0x7f.0.0.1", 15063, 0, False),
        (b"2130706433", 15063, 0, False),
        (b"127.0.0.0001", 15063, 0, False),
        (b"[::127.0.0.1]", 15063, 0, False),
        (b"[::ffff:127.0.0.2]", 15063, 0, False),
        (b"example.com", 15063, 0, False),
        (b"", 0, 0, False),
        (b"[]", 0, 0, False),
    ],
)
def test_an_address_is_ours_by_name_ip_or_alias(host: bytes, port: int, proto: int, ours: bool) -> None:
    sockets = SocketTable([NAMED], ALIASES)
    assert sockets.is_myself(host, port, proto) is ours
    # The second answer comes from memory.
    assert sockets.is_myself(host, port, proto) is ours


@pytest.mark.parametrize("host", [b"::1", b"[::1]", b"[0:0:0:0:0:0:0:1]", b"[::0001]", b"::0:1"])
def test_ipv6_is_ours_in_every_spelling(host: bytes) -> None:
    assert table("udp:[::1]:5060").is_myself(host, 5060, 0)
    assert not table("udp:[::2]:5060").is_myself(host, 5060, 0)
    assert not table("udp:127.0.0.1:5060").is_myself(host, 5060, 0)


@pytest.mark.parametrize("host", [b"::1]x", b"[:::]", b"[\xff:]", b"::g", b"[127.0.0.1"])
def test_what_is_no_address_is_not_ours(host: bytes) -> None:
    assert not table("udp:[::1]:5060", "udp:127.0.0.1:5060").is_myself(host, 0, 0)


def test_more_hosts_than_are_remembered_are_answered_right() -> None:
    sockets = table("udp:127.0.0.1:5060")
    for number in range(5000):
        assert not sockets.is_myself(b"host%d.example.com" % number, 5060, 0)
    assert sockets.is_myself(b"127.0.0.1", 5060, 0)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        (SocketName("", "127.0.0.1", 0), 1),
        (SocketName("tcp", "127.0.0.1", 0), 0),
        (SocketName("udp", "127.0.0.1", 5062), 2),
        (SocketName("udp", "[::1]", 0), 3),
        (SocketName("udp", "0:0:0:0:0:0:0:1", 5060), 3),
        (SocketName("tls", "127.0.0.1", 0), None),
        (SocketName("udp", "127.0.0.1", 5063), None),
        (SocketName("", "localhost", 0), None),
    ],
)
def test_a_listener_is_found_by_name_udp_first(name: SocketName, index: int | None) -> None:
    sockets = table("tcp:127.0.0.1:5060", "udp:127.0.0.1:5060", "udp:127.0.0.1:5062", "udp:[::1]:5060")
    found = sockets.find(name)
    assert (found.index if found is not None else None) == index


def test_a_socket_name_is_shown_as_ser_cfg_writes_it() -> None:
    assert SocketName("udp", "h", 5060).text() == "udp:h:5060"
    assert SocketName("", "h", 0).text() == "h"


@pytest.mark.parametrize(
    ("proto", "ipv6", "index"),
    [(UDP, False, 2), (UDP, True, 3), (TCP, False, 1), (TCP, True, None), (TLS, False, None)],
)
def test_the_default_is_the_first_that_is_not_loopback(proto: int, ipv6: bool, index: int | None) -> None:
    sockets = table("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "udp:192.0.2.1:5060", "udp:[::1]:5060")
    found = sockets.default_for(proto, ipv6)
    assert (found.index if found is not None else None) == index


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (b"127.0.0.1", "127.0.0.1"),
        (b"::1", "::1"),
        (b"[2001:DB8::1]", "2001:db8::1"),
        (b"[::ffff:192.0.2.1]", "::ffff:192.0.2.1"),
        (b"127.0.0", None),
        (b"127.0.0.256", None),
        (b"3com.example", None),
        (b"example.com", None),
        (b"[::g]", None),
        (b"h:5060", None),
        (b"\xff:\xfe", None),
        (b"", None),
    ],
)
def test_a_literal_is_an_address_without_asking_anybody(host: bytes, text: str | None) -> None:
    address = literal_address(host, 5070)
    assert (address.pair() if address is not None else None) == ((text, 5070) if text is not None else None)


class TwoAddresses(Names):
    def addresses(self, host: bytes) -> list[bytes]:
        return [b"\xc0\0\x02\x01", b"\xc0\0\x02\x02"]


def test_after_a_failure_the_next_address_of_a_destination_is_taken() -> None:
    destination = Destination(b"two.example.com", 0)
    destination.resolve(TwoAddresses())
    seen = []
    for _ in range(3):
        seen.append(destination.address().pair())
        destination.failed()
    assert seen == [("192.0.2.1", 5060), ("192.0.2.2", 5060), ("192.0.2.1", 5060)]


def test_a_destination_without_an_address_is_an_error() -> None:
    with pytest.raises(UnresolvableDestination, match=r"^cannot resolve none\.example\.com, where"):
        Destination(b"none.example.com", 5060).resolve(Names())


@pytest.mark.parametrize("aliases", [(), (Alias(0, b"a", 5060),), (Alias(0, b"a", 5070),), (Alias(TCP, b"a", 0),)])
def test_a_port_that_nothing_of_ours_has_is_not_ours_and_nothing_else(aliases: tuple[Alias, ...]) -> None:
    sockets = table("udp:127.0.0.1:5060", "tcp:127.0.0.1:5062", aliases=aliases)
    for port in (0, 5060, 5061, 5062, 5070):
        for proto in (0, UDP, TCP):
            own = any(
                s.proto in (proto, proto or s.proto) and s.address.port in (port, port or s.address.port)
                for s in sockets.sockets
            )
            named = any(
                a.port in (0, port, port or a.port) and (not a.proto or not proto or a.proto == proto) for a in aliases
            )
            for _ in range(2):
                assert sockets.is_myself(b"127.0.0.1", port, proto) is own
                assert sockets.is_myself(b"a", port, proto) is named
                assert not sockets.is_myself(b"b", port, proto)
