"""What a listening socket is set to. Reference core, 6.8 and `maxbuffer`."""

from __future__ import annotations

import socket

import pytest
from engine import Lines
from ports import free_port

from runtime.routing.config import Config
from runtime.routing.sockets import SocketTable
from runtime.server.host.errors import StartError
from runtime.server.start.bind import bind_all
from runtime.sip.address import UDP, Address
from runtime.sip.transport import ListenSocket


def table(*hosts: str, port: int = 0) -> SocketTable:
    sockets = [
        ListenSocket(i, UDP, host.encode(), Address.parse(host, port or free_port(host)), host.startswith("239."))
        for i, host in enumerate(hosts)
    ]
    return SocketTable(sockets, [])


@pytest.mark.parametrize("loopback, ttl", [(False, 7), (True, 0)])
def test_multicast_options_are_set_on_every_socket(loopback: bool, ttl: int) -> None:
    config = Config(mcast_loopback=loopback, mcast_ttl=ttl)
    (v4,), (v6,) = bind_all(table("127.0.0.1", "::1"), config, Lines(), 1)
    assert v4.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP) == loopback
    assert v4.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == ttl
    assert v6.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP) == loopback
    assert v6.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS) == ttl
    v4.close()
    v6.close()


def test_without_mcast_ttl_the_systems_stays() -> None:
    ((s,),) = bind_all(table("127.0.0.1"), Config(), Lines(), 1)
    assert s.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 1
    s.close()


def test_only_multicast_sockets_share_their_address() -> None:
    (plain,), (multicast,) = bind_all(table("127.0.0.1", "239.1.2.3"), Config(), Lines(), 1)
    assert not plain.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    assert multicast.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    plain.close()
    multicast.close()


def test_readers_have_sockets_of_their_own_but_for_multicast() -> None:
    plain, multicast = bind_all(table("127.0.0.1", "239.1.2.3"), Config(), Lines(), 3)
    assert (len(plain), len(multicast)) == (3, 1)
    assert len({s.getsockname() for s in plain}) == 1
    for s in plain + multicast:
        s.close()


def test_a_second_server_cannot_join_the_port() -> None:
    first = bind_all(table("127.0.0.1"), Config(), Lines(), 2)
    port: int = first[0][0].getsockname()[1]
    with pytest.raises(StartError, match="Address already in use"):
        bind_all(table("127.0.0.1", port=port), Config(), Lines(), 2)
    for s in first[0]:
        s.close()


def test_one_that_fails_closes_all() -> None:
    port = free_port()
    with pytest.raises(StartError, match=f"cannot listen on udp:192.0.2.77:{port}: Cannot assign requested address"):
        bind_all(table("127.0.0.1", "192.0.2.77", port=port), Config(), Lines(), 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", port))
