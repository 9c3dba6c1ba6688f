"""mediaproxy at work, with a proxy of the test's own. Reference modules-main, chapter 21."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from script import request
from tables import URL, Tables, TableSite

from runtime.modules.tm import Tm
from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")

SDP = "v=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
TWO = SDP + "c=IN IP4 10.9.9.9\r\nm=video 5000 RTP/AVP 31\r\n"
NO_PINGS = 'modparam("mediaproxy", "natping_interval", 0)\n'
MEDIA = 'if (use_media_proxy()) log(1, "led"); forward(127.0.0.1, 5090);'


class FakeProxy:
    """A MediaProxy: it notes the lines that it gets, answers each in two pieces and closes the connection."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "proxy")
        self.answer = "1.2.3.4 35000 35002"
        self.asked: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line = self.socket.accept()[0]
            except OSError:
                return
            with line:
                self.asked.append(line.recv(4096).decode())
                half = len(self.answer) // 2
                line.sendall(self.answer[:half].encode())
                line.sendall(self.answer[half:].encode() + b"\n" if self.answer else b"")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[FakeProxy]:
    made = FakeProxy(tmp_path)
    yield made
    made.socket.close()


def site(
    route: str, proxy: FakeProxy | None = None, params: str = NO_PINGS, folder: str = "", more: str = ""
) -> TableSite:
    path = proxy.path if proxy else "/nowhere/proxy"
    cfg = f"""modparam("domain", "db_url", "{URL}") modparam("mediaproxy", "mediaproxy_socket", "{path}") {params}
        route {{ {route} }}"""
    tables = Tables(domain=[{"domain": b"example.com"}])
    return TableSite(tables, cfg, f"{more} textops domain mediaproxy", folder=folder)


def invite(body: str = SDP, method: str = "INVITE", uri: str = "sip:bob@example.com", **headers: str) -> bytes:
    return request(method, uri, body, Content_Type="application/sdp" if body else "", **headers)


# --- NATs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "data", "holds"),
    [
        (1, invite(Contact="<sip:a@10.0.0.1>"), True),
        (1, invite(Contact="<sip:a@1.2.3.4>"), False),
        (2, invite(Via="SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bKx"), True),
        (2, invite(), False),
        (4, invite(Via="SIP/2.0/UDP 192.168.0.1:5080;branch=z9hG4bKx"), True),
        (4, invite(Via="SIP/2.0/UDP 1.2.3.4:5080;branch=z9hG4bKx"), False),
        (3, invite(Contact="<sip:a@10.0.0.1>"), True),
    ],
)
def test_signs_of_a_nat(mask: int, data: bytes, holds: bool) -> None:
    server = site(f'if (client_nat_test("{mask}")) log(1, "nat"); drop;')
    server.say(data)
    assert ("nat" in server.lines()) is holds


@pytest.mark.parametrize(
    ("agent", "before", "after"),
    [
        ("phone", "<sip:a@10.0.0.1:9;x=y>;q=1", "<sip:a@127.0.0.1:5080;x=y>;q=1"),
        ("phone", "<sip:a@10.0.0.1>", "<sip:a@127.0.0.1:5080>"),
        ("phone", "<sip:a@127.0.0.1:7>", "<sip:a@127.0.0.1:7>"),
        ("Odd Phone/2", "<sip:a@10.0.0.1:9>", "<sip:a@127.0.0.1:9>"),
        ("Odd Phone/2", "<sip:a@10.0.0.1>", "<sip:a@127.0.0.1>"),
        ("phone", "<sip:a@10.0.0.1>, <sip:b@10.0.0.2>", "<sip:a@127.0.0.1:5080>, <sip:b@10.0.0.2>"),
    ],
)
def test_the_contact_gets_the_source_address(tmp_path: Path, agent: str, before: str, after: str) -> None:
    (tmp_path / "odd").write_text("# those that listen elsewhere\n\n^odd phone\n(\n")
    params = NO_PINGS + 'modparam("mediaproxy", "sip_asymmetrics", "odd")\n'
    server = site('if (fix_contact()) log(1, "fixed"); forward(127.0.0.1, 5090);', None, params, str(tmp_path))
    sent = server.answer(invite(Contact=before, User_Agent=agent)).decode()
    assert f"\r\nContact: {after}\r\n" in sent
    assert "fixed" in server.lines()


@pytest.mark.parametrize("contact", ["", "*", "<tel:+1>", "<sip:a@10.0.0.1"])
def test_what_is_no_contact_is_not_fixed(contact: str) -> None:
    server = site('if (!fix_contact()) log(1, "not fixed"); drop;')
    server.say(invite(Contact=contact))
    assert "not fixed" in server.lines()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "odd"
    params = NO_PINGS + 'modparam("mediaproxy", "sip_asymmetrics", "odd")\n'
    server = site("fix_contact(); forward(127.0.0.1, 5090);", None, params, str(tmp_path))
    data = invite(Contact="<sip:a@10.0.0.1:9>", User_Agent="Odd")
    assert b"<sip:a@127.0.0.1:5080>" in server.answer(data)
    file.write_text("odd\n")
    os.utime(file, ns=(1, 1))
    assert b"<sip:a@127.0.0.1:5080>" in server.answer(data)
    server.now_ms += 5000
    assert b"<sip:a@127.0.0.1:9>" in server.answer(data)


# --- media -----------------------------------------------------------------------------------------------------------

INFO = "info=from:alice@example.com,to:bob@example.com,fromtag:ft1,totag:"


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (
            invite(),
            f"request cid1@h 10.1.2.3:4000:audio 127.0.0.1 example.com local example.com local unknown-agent {INFO}\n",
        ),
        (
            invite(TWO, User_Agent="A phone=1", uri="sip:bob@else.org"),
            "request cid1@h 10.9.9.9:4000:audio,10.1.2.3:5000:video 127.0.0.1 example.com local else.org remote "
            f"A=20phone=3D1 {INFO}\n",
        ),
        (
            invite(method="ACK", To="<sip:bob@example.com:5062;x=y>;tag=bt"),
            "request cid1@h 10.1.2.3:4000:audio 127.0.0.1 example.com local example.com local unknown-agent "
            "info=from:alice@example.com,to:bob@example.com:5062,fromtag:ft1,totag:bt\n",
        ),
    ],
)
def test_what_the_proxy_is_asked(proxy: FakeProxy, data: bytes, asked: str) -> None:
    server = site(MEDIA, proxy)
    server.say(data)
    assert proxy.asked == [asked]
    assert "led" in server.lines()


def test_a_reply_looks_the_session_up(proxy: FakeProxy) -> None:
    route = 't_on_reply("1"); t_relay(); } onreply_route[1] { use_media_proxy();'
    server = site(route, proxy, more="tm")
    tm = server.engine.world.modules["tm"]
    assert isinstance(tm, Tm)
    tm.begin(server.engine.world, server.now_ms)
    sent = server.say(invite("", uri="sip:bob@127.0.0.1:5090"))[-1].data
    head = sent.partition(b"\r\n")[2].partition(b"Content-Length")[0]
    head = head.replace(b"To: <sip:bob@example.com>", b"To: <sip:bob@example.com>;tag=bt")
    answer = b"SIP/2.0 200 OK\r\n" + head + b"Server: X\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP.encode()
    (relayed,) = server.say(answer, port=5090)
    assert b"m=audio 35000 " in relayed.data
    asked = "lookup cid1@h 10.1.2.3:4000:audio 127.0.0.1 example.com local example.com unknown X"
    assert proxy.asked == [f"{asked} {INFO}bt\n"]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (SDP, "c=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 35000 RTP/AVP 0\r\n"),
        (
            TWO,
            "c=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 35000 RTP/AVP 0\r\nc=IN IP4 1.2.3.4\r\nm=video 35002 RTP/AVP 31\r\n",
        ),
        (SDP.replace("4000", "0"), "c=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"),
        (
            SDP.replace("c=IN IP4 10.1.2.3", "c=IN IP4 0.0.0.0"),
            "c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 35000 RTP/AVP 0\r\n",
        ),
        (SDP.replace("IP4 10.1.2.3\r\nt", "IP6 ::7\r\nt"), "c=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 35000 RTP/AVP 0\r\n"),
    ],
)
def test_streams_are_led_to_the_answer(proxy: FakeProxy, body: str, wanted: str) -> None:
    sent = site(MEDIA, proxy).answer(invite(body)).decode()
    assert sent.endswith("s=-\r\n" + wanted)
    head, _, led = sent.partition("\r\n\r\n")
    assert f"\r\nContent-Length: {len(led)}" in head


@pytest.mark.parametrize("data", [invite("v=0\r\ns=-\r\n"), invite("", "ACK")])
def test_where_there_are_no_media_nobody_is_asked(proxy: FakeProxy, data: bytes) -> None:
    server = site(MEDIA, proxy)
    server.say(data)
    assert proxy.asked == [] and "led" in server.lines()


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (invite(method="MESSAGE"), "1.2.3.4 35000"),
        (invite(""), "1.2.3.4 35000"),
        (request("INVITE", body=SDP, Content_Type="text/plain"), "1.2.3.4 35000"),
        (invite(SDP.replace("c=IN IP4 10.1.2.3\r\n", "")), "1.2.3.4 35000"),
        (invite(From="<sip:a"), "1.2.3.4 35000"),
        (invite(Call_ID="a b"), "1.2.3.4 35000"),
        (invite(SDP + "m=video 1 RTP/AVP 31\r\n" * 64), "1.2.3.4 35000"),
        (invite(TWO), "1.2.3.4 35000"),
        (invite(), ""),
        (invite(), "1.2.3.4"),
        (invite(), "1.2.3.4 many"),
        (invite(), "1.2.3.4 99999"),
        (invite(), "1.2.3.4\0 35000"),
        (invite(), "host<x> 35000"),
    ],
)
def test_what_cannot_be_led_stays_as_it_is(proxy: FakeProxy, data: bytes, answer: str) -> None:
    proxy.answer = answer
    server = site(MEDIA, proxy)
    body = data.partition(b"\r\n\r\n")[2]
    sends = server.say(data)
    assert all(send.data.endswith(body) for send in sends) and "led" not in server.lines()


def test_a_proxy_that_is_not_there_is_no_proxy() -> None:
    server = site(MEDIA + 'if (!end_media_session()) log(1, "not told");')
    server.say(invite())
    assert "led" not in server.lines() and "not told" in server.lines()


def test_the_end_of_a_call_is_told(proxy: FakeProxy) -> None:
    server = site('if (end_media_session()) log(1, "ended"); drop;', proxy)
    server.say(invite("", "BYE"))
    assert proxy.asked == ["delete cid1@h info=\n"] and "ended" in server.lines()


def test_a_call_id_of_two_words_ends_no_other_call(proxy: FakeProxy) -> None:
    server = site('if (!end_media_session()) log(1, "not told"); drop;', proxy)
    server.say(invite("", "BYE", Call_ID="cid2@h info="))
    assert proxy.asked == [] and "not told" in server.lines()


def test_asymmetric_media_are_said_to_be_so(proxy: FakeProxy, tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("odd")
    params = NO_PINGS + 'modparam("mediaproxy", "rtp_asymmetrics", "odd")\n'
    server = site(MEDIA, proxy, params, str(tmp_path))
    server.say(invite(User_Agent="Odd"))
    assert proxy.asked[0].endswith(f"Odd {INFO},asymmetric\n")


def test_pings_want_usrloc() -> None:
    with pytest.raises(ProgramError, match="pings the contacts of usrloc"):
        site("drop;", None, "")
