"""nathelper's pings: who gets them, from where, and when. Reference modules-main, chapter 13."""

from __future__ import annotations

import pytest
from engine import Names, where
from script import Site, request

from runtime.modules.nathelper.pinging import PING, TURN_MS, parse_socket
from runtime.routing.engine import ProgramError
from runtime.routing.module import Module
from runtime.sip.transport import Send

ROUTE = """
modparam("nathelper", "rtpproxy_disable", 1)
route { if (search("X-Nat")) { setflag(5); fix_nated_register(); }; save("location"); }
"""


def site(interval: int = 30, more: str = "", names: Names | None = None) -> Site:
    parameters = f'modparam("nathelper", "natping_interval", {interval}) modparam("registrar", "nat_flag", 5)\n'
    return Site(parameters + more + ROUTE, "sl textops usrloc registrar nathelper", names=names)


def register(server: Site, user: str, contact: str, **more: str) -> None:
    data = request("REGISTER", "sip:h", To=f"<sip:{user}@h>", Call_ID=f"reg-{user}", Contact=contact, **more)
    assert server.say(data, "127.0.0.9", 1234)[0].data.startswith(b"SIP/2.0 200 ")


def pings(server: Site, from_ms: int, until_ms: int) -> list[tuple[int, Send]]:
    """What is sent in that time, and when."""
    module = server.engine.world.modules["nathelper"]
    assert isinstance(module, Module)
    (timer,) = module.timers()
    assert timer.once_per_server and timer.period_ms == TURN_MS
    found: list[tuple[int, Send]] = []
    for now_ms in range(from_ms, until_ms, TURN_MS):
        sends: list[Send] = []
        timer.body(now_ms, sends)
        sends += server.engine.take_sends()
        found += [(now_ms, send) for send in sends]
    assert all(send.data == PING == b"\0\0\0\0" for _, send in found)
    return found


def places(found: list[tuple[int, Send]]) -> list[str]:
    return sorted(where(send) for _, send in found)


def test_every_client_is_pinged_once_in_an_interval() -> None:
    server = site()
    for n in range(100):
        register(server, f"user{n}", f"<sip:u@127.1.0.{n}:{5000 + n}>")
    everywhere = sorted(f"udp:127.1.0.{n}:{5000 + n}" for n in range(100))
    for start in (0, 30_000, 60_000):
        assert places(pings(server, start, start + 30_000)) == everywhere


def test_pings_are_spread_over_the_interval() -> None:
    server = site()
    for n in range(60):
        register(server, f"user{n}", f"<sip:u@127.1.0.{n}>")
    times = [now_ms for now_ms, _ in pings(server, 0, 30_000)]
    for second in range(30):
        assert 1 <= sum(second * 1000 <= t < second * 1000 + 1000 for t in times) <= 3


def test_a_server_that_was_busy_pings_the_rest_at_once_and_goes_on() -> None:
    server = site()
    for n in range(60):
        register(server, f"user{n}", f"<sip:u@127.1.0.{n}>")
    assert len(pings(server, 0, 1000)) + len(pings(server, 31_000, 31_200)) == 60
    assert len(pings(server, 31_200, 61_200)) == 60


def test_clients_behind_nats_are_pinged_where_their_nat_is() -> None:
    server = site(more='modparam("nathelper", "ping_nated_only", 1)\n')
    register(server, "plain", "<sip:a@127.1.0.1>")
    register(server, "nated", "<sip:a@10.0.0.1>", X_Nat="y")
    assert places(pings(server, 0, 30_000)) == ["udp:127.0.0.9:1234"]


def test_all_contacts_of_a_user_and_no_expired_ones() -> None:
    server = site()
    register(server, "bob", "<sip:a@127.1.0.1>;expires=60, <sip:a@127.1.0.2>, <sip:a@[::1]>")
    # There is no socket for IPv6.
    assert places(pings(server, 0, 30_000)) == ["udp:127.1.0.1:5060", "udp:127.1.0.2:5060"]
    assert places(pings(server, 60_000, 90_000)) == ["udp:127.1.0.2:5060"]


@pytest.mark.parametrize("uri", ["sip:a@127.1.0.1;transport=tcp", "sips:a@127.1.0.1", "tel:+1", "sip:a@none.example"])
def test_what_is_not_reached_over_udp_is_not_pinged(uri: str) -> None:
    server = site()
    register(server, "bob", f"<{uri}>")
    assert pings(server, 0, 30_000) == []


def test_a_host_with_a_name_is_pinged() -> None:
    server = site(names=Names({"phone.example": "127.1.0.7"}))
    register(server, "bob", "<sip:a@phone.example:5099>")
    assert places(pings(server, 0, 30_000)) == ["udp:127.1.0.7:5099"]


def test_pings_leave_by_the_socket_that_ser_cfg_names() -> None:
    server = site(more='modparam("nathelper", "force_socket", "127.0.0.1:5070")\n')
    register(server, "bob", "<sip:a@127.1.0.1>")
    ((_, ping),) = pings(server, 0, 30_000)
    assert ping.socket is server.sockets[0]
    with pytest.raises(ProgramError, match="force_socket: not listening on 127.0.0.1:5071"):
        site(more='modparam("nathelper", "force_socket", "127.0.0.1:5071")\n')


def test_sockets_are_named_as_elsewhere() -> None:
    def parts(text: str) -> tuple[str, str, int]:
        name = parse_socket(text)
        return name.proto, name.host, name.port

    assert parts("h") == ("", "h", 0) and parts("udp:h:5060") == ("udp", "h", 5060)
    assert parts("[::1]:5060") == ("", "[::1]", 5060) and parts("::1") == ("", "::1", 0)
    for wrong in ("", "udp:", "h:x", "h:0", "h:65536", "[::1]:x"):
        with pytest.raises(ValueError, match="names no socket"):
            parse_socket(wrong)
