"""lcr at work, over tm. Reference modules-main, chapter 27."""

from __future__ import annotations

import socket
import sys

import pytest
from engine import header, where
from script import ask, request
from tables import URL, Tables, TableSite

from runtime.modules.lcr.gateways import is_like
from runtime.modules.tm import Tm
from runtime.routing.database import Value
from runtime.routing.engine import ProgramError
from runtime.sip.transport import Send

pytestmark = pytest.mark.usefixtures("tables_in")

CFG = f"""modparam("lcr", "db_url", "{URL}") modparam("tm", "fr_inv_timer_avp", "fr_inv_timer_avp")
modparam("avpops", "avp_aliases", "gw=i:1400;caller=s:rpid;inv=s:fr_inv_timer_avp")
"""
ALL = 'if (load_gws()) { avp_print(); if (!next_gw()) { sl_send_reply("404", "No way"); break; }; t_on_failure("1"); t_relay(); }'
AGAIN = 'failure_route[1] { if (next_gw()) { t_on_failure("1"); t_relay(); } }'
BY_Q = 'load_contacts(); next_contacts(); t_on_failure("1"); t_relay();'
BY_Q_AGAIN = 'failure_route[1] { if (next_contacts()) { t_on_failure("1"); t_relay(); } }'


def gateway(ip: str, group: int = 1, **more: Value) -> dict[str, Value]:
    number = int.from_bytes(socket.inet_aton(ip), sys.byteorder)
    row: dict[str, Value] = {"gw_name": f"gw{ip}".encode(), "ip_addr": number, "port": None, "uri_scheme": None}
    return row | {"transport": None, "grp_id": group, "prefix": None} | more


def way(prefix: str, group: int = 1, priority: int = 1, caller: str = "%") -> dict[str, Value]:
    return {"prefix": prefix.encode(), "from_uri": caller.encode(), "grp_id": group, "priority": priority}


class Pstn(TableSite):
    """A proxy to gateways, which are at 127.0.0.0/8; calls are for +49123."""

    def __init__(
        self, gw: list[dict[str, Value]], lcr: list[dict[str, Value]], route: str = ALL, more: str = AGAIN
    ) -> None:
        super().__init__(Tables(gw=gw, lcr=lcr), f"{CFG} route {{ {route} }} {more}", "tm textops avpops lcr")
        tm = self.engine.world.modules["tm"]
        assert isinstance(tm, Tm)
        tm.begin(self.engine.world, self.now_ms)

    def call(self, uri: str = "sip:+49123@example.com", **headers: str) -> list[Send]:
        """The INVITEs, or the final reply."""
        sends = self.say(request("INVITE", uri, **headers))
        return [send for send in sends if not send.data.startswith(b"SIP/2.0 100")]

    def refuse(self, sent: Send, status: str = "503 Full") -> list[Send]:
        """What follows when this branch is refused: INVITEs and final replies."""
        head, _, rest = sent.data.partition(b"\r\n")
        sends = self.say(
            b"SIP/2.0 " + status.encode() + b"\r\n" + rest, where(sent).split(":")[1], sent.destination.port
        )
        return [send for send in sends if send.data.startswith((b"INVITE", b"SIP/2.0"))]

    def tried(self, **headers: str) -> list[str]:
        """The URIs that a call is sent to, each after the refusal of the one before."""
        found: list[str] = []
        sends = self.call(**headers)
        while sends and sends[0].data.startswith(b"INVITE"):
            assert len(sends) == 1
            found.append(uri_of(sends[0]))
            sends = self.refuse(sends[0], "480 Later")
        return found


def uri_of(sent: Send) -> str:
    return sent.data.split(b" ")[1].decode()


def test_the_longest_prefix_and_then_the_lowest_priority_come_first() -> None:
    pstn = Pstn(
        [gateway("127.0.0.11", 1), gateway("127.0.0.12", 2), gateway("127.0.0.13", 3), gateway("127.0.0.14", 4)],
        [way("", 1), way("+49", 2, 7), way("+49", 3, 2), way("+43", 4)],
    )
    assert pstn.tried() == ["sip:+49123@127.0.0.13", "sip:+49123@127.0.0.12", "sip:+49123@127.0.0.11"]


def test_gateways_of_the_same_rank_are_chosen_by_lot() -> None:
    pstn = Pstn([gateway("127.0.0.11"), gateway("127.0.0.12")], [way("+")])
    first = {
        uri_of(pstn.call(Call_ID=f"c{n}", Via=f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{n}")[0]) for n in range(60)
    }
    assert first == {"sip:+49123@127.0.0.11", "sip:+49123@127.0.0.12"}


def test_a_gateway_says_how_it_wants_to_be_called() -> None:
    pstn = Pstn(
        [
            gateway("127.0.0.11", port=5070, transport=1, prefix=b"99"),
            gateway("127.0.0.12", 2, uri_scheme=1, port=5099),
        ],
        [way("+49", 1), way("+", 2)],
    )
    assert pstn.tried() == ["sip:99+49123@127.0.0.11:5070;transport=udp", "sip:+49123@127.0.0.12:5099"]


def test_of_an_address_that_comes_twice_the_better_one_counts() -> None:
    gateways = [gateway("127.0.0.11", n, port=5070 + n, gw_name=b"gw%d" % n) for n in (1, 2)]
    assert Pstn(gateways, [way("+", 1), way("+49", 2)]).tried() == ["sip:+49123@127.0.0.11:5072"]


@pytest.mark.parametrize(
    ("pattern", "answer"),
    [
        ("%", True),
        ("sip:alice@%", True),
        ("SIP:ALICE@example.com", True),
        ("sip:_lice@example.com", True),
        ("sip:bob@%", False),
        ("alice", False),
        ("", False),
    ],
)
def test_a_route_may_be_for_some_callers_alone(pattern: str, answer: bool) -> None:
    pstn = Pstn([gateway("127.0.0.11")], [way("+49", caller=pattern)])
    assert bool(pstn.tried()) is answer


def test_the_caller_is_the_one_in_the_avp() -> None:
    route = 'avp_write("sip:boss@example.com", "$caller"); ' + ALL
    assert Pstn([gateway("127.0.0.11")], [way("", caller="sip:boss@%")], route).tried() != []


def test_what_is_no_gateway_or_no_route_is_left_out() -> None:
    pstn = Pstn([gateway("127.0.0.11"), gateway("0.0.0.0"), gateway("127.0.0.12") | {"grp_id": None}], [way("+")])
    pstn.tables.tables["lcr"].append({"prefix": None, "from_uri": b"%", "grp_id": 1, "priority": 1})
    assert pstn.tried() == ["sip:+49123@127.0.0.11"]


def test_without_a_gateway_load_gws_is_true_and_next_gw_false() -> None:
    (answer,) = Pstn([], []).call()
    assert answer.data.startswith(b"SIP/2.0 404 No way")


@pytest.mark.parametrize("headers", [{"From": ""}, {"uri": "tel:+49"}])
def test_load_gws_fails_where_nobody_knows_who_or_whom(headers: dict[str, str]) -> None:
    route = 'if (load_gws()) sl_send_reply("200", "Yes"); else sl_send_reply("500", "No");'
    (answer,) = Pstn([gateway("127.0.0.11")], [way("")], route, "").call(**headers)
    assert answer.data.startswith(b"SIP/2.0 500 No")


def test_load_gws_fails_without_the_database() -> None:
    pstn = Pstn([], [], 'if (load_gws()) sl_send_reply("200", "Yes"); else sl_send_reply("500", "No");', "")
    pstn.tables.down = True
    assert pstn.call()[0].data.startswith(b"SIP/2.0 500 No")


def test_from_gw_and_to_gw_know_gateways_until_they_are_loaded_anew() -> None:
    route = """if (from_gw()) append_to_reply("X-From: yes\\r\\n"); if (to_gw()) append_to_reply("X-To: yes\\r\\n");
        sl_send_reply("200", "OK");"""
    pstn = Pstn([gateway("127.0.0.11", port=5080, transport=2)], [], route, "")

    def known(source: str, host: str) -> tuple[bool, bool]:
        answer = pstn.only(request(uri=f"sip:a@{host}"), source).data
        return header(answer, "X-From") is not None, header(answer, "X-To") is not None

    assert known("127.0.0.11", "127.0.0.11:99") == (True, True)
    assert known("127.0.0.12", "gw.example.com") == (False, False)
    assert ask(pstn, "lcr_dump") == b"200 OK\nsip:127.0.0.11:5080;transport=tcp\n"
    pstn.tables.tables["gw"] = [gateway("127.0.0.12", uri_scheme=2)]
    assert known("127.0.0.12", "127.0.0.12") == (False, False)
    assert ask(pstn, "lcr_reload") == b"200 OK\n"
    assert known("127.0.0.12", "127.0.0.11") == (True, False)
    assert ask(pstn, "lcr_dump") == b"200 OK\nsips:127.0.0.12\n"
    pstn.tables.down = True
    assert ask(pstn, "lcr_reload") == b"400 Reload of gateways failed\n"
    assert known("127.0.0.12", "127.0.0.11") == (True, False)


def test_an_old_table_does_not_start() -> None:
    tables = Tables(gw=[], lcr=[])
    tables.tables["version"] = [{"table_name": b"gw", "table_version": 1}]
    with pytest.raises(ProgramError, match="lcr: table gw has version 1, at least 3 is needed"):
        TableSite(tables, CFG + "route { from_gw(); }", "tm avpops lcr")


def forked(*branches: str) -> str:
    return "".join(f'append_branch("{uri}", "{q}"); ' for uri, q in (b.split(" ") for b in branches))


def test_destinations_are_tried_by_their_q() -> None:
    pstn = Pstn(
        [], [], forked("sip:a@127.0.0.11 0.5", "sip:b@127.0.0.12 0.9", "sip:c@127.0.0.13 0.5") + BY_Q, BY_Q_AGAIN
    )
    first = pstn.call(uri="sip:z@127.0.0.14")
    assert [uri_of(s) for s in first] == ["sip:b@127.0.0.12"]
    second = pstn.refuse(first[0], "480 Later")
    assert [uri_of(s) for s in second] == ["sip:a@127.0.0.11", "sip:c@127.0.0.13"]
    assert pstn.refuse(second[0], "486 Busy") == []
    third = pstn.refuse(second[1], "486 Busy")
    assert [uri_of(s) for s in third] == ["sip:z@127.0.0.14"]
    assert pstn.refuse(third[0], "486 Busy")[0].data.startswith(b"SIP/2.0 480 ")


def test_destinations_of_one_q_are_called_at_once() -> None:
    pstn = Pstn([], [], forked("sip:a@127.0.0.11 ").replace(', ""', "") + BY_Q, BY_Q_AGAIN)
    assert [uri_of(s) for s in pstn.call(uri="sip:z@127.0.0.14")] == ["sip:z@127.0.0.14", "sip:a@127.0.0.11"]


def test_those_before_the_last_ring_for_fr_inv_timer_next_seconds() -> None:
    pstn = Pstn([], [], forked("sip:a@127.0.0.11 0.5", "sip:b@127.0.0.12 0.9") + BY_Q, BY_Q_AGAIN)
    (first,) = pstn.call(uri="sip:z@127.0.0.14")
    pstn.refuse(first, "180 Ringing")
    gaps: list[int] = []
    for _ in range(2):
        began = pstn.now_ms
        while not (sends := [s for s in pstn.engine.tick(pstn.now_ms) if s.data.startswith(b"INVITE")]):
            pstn.now_ms += 1000
            assert pstn.now_ms < 400_000
        gaps.append((pstn.now_ms - began) // 1000)
        pstn.refuse(sends[0], "180 Ringing")
    assert gaps == [30, 30]


@pytest.mark.parametrize(
    ("text", "pattern", "answer"),
    [
        (b"abcabd", b"%abd", True),
        (b"abc", b"a%b%c%", True),
        (b"a%", b"a\\%", True),
        (b"ab", b"a\\%", False),
        (b"ab", b"a_", True),
        (b"a", b"a_", False),
        (b"", b"%%", True),
        (b"aaaaaaaaaaaaaaaaaaaaab", b"%a%a%a%a%c", False),
    ],
)
def test_like(text: bytes, pattern: bytes, answer: bool) -> None:
    assert is_like(text, pattern) is answer
