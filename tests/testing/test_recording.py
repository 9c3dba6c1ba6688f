"""serc test --record: cases out of a capture hold for the ser.cfg that it was taken at, and have nobody's name in them."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from serc.commands import serc
from serc.reading.source import Source
from serc.testing.capture.packets import BadCapture, Packet, read_capture
from serc.testing.capture.recording import CannotRecord, record, server_in
from serc.testing.capture.scrub import Scrubber
from serc.testing.config import Config
from serc.testing.language.parsing import parse_tests
from serc.testing.scene import Clock, Rows, Scene

CFG = """\
listen=udp:10.0.0.1:5060
alias="sip.acme.org"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "mysql.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); break; }
  record_route();
  if (loose_route()) { t_relay(); break; }
  if (method == "REGISTER") { save("location"); break; }
  if (uri =~ "^sip:0") { sl_send_reply("403", "No Calls Abroad"); break; }
  if (method == "INVITE") {
    if (!proxy_authorize("sip.acme.org", "subscriber")) { proxy_challenge("sip.acme.org", "0"); break; }
    consume_credentials();
  }
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); break; }
  t_relay();
}
"""
SDP = (
    "v=0\r\no=tom 1 1 IN IP4 203.0.113.7\r\ns=Tom\r\ni=tom at home\r\nc=IN IP4 203.0.113.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n"
)
SERVER = ("10.0.0.1", 5060)


def traffic() -> list[Packet]:
    """A registration, a call with a password that is answered and hung up, one that is cancelled, and one that is refused."""
    found: list[Packet] = []
    scene = Scene(Config(Source("ser.cfg", CFG)))
    Rows(scene).add("subscriber", username="tom", domain="sip.acme.org", password="hunter2")
    proxy = scene.stage.proxy
    done = 0

    def came(data: bytes, way: str) -> None:
        if data:
            proto, host, port = way.split(":")
            found.append(Packet(proxy.elapsed_ms, proto, (host, int(port)), SERVER, data))

    def went() -> None:
        nonlocal done
        for sent in proxy.sent[done:]:
            found.append(Packet(proxy.elapsed_ms, "udp", SERVER, (sent.host, sent.port), sent.data))
        done = len(proxy.sent)

    proxy.before, proxy.after = came, went
    tom = scene.phone("tom", at="203.0.113.7", password="hunter2", uri="sip:tom@sip.acme.org")
    sue = scene.phone("sue", at="10.4.4.9", uri="sip:sue@sip.acme.org")
    sue.send("REGISTER", Expires="600")
    tom.send("INVITE", sue, body=SDP, Subject="my private matter", P_Charge="tom@acme.org")
    tom.authenticate()
    sue.answer(180)
    Clock(scene).forward(4)
    sue.answer(200, body=SDP)
    tom.send("ACK")
    tom.send("BYE")
    sue.answer(200)
    tom.send("INVITE", sue)
    tom.authenticate()
    sue.answer(180)
    tom.send("CANCEL")
    tom.send("INVITE", "sip:0049891234567@sip.acme.org")
    scene.close()
    return found


def pcap(packets: list[Packet], link: int = 1) -> bytes:
    """As tcpdump writes it."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for packet in packets:
        udp = struct.pack(">4H", packet.source[1], packet.destination[1], 8 + len(packet.data), 0) + packet.data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
        ip += socket.inet_aton(packet.source[0]) + socket.inet_aton(packet.destination[0])
        frame = {1: b"\0" * 12 + b"\x08\0", 113: b"\0" * 14 + b"\x08\0", 101: b""}[link] + ip + udp
        out += struct.pack("<4I", packet.at_ms // 1000, packet.at_ms % 1000 * 1000, len(frame), len(frame)) + frame
    return out


def pcapng(packets: list[Packet]) -> bytes:
    """As Wireshark writes it."""

    def block(kind: int, body: bytes) -> bytes:
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<2I", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 65535))
    plain = pcap(packets)
    at = 24
    while at < len(plain):
        seconds, micro, kept, _ = struct.unpack_from("<4I", plain, at)
        units = seconds * 1_000_000 + micro
        frame = plain[at + 16 : at + 16 + kept]
        out += block(6, struct.pack("<5I", 0, units >> 32, units & 0xFFFFFFFF, kept, kept) + frame)
        at += 16 + kept
    return out


def ngrep(packets: list[Packet]) -> bytes:
    """As `ngrep -W byline -t` writes it."""
    out = "interface: any\nfilter: port 5060\n"
    for p in packets:
        when = f"2026/01/02 12:{p.at_ms // 60000:02}:{p.at_ms % 60000 / 1000:09.6f}"
        text = p.data.decode().replace("\r\n", ".\n")
        out += f"\nU {when} {p.source[0]}:{p.source[1]} -> {p.destination[0]}:{p.destination[1]} #1\n{text}\n"
    return out.encode()


def sngrep(packets: list[Packet]) -> bytes:
    """As sngrep saves a text."""
    out = ""
    for p in packets:
        when = f"2026-01-02 12:{p.at_ms // 60000:02}:{p.at_ms % 60000 / 1000:09.6f}"
        out += f"{when} {p.source[0]}:{p.source[1]} -> {p.destination[0]}:{p.destination[1]}\n{p.data.decode()}\n\n"
    return out.encode()


FORMATS: dict[str, Callable[[list[Packet]], bytes]] = {
    "pcap": pcap,
    "linux cooked": lambda packets: pcap(packets, 113),
    "raw": lambda packets: pcap(packets, 101),
    "pcapng": pcapng,
    "ngrep": ngrep,
    "sngrep": sngrep,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ser.cfg").write_text(CFG)
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_recorded_holds_and_names_nobody(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / "call.cap").write_bytes(FORMATS[name](traffic()))
    assert serc.main(["test", "--record", "call.cap", "-o", "ser.sertest"]) == 0, capsys.readouterr().err
    assert capsys.readouterr().err.splitlines()[-1] == "recorded 4 tests: all 4 hold"
    text = (folder / "ser.sertest").read_text()
    secrets = r"\btom\b|\bsue\b|203\.0\.113|10\.4\.4|1234567|private|hunter2|c2VjcmV0|response=|nonce|P-Charge.*tom"
    assert re.findall(secrets, text, re.IGNORECASE) == []
    assert "sip.acme.org" in text  # ser.cfg has it
    assert serc.main(["test", "-q"]) == 0


def test_a_recorded_case_reads_like_one_that_somebody_wrote(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "call.cap").write_bytes(pcap(traffic()))
    assert serc.main(["test", "--record", "call.cap", "-o", "ser.sertest"]) == 0
    case = (folder / "ser.sertest").read_text().split("\n\n")[1].splitlines()
    steps = [line.strip() for line in case if line.strip().split()[0] in ("when", "then", "after")]
    assert steps == [
        "when INVITE from bob to sip:alice@sip.acme.org",
        "then 407 to bob",
        "when bob authenticates",
        "then INVITE to alice",
        "when alice answers 180",
        "then 180 to bob",
        "after 4 s",
        "when alice answers 200",
        "then 200 to bob",
        "when bob sends ACK",
        "then ACK to alice",
        "when bob sends BYE",
        "then BYE to alice",
        "when alice answers 200 to BYE",
        "then 200 to bob",
    ]


def test_another_ser_cfg_is_told_where_it_does_something_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "call.cap").write_bytes(pcap(traffic()))
    (folder / "ser.cfg").write_text(CFG.replace("No Calls Abroad", "x").replace('"403"', '"603"'))
    assert serc.main(["test", "--record", "call.cap", "-o", "ser.sertest"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert "403 to bob is expected, and not sent" in said[0] and said[0].startswith("ser.sertest:")
    assert said[-1].startswith("recorded 4 tests: 1 of 4 do not hold")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "there are no SIP messages in it"),
        (b"hello\n", "there are no SIP messages in it"),
        (pcap([]), "there are no SIP messages in it"),
        (pcap([])[:20], "the file ends in its head"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 147) + struct.pack("<4I", 0, 0, 4, 4) + b"abcd", "link type 147"),
        (b"\x0a\x0d\x0d\x0a\x03\0\0\0\x4d\x3c\x2b\x1a", "has an impossible length"),
    ],
)  # fmt: skip
def test_what_is_no_capture_is_told(folder: Path, capsys: pytest.CaptureFixture[str], data: bytes, why: str) -> None:
    (folder / "x").write_bytes(data)
    assert serc.main(["test", "--record", "x"]) == 1
    assert why in capsys.readouterr().err


def test_a_capture_may_end_anywhere() -> None:
    whole = pcap(traffic())
    for end in range(24, len(whole), 997):
        read_capture(whole[:end])
    for end in range(12, len(whole), 1499):
        try:
            read_capture(pcapng(traffic())[:end])
        except BadCapture:
            continue


def test_what_the_server_says_before_anybody_has_said_anything_begins_no_case() -> None:
    packets = traffic()
    first = next(place for place, packet in enumerate(packets) if packet.source == SERVER)
    tests = record(packets[first:], SERVER, "", "")
    _, report = parse_tests(Source("x.sertest", tests.encode("utf-8").decode("latin-1")))
    assert not report.has_errors and "when " in tests
    with pytest.raises(CannotRecord, match="nothing comes to"):
        record(packets[first : first + 1], SERVER, "", "")


def test_a_time_that_is_none_is_passed_over() -> None:
    text = "U 2026/01/01 %s 10.0.0.2:5060 -> 10.0.0.1:5060\nOPTIONS sip:x SIP/2.0\nCall-ID: 1\n\n"
    times = ("10:00:00.500", "26:00:00.000", "99:99:99")
    found = [read_capture((text % time).encode())[0].at_ms for time in times]
    assert found[0] == 36_000_500 and found[1:] == [1, 1]


def test_an_address_that_is_none_makes_a_test_that_can_be_read() -> None:
    packets = [
        Packet(p.at_ms, p.proto, p.source, p.destination, p.data.replace(b"From:", b"From: <sip:b\xff\xff<\x85;:"))
        for p in traffic()
    ]
    _, report = parse_tests(Source("x.sertest", record(packets, SERVER, "", "").encode("utf-8").decode("latin-1")))
    assert not report.has_errors


def test_tcp_is_put_together() -> None:
    message = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"
    stream = message + message

    def segment(at: int, data: bytes) -> bytes:
        tcp = struct.pack(">HHIIBBHHH", 5061, 5060, 1000 + at, 0, 0x50, 0x18, 100, 0, 0) + data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + socket.inet_aton("10.0.0.2") * 2
        return struct.pack("<4I", 0, 0, len(ip + tcp), len(ip + tcp)) + ip + tcp

    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    parts = [segment(0, stream[:10]), segment(60, stream[60:]), segment(10, stream[10:60]), segment(10, stream[10:60])]
    assert [p.data for p in read_capture(head + b"".join(parts))] == [message, message]


def test_the_server_is_who_talks_with_the_most_others() -> None:
    assert server_in(traffic()) == SERVER


def test_of_two_the_server_is_who_is_called() -> None:
    caller, server = ("10.0.0.7", 5060), ("10.0.0.1", 5060)
    head = b"Call-ID: a@x\r\nCSeq: 1 OPTIONS\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n\r\n"
    request, reply = b"OPTIONS sip:b@x SIP/2.0\r\n" + head, b"SIP/2.0 200 OK\r\n" + head
    packets = [Packet(0, "udp", caller, server, request), Packet(10, "udp", server, caller, reply)]
    assert server_in(packets) == server
    text = record(packets, server, "", "")
    assert "when OPTIONS from" in text and "then 200" in text
    # A capture that begins amid a call, or by what the server does by itself: that is left out.
    assert record([packets[1], *packets], server, "", "") == text
    with pytest.raises(CannotRecord, match="nothing comes to 10.0.0.1:5060 in it: --server names the server"):
        record(packets[1:], server, "", "")


def test_what_ser_cfg_names_stays_and_networks_are_kept() -> None:
    scrub = Scrubber('if (src_ip == 10.4.0.0/16) { rewritehost("gw.acme.org"); }')
    assert scrub.host("gw.acme.org") == "gw.acme.org"
    assert scrub.host("10.4.7.7").startswith("10.4.0.") and scrub.host("203.0.113.9").startswith("192.0.2.")
    assert scrub.host("10.4.7.7") == scrub.host("10.4.7.7")
    number = scrub.user("0049891234567")
    assert number.startswith("0049") and len(number) == 13 and number != "0049891234567"
    assert (scrub.user("112"), scrub.user("tom"), scrub.user("tom")) == ("112", "alice", "alice")


def test_a_name_that_stands_for_another_is_none_of_those_that_are_there() -> None:
    scrub = Scrubber(
        "", "INVITE sip:bob@acme.org\r\nFrom: Alice <sip:alice@acme.org>\r\nContact: <sip:alice-0x1@10.0.0.2>\r\n"
    )
    names = [scrub.user(name) for name in ("alice", "alice-0x1", "bob")]
    assert len(set(names)) == 3 and not {"alice", "bob"} & set(names)


@pytest.mark.parametrize("name", ["Joe Doe ", '"Doe, Joe" ', ""])
def test_a_name_for_people_is_not_the_address_and_is_not_kept(tmp_path: Path, name: str) -> None:
    request = (
        f"OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.7\r\nFrom: {name}<sip:tom@acme.org>;tag=1\r\nTo: <sip:10.0.0.1>\r\n"
        f"Call-ID: a\r\nCSeq: 1 OPTIONS\r\nP-Asserted-Identity: {name}<sip:tom@acme.org>\r\nMax-Forwards: 70\r\n\r\n"
    )
    packet = Packet(0, "udp", ("10.0.0.7", 5060), SERVER, request.encode())
    text = record([packet], SERVER, "", "")
    assert "  user alice at 192.0.2.2 uri sip:alice@host" in text and "OPTIONS from alice" in text
    assert "Joe" not in text and "Doe" not in text


@pytest.mark.parametrize(("modules", "has"), [("", False), ('loadmodule "usrloc.so"\n', True)])
def test_where_nobody_registers_another_target_is_no_contact(modules: str, has: bool) -> None:
    request = (
        "OPTIONS sip:bob@acme.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.7\r\nFrom: <sip:tom@acme.org>;tag=1\r\nTo: <sip:bob@acme.org>\r\n"
        "Call-ID: a\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
    )
    asked = Packet(0, "udp", ("10.0.0.7", 5060), SERVER, request.encode())
    sent = request.replace("sip:bob@acme.org SIP", "sip:bob@10.0.0.9 SIP").encode()
    text = record([asked, Packet(1, "udp", SERVER, ("10.0.0.9", 5060), sent)], SERVER, f"{modules}route {{ }}", "")
    assert ("given contact" in text) == has
