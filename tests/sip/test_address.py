"""IP addresses, transport addresses, networks."""

from __future__ import annotations

import socket
import sys

import pytest

from runtime.sip.address import Address, Network, from_packed, from_sockaddr


@pytest.mark.parametrize(
    ("text", "ip", "host", "ipv6"),
    [
        ("127.0.0.1", b"\x7f\0\0\x01", b"127.0.0.1", False),
        ("::1", bytes(15) + b"\x01", b"[::1]", True),
        ("[2001:DB8::0:1]", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01", b"[2001:db8::1]", True),
    ],
)
def test_an_address_is_read_and_shown(text: str, ip: bytes, host: bytes, ipv6: bool) -> None:
    address = Address.parse(text, 5070)
    assert (address.ip, address.port, address.host(), address.is_ipv6) == (ip, 5070, host, ipv6)
    assert address.text == host.strip(b"[]")
    assert address == from_packed(ip, 5070) and hash(address) == hash(from_packed(ip, 5070))
    assert repr(address) == f"Address({host.decode()}:5070)"


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.256", "::g", "1.2.3.4:5060", "[::1]:5060"])
def test_what_is_no_literal_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Address.parse(text, 5060)


def test_addresses_differ_by_ip_and_port() -> None:
    one = Address.parse("127.0.0.1", 5060)
    assert one != Address.parse("127.0.0.1", 5061) and one != Address.parse("127.0.0.2", 5060)
    assert one != Address.parse("::1", 5060) and one != "127.0.0.1"


@pytest.mark.parametrize(("family", "text"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_kernel_takes_and_gives_the_same_address(family: socket.AddressFamily, text: str) -> None:
    address = Address.parse(text, 0xABCD)
    assert from_sockaddr(address.sockaddr) == address
    assert len(address.sockaddr) == (16 if family == socket.AF_INET else 28)
    # The first two bytes are the family in the machine's order, the next the port in the network's.
    assert address.sockaddr[:2] == int(family).to_bytes(2, sys.byteorder)
    assert address.sockaddr[2:4] == b"\xab\xcd"
    assert address.pair() == (text, 0xABCD)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.168.7.0/24", ["192.168.7.0", "192.168.7.255"], ["192.168.6.255", "192.168.8.0", "::1"]),
        ("192.168.7.9/24", ["192.168.7.1"], ["192.168.8.1"]),
        ("192.168.7.9", ["192.168.7.9"], ["192.168.7.8"]),
        ("192.168.7.9/32", ["192.168.7.9"], ["192.168.7.8"]),
        ("0.0.0.0/0", ["1.2.3.4", "255.255.255.255"], ["::1"]),
        ("10.0.0.0/255.255.0.0", ["10.0.255.255"], ["10.1.0.0"]),
        ("10.0.0.1/255.0.0.255", ["10.9.9.1"], ["10.0.0.2", "11.0.0.1"]),
        ("10.128.0.0/9", ["10.255.0.1"], ["10.127.255.255"]),
        ("2001:db8::/32", ["2001:db8:ffff::1"], ["2001:db9::1", "32.1.13.184"]),
        ("[2001:db8::1]", ["2001:db8::1"], ["2001:db8::2"]),
        ("::/0", ["::1"], ["127.0.0.1"]),
        ("2001:db8::/ffff:ffff::", ["2001:db8::7"], ["2001:db9::7"]),
    ],
)
def test_a_network_contains_what_its_mask_says(network: str, inside: list[str], outside: list[str]) -> None:
    parsed = Network.parse(network)
    assert all(parsed.contains(Address.parse(text, 0).ip) for text in inside)
    assert not any(parsed.contains(Address.parse(text, 0).ip) for text in outside)


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/x", "1.2.3.4/ffff::", "1.2.3/24"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Network.parse(text)
