"""nathelper at work. Reference modules-main, chapter 13 and its corrections."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually
from script import Site, reply, request

from runtime.modules.nathelper import Nathelper
from runtime.routing.avps import Avps
from runtime.routing.engine import ProgramError

OFF = 'modparam("nathelper", "rtpproxy_disable", 1)\n'
SDP = "v=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
TWO = SDP + "c=IN IP4 10.200.2.3\r\nm=video 5000 RTP/AVP 31\r\n"


def site(route: str, params: str = OFF) -> Site:
    return Site(f"{params}route {{ {route} }}", "sl nathelper")


def invite(body: str = "", kind: str = "application/sdp", **headers: str) -> bytes:
    return request("INVITE", body=body, Content_Type=kind if body else "", **headers)


def signs_of(data: bytes) -> list[int]:
    """The tests of nat_uac_test that hold for a message from 127.0.0.1:5080."""
    ctx = Site("route { drop; }", "nathelper").context(data)
    return [test for test in (1, 2, 4, 8, 16) if Nathelper(rtpproxy_disable=1).nat_uac_test(ctx, test)]


@pytest.mark.parametrize(
    ("data", "holding"),
    [
        (invite(Contact="<sip:a@1.2.3.4:5080>"), []),
        (invite(), []),
        (invite(Contact="*"), []),
        (invite(Contact="<sip:a@10.0.0.1>"), [1]),
        (invite(Contact="<sip:a@172.16.0.1>"), [1]),
        (invite(Contact="<sip:a@172.31.255.255>"), [1]),
        (invite(Contact="<sip:a@172.32.0.1>"), []),
        (invite(Contact="<sip:a@192.168.7.7;x=y>"), [1]),
        (invite(Contact="<sip:a@192.169.7.7>"), []),
        (invite(Contact="<sip:a@host10>, <sip:b@10.0.0.1>"), [1]),
        (invite(Contact="<sip:a@10.0.0.1>, <sip:b@h>"), [1]),
        (invite(Contact="<tel:+1>"), []),
        (invite(Contact="<sip:a@10.0.0.1"), []),
        (invite(Via="SIP/2.0/UDP 192.168.0.1:5080;branch=z9hG4bKc1"), [2, 4]),
        (invite(Via="SIP/2.0/UDP client.example.com:5080;branch=z9hG4bKc1"), [2]),
        (invite(Via="SIP/2.0/UDP 127.0.0.1:5080;received=127.0.0.1;branch=z9hG4bKc1"), [2]),
        (invite(Via="SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKc1"), [16]),
        (invite(Via="SIP/2.0/UDP 127.0.0.1:5081;branch=z9hG4bKc1"), [16]),
        (invite(SDP.replace("10.1.2.3", "172.16.0.1")), [8]),
        (invite(SDP.replace("10.1.2.3", "1.2.3.4")), []),
        (invite(SDP, "text/plain"), []),
        (invite(SDP, "Application/SDP;charset=x"), [8]),
    ],
)
def test_signs_of_a_nat(data: bytes, holding: list[int]) -> None:
    assert signs_of(data) == holding


def test_one_sign_is_enough() -> None:
    ctx = Site("route { drop; }", "nathelper").context(invite(Contact="<sip:a@10.0.0.1>"))
    assert Nathelper(rtpproxy_disable=1).nat_uac_test(ctx, 31)
    assert not Nathelper(rtpproxy_disable=1).nat_uac_test(ctx, 30)


def fixed(contact: str) -> str:
    """The Contact after fix_nated_contact, "-" before it where that was false."""
    server = site('if (fix_nated_contact()) log(1, "true"); forward(127.0.0.1, 5090);')
    sent = server.answer(invite(Contact=contact)).decode()
    truth = "" if "true" in server.lines() else "-"
    return truth + "".join(line[9:] for line in sent.split("\r\n") if line.startswith("Contact: "))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<sip:a@10.0.0.1>", "<sip:a@127.0.0.1:5080>"),
        ("<sip:a@10.0.0.1;transport=udp>", "<sip:a@127.0.0.1:5080;transport=udp>"),
        ("<sip:a@10.0.0.1;transport=tcp>", "-<sip:a@10.0.0.1;transport=tcp>"),
        ("<sip:10.0.0.1:9?h=v>;q=0.5;expires=3", "<sip:127.0.0.1:5080?h=v>;q=0.5;expires=3"),
        ("<sip:a@h>, <sip:b@g>", "<sip:a@h>, <sip:b@127.0.0.1:5080>"),
        ('"A, B" <sip:a:pw@[::1]:77>', '"A, B" <sip:a:pw@127.0.0.1:5080>'),
        ("sip:a@h;x=y", "sip:a@127.0.0.1:5080;x=y"),
        ("<tel:+1>", "-<tel:+1>"),
        ("*", "-*"),
        ("", "-"),
    ],
)
def test_the_contact_gets_the_source_address(before: str, after: str) -> None:
    assert fixed(before) == after


def test_the_contact_is_fixed_once_and_later_functions_see_it() -> None:
    ctx = Site("route { drop; }", "nathelper").context(invite(Contact="<sip:a@10.0.0.1>"))
    module = Nathelper(rtpproxy_disable=1)
    assert module.nat_uac_test(ctx, 1)
    assert module.fix_nated_contact(ctx)
    assert ctx.fixed_contact is not None and ctx.fixed_contact.uri == b"sip:a@127.0.0.1:5080"
    assert not module.nat_uac_test(ctx, 1)
    assert not module.fix_nated_contact(ctx)


def test_the_contact_of_a_reply_is_fixed_too() -> None:
    ctx = Site("route { drop; }", "nathelper").context(reply(Contact="<sip:b@10.9.9.9:77>"), port=5090)
    assert Nathelper(rtpproxy_disable=1).fix_nated_contact(ctx)
    assert ctx.fixed_contact is not None and ctx.fixed_contact.uri == b"sip:b@127.0.0.1:5090"


def body_after(call: str, data: bytes) -> str:
    sent = site(f"{call}; forward(127.0.0.1, 5090);").answer(data)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert f"\r\nContent-Length: {len(body)}" in head.decode()
    return body.decode()


def test_every_address_of_the_sdp_becomes_the_source() -> None:
    assert body_after('fix_nated_sdp("2")', invite(TWO)) == (
        "v=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
        "c=IN IP4 127.0.0.1\r\nm=video 5000 RTP/AVP 31\r\na=oldmediaip:10.1.2.3\r\n"
    )


def test_a_stream_on_hold_stays_on_hold() -> None:
    held = TWO.replace("c=IN IP4 10.1.2.3", "c=IN IP4 0.0.0.0")
    assert body_after('fix_nated_sdp("2")', invite(held)) == held.replace("10.200.2.3", "127.0.0.1")


def test_the_other_side_is_asked_to_begin() -> None:
    assert body_after('fix_nated_sdp("3")', invite(SDP)) == (
        SDP.replace("c=IN IP4 10.1.2.3", "c=IN IP4 127.0.0.1") + "a=direction:active\r\na=oldmediaip:10.1.2.3\r\n"
    )
    assert body_after('fix_nated_sdp("1")', invite(SDP.rstrip())) == SDP + "a=direction:active\r\n"


def test_an_address_of_the_other_family_changes_its_kind() -> None:
    server = site('fix_nated_sdp("2"); forward(127.0.0.1, 5090);')
    data = server.say(invite(SDP), source="2001:db8::7")[0].data
    assert b"\r\nc=IN IP6 2001:db8::7\r\n" in data


@pytest.mark.parametrize("sdp", ["v=0\r\n", "v=0\r\nc=IN IP6 ::1\r\n"])
def test_where_no_address_can_be_fixed_the_rest_is_done(sdp: str) -> None:
    assert body_after('if (fix_nated_sdp("3")) fix_nated_sdp("2")', invite(sdp)) == sdp + "a=direction:active\r\n"


@pytest.mark.parametrize("data", [invite(), invite(SDP, "text/plain")])
def test_without_an_sdp_there_is_nothing_to_fix(data: bytes) -> None:
    ctx = Site("route { drop; }", "nathelper").context(data)
    assert not Nathelper(rtpproxy_disable=1).fix_nated_sdp(ctx, 2)
    assert not ctx.edits


def test_the_source_is_kept_for_the_registrar() -> None:
    ctx = Site("route { drop; }", "nathelper").context(request("REGISTER"), source="2001:db8::7", port=4444)
    assert Nathelper(rtpproxy_disable=1).fix_nated_register(ctx)
    assert Nathelper(rtpproxy_disable=1, received_avp=7).fix_nated_register(ctx)
    avps: Avps = ctx.avps
    assert avps.first(42) == avps.first(7) == b"sip:[2001:db8::7]:4444"


def test_the_source_is_added_to_every_contact() -> None:
    server = site("add_rcv_param(); forward(127.0.0.1, 5090);")
    data = server.answer(request("REGISTER", Contact="<sip:bob@10.0.0.1>;q=1, sip:a@b\r\nX: y\r\nContact: <sip:c@d>"))
    added = b';received="sip:127.0.0.1:5080"'
    assert b"\r\nContact: <sip:bob@10.0.0.1>;q=1" + added + b", sip:a@b" + added + b"\r\n" in data
    assert b"\r\nContact: <sip:c@d>" + added + b"\r\n" in data


def test_pings_need_the_contacts_of_usrloc() -> None:
    with pytest.raises(ProgramError, match="pings the contacts of usrloc: load that module"):
        site("drop;", OFF + 'modparam("nathelper", "natping_interval", 30)\n')


# --- the RTP proxy ---------------------------------------------------------------------------------------------------


def _unread(line: socket.socket) -> int:
    """Bytes that the other end has not read yet."""
    (size,) = struct.unpack("i", fcntl.ioctl(line, termios.TIOCOUTQ, bytes(4)))
    assert isinstance(size, int)
    return size


class FakeProxy:
    """An RTP proxy that notes what it is asked, and answers from a list: None is silence."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.in_pieces = False
        self.asked: list[str] = []
        self.answers: list[str | None] = []
        self.version = "20040107"
        if kind == "unix":
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.place = f"unix:{folder}/rtpp"
            self.socket.bind(f"{folder}/rtpp")
            self.socket.listen(5)
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.place = f"udp:127.0.0.1:{self.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve_unix if kind == "unix" else self._serve_udp, daemon=True)
        self._thread.start()

    def _answer(self, command: str) -> str | None:
        self.asked.append(command)
        if command == "V":
            return self.version
        return self.answers.pop(0) if self.answers else "35000 127.0.0.9"

    def _serve_unix(self) -> None:
        while True:
            try:
                line = self.socket.accept()[0]
            except OSError:
                return
            with line:
                answer = self._answer(line.recv(4096).decode().rstrip("\n"))
                if answer is not None and self.in_pieces:
                    line.sendall(answer[:2].encode())
                    eventually(lambda: _unread(line) == 0)
                    answer = answer[2:]
                if answer is not None:
                    line.sendall(answer.encode() + b"\n")

    def _serve_udp(self) -> None:
        while True:
            try:
                data, client = self.socket.recvfrom(4096)
            except OSError:
                return
            cookie, _, command = data.decode().partition(" ")
            answer = self._answer(command.rstrip("\n"))
            if answer is not None:
                self.socket.sendto(b"stale 1\n", client)
                self.socket.sendto(f"{cookie} {answer}\n".encode(), client)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR) if self.socket.type == socket.SOCK_STREAM else None
        self.socket.close()


@pytest.fixture(params=["unix", "udp"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeProxy]:
    made = FakeProxy(request.param, tmp_path)
    yield made
    made.close()


def with_proxy(proxy: FakeProxy, route: str = "force_rtp_proxy();", more: str = "") -> Site:
    params = f'modparam("nathelper", "rtpproxy_sock", "{proxy.place}")\n' + more
    return Site(f"{params}route {{ {route} forward(127.0.0.1, 5090); }}", "sl nathelper")


def test_an_invite_is_led_over_the_proxy(proxy: FakeProxy) -> None:
    sent = with_proxy(proxy).answer(invite(SDP)).decode()
    assert sent.endswith(
        "Content-Length: 105\r\n\r\nv=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"
        "m=audio 35000 RTP/AVP 0\r\na=nortpproxy:yes\r\n"
    )
    assert proxy.asked == ["V", "U cid1@h 127.0.0.1 4000 ft1"]


@pytest.mark.parametrize(
    ("flags", "data", "asked"),
    [
        ("", invite(SDP, To="<sip:b@h>;tag=bt"), "U cid1@h 127.0.0.1 4000 ft1 bt"),
        ("r", invite(SDP), "U cid1@h 10.1.2.3 4000 ft1"),
        ("a", invite(SDP), "UA cid1@h 10.1.2.3 4000 ft1"),
        ("ie", invite(SDP), "UIE cid1@h 127.0.0.1 4000 ft1"),
        ("ei", invite(SDP), "UEI cid1@h 127.0.0.1 4000 ft1"),
        ("AE", invite(SDP), "UAE cid1@h 10.1.2.3 4000 ft1"),
        ("l", invite(SDP, To="<sip:b@h>;tag=bt"), "L cid1@h 127.0.0.1 4000 bt ft1"),
        ("f", invite(SDP + "a=nortpproxy:yes\r\n"), "U cid1@h 127.0.0.1 4000 ft1"),
        ("r", invite(SDP.replace("IP4 10.1.2.3", "IP6 ::7")), "U6 cid1@h ::7 4000 ft1"),
        ("r", invite(TWO), "U cid1@h 10.200.2.3 4000 ft1"),
    ],
)
def test_what_the_proxy_is_asked(flags: str, data: bytes, asked: str, tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    with_proxy(proxy, f'force_rtp_proxy("{flags}");').answer(data)
    proxy.close()
    assert proxy.asked == ["V", asked]


@pytest.mark.parametrize(
    ("flags", "data"),
    [
        ("", invite()),
        ("", invite(SDP, "text/plain")),
        ("", request("OPTIONS", body=SDP)),
        ("", invite(SDP + "a=nortpproxy:yes\r\n")),
        ("", invite(SDP.replace("audio", "video"))),
        ("", invite(SDP.replace("audio", "AUDIO"))),
        ("", invite(SDP.replace("4000", "99999"))),
        ("", invite(SDP.replace("c=", "x="))),
        ("", invite(SDP, From="<sip:a@h>")),
        ("", invite(SDP, Call_ID="")),
        ("", invite(SDP, Call_ID="cid1@h 192.0.2.66 666 ft1")),
        ("", invite(SDP, Call_ID="cid1@h\r\n 192.0.2.66")),
        ("", invite(SDP, Call_ID="cid1@h\t192.0.2.66")),
        ("", invite(SDP, From='<sip:a@h>;tag="a b"')),
        ("", invite(SDP, To='<sip:a@h>;tag="a b"')),
        ("l", invite(SDP)),
        ("z", invite(SDP)),
    ],
)
def test_what_cannot_be_led_over_the_proxy(flags: str, data: bytes, tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    server = with_proxy(proxy, f'if (force_rtp_proxy("{flags}")) log(1, "true");')
    server.say(data)
    proxy.close()
    assert proxy.asked == ["V"] and "true" not in server.lines()


@pytest.mark.parametrize(
    ("answer", "address", "seen"),
    [
        ("7000", "", "127.0.0.1"),
        ("7000", "192.0.2.9", "192.0.2.9"),
        ("7000 198.51.100.1", "192.0.2.9", "198.51.100.1"),
        ("7000 2001:db8::1 6", "", "2001:db8::1"),
    ],
)
def test_whose_address_the_sdp_gets(answer: str, address: str, seen: str, tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    proxy.answers.append(answer)
    call = f'force_rtp_proxy("", "{address}");' if address else "force_rtp_proxy();"
    body = with_proxy(proxy, call).answer(invite(SDP)).partition(b"\r\n\r\n")[2].decode()
    proxy.close()
    assert f"\r\nc=IN IP{6 if ':' in seen else 4} {seen}\r\n" in body
    assert "m=audio 7000 RTP/AVP" in body


def test_a_stream_with_several_ports_gets_the_one_of_the_proxy(proxy: FakeProxy) -> None:
    body = with_proxy(proxy).answer(invite(SDP.replace("4000", "4000/2")))
    assert proxy.asked[1] == "U cid1@h 127.0.0.1 4000 ft1" and b"m=audio 35000 RTP/AVP" in body


def test_an_answer_that_comes_in_pieces_counts_when_it_is_whole(tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    server = with_proxy(proxy)
    proxy.in_pieces = True
    proxy.answers.append("35017 192.0.2.1")
    body = server.answer(invite(SDP)).partition(b"\r\n\r\n")[2]
    proxy.close()
    assert b"m=audio 35017 RTP/AVP" in body and b"\r\nc=IN IP4 192.0.2.1\r\n" in body


def test_a_reply_is_looked_up(proxy: FakeProxy) -> None:
    server = with_proxy(proxy)
    ctx = server.context(reply(To="<sip:b@h>;tag=bt", body=SDP, Content_Type="application/sdp"), port=5090)
    module = server.engine.world.modules["nathelper"]
    assert isinstance(module, Nathelper)
    assert module.force_rtp_proxy(ctx)
    assert not module.force_rtp_proxy_flags(ctx, b"l")
    assert proxy.asked == ["V", "L cid1@h 127.0.0.1 4000 ft1 bt"]


NO_PLACES = ["1.2.3.4\0", "1.2.3.4\x85a=x", "<script>", "host.example", "1.2.3", "9" * 4000, "[::1]", "fe80::1%<x>"]


@pytest.mark.parametrize("answer", ["0", "E7", "70000 1.2.3.4", *[f"35000 {ip}" for ip in NO_PLACES]])
def test_an_answer_without_a_port_or_an_address_changes_nothing(answer: str, tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    proxy.answers.append(answer)
    assert with_proxy(proxy).answer(invite(SDP)).endswith(SDP.encode())
    proxy.close()


def test_the_end_of_a_call_is_told(proxy: FakeProxy) -> None:
    with_proxy(proxy, "unforce_rtp_proxy();").answer(request("BYE", To="<sip:b@h>;tag=bt"))
    assert proxy.asked == ["V", "D cid1@h ft1 bt"]


def test_a_lost_datagram_is_sent_again(tmp_path: Path) -> None:
    proxy = FakeProxy("udp", tmp_path)
    proxy.answers += [None, "7000"]
    sent = with_proxy(proxy).answer(invite(SDP))
    proxy.close()
    assert b"m=audio 7000 " in sent
    assert proxy.asked == ["V", *["U cid1@h 127.0.0.1 4000 ft1"] * 2]


def test_a_proxy_that_is_not_there_costs_the_start_a_warning_and_later_nothing(tmp_path: Path) -> None:
    server = Site(
        f'modparam("nathelper", "rtpproxy_sock", "{tmp_path}/nobody")\n'
        "route { force_rtp_proxy(); forward(127.0.0.1, 5090); }",
        "nathelper",
    )
    assert any("not used for 60 s" in line for line in server.lines(1))
    before = len(server.log.records)
    assert server.answer(invite(SDP)).endswith(SDP.encode())
    assert server.lines()[before:] == ["ERROR: force_rtp_proxy: no answer from the RTP proxy"]


def test_a_proxy_of_another_version_is_not_used(tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    proxy.version = "20050322"
    server = with_proxy(proxy)
    server.answer(invite(SDP))
    proxy.close()
    assert proxy.asked == ["V"]
    assert any("of the version 20050322, not 20040107" in line for line in server.lines(1))


def test_after_its_rest_a_proxy_is_tried_again(tmp_path: Path) -> None:
    proxy = FakeProxy("unix", tmp_path)
    proxy.version = "0"
    server = with_proxy(proxy, more='modparam("nathelper", "rtpproxy_disable_tout", 0)\n')
    proxy.version = "20040107"
    assert b"m=audio 35000 " in server.answer(invite(SDP))
    proxy.close()
    assert proxy.asked == ["V", "V", "U cid1@h 127.0.0.1 4000 ft1"]
