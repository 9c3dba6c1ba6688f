"""The SIP messages in a capture: pcap and pcapng as tcpdump, Wireshark and sngrep write them, and text as ngrep and sngrep do."""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_ETHERNET, _NULL, _RAW, _SLL, _SLL2 = 1, (0, 108), (12, 14, 101, 228, 229), 113, 276
_VLAN: Final = (0x8100, 0x88A8)
_IP_TYPES: Final = (0x0800, 0x86DD)
_UDP, _TCP = 17, 6
_EXTENSIONS: Final = (0, 43, 60)
_FIRST_LINE: Final = re.compile(rb"(?:[A-Z]+ \S+ SIP/2\.0|SIP/2\.0 [1-6][0-9][0-9] ?[^\r\n]*)\r?\n")
_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]+)", re.IGNORECASE)
_HOST: Final = r"(\[[0-9A-Fa-f:]+\]|[0-9]+(?:\.[0-9]+){3})"
_ARROW: Final = re.compile(
    rf"(?:(?P<time>[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?).*?)?{_HOST}[:.]([0-9]+)\s+-+>\s+{_HOST}[:.]([0-9]+)"
)


class BadCapture(Exception):
    """`str()` is what is wrong with the file."""


@dataclass(frozen=True)
class Packet:
    """A SIP message on the wire; a place is host and port."""

    at_ms: int
    proto: str
    source: tuple[str, int]
    destination: tuple[str, int]
    data: bytes


def read_capture(data: bytes) -> list[Packet]:
    """All SIP messages, in their order. Raises BadCapture."""
    magic = data[:4]
    if magic in (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1"):
        frames = _pcap(data)
    elif magic == b"\x0a\x0d\x0d\x0a":
        frames = _pcapng(data)
    else:
        return list(_text(data.decode("utf-8", "replace")))
    reader = _Reader()
    return [packet for at_ms, link, frame in frames for packet in reader.frame(at_ms, link, frame)]


# --- files -----------------------------------------------------------------------------------------------------------

_Frames = Iterator[tuple[int, int, bytes]]


def _pcap(data: bytes) -> _Frames:
    order = ">" if data[:1] == b"\xa1" else "<"
    fraction = 1_000_000 if b"\x3c\x4d" in data[:4] or b"\x4d\x3c" in data[:4] else 1000
    if len(data) < 24:
        raise BadCapture("the file ends in its head")
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, part, kept, _ = struct.unpack_from(f"{order}4I", data, at)
        yield seconds * 1000 + part // fraction, link, data[at + 16 : at + 16 + kept]
        at += 16 + kept


def _pcapng(data: bytes) -> _Frames:
    at, order = 0, "<"
    links: list[tuple[int, int]] = []
    while at + 12 <= len(data):
        kind = struct.unpack_from(f"{order}I", data, at)[0]
        if kind == 0x0A0D0D0A:
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        length = struct.unpack_from(f"{order}I", data, at + 4)[0]
        if length < 12 or length % 4:
            raise BadCapture(f"the block at byte {at} has an impossible length")
        body = data[at + 8 : at + length - 4]
        if kind == 1:
            links.append((struct.unpack_from(f"{order}H", body)[0], _resolution(body[8:], order)))
        elif kind == 6 and len(body) >= 20:
            number, high, low, kept, _ = struct.unpack_from(f"{order}5I", body)
            if number >= len(links):
                raise BadCapture(f"the block at byte {at} is of an interface that there is not")
            link, per_second = links[number]
            yield ((high << 32) + low) * 1000 // per_second, link, body[20 : 20 + kept]
        at += length


def _resolution(options: bytes, order: str) -> int:
    """Units of time in a second."""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(f"{order}2H", options, at)
        if code == 9 and length == 1:
            value = options[at + 4]
            return int(2 ** (value & 0x7F)) if value & 0x80 else int(10**value)
        if code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return 1_000_000


# --- packets ---------------------------------------------------------------------------------------------------------


@dataclass
class _Stream:
    """One direction of a TCP connection: the next byte, what came too early, what is no whole message yet."""

    next: int
    early: dict[int, bytes] = field(default_factory=dict)
    rest: bytes = b""


class _Reader:
    def __init__(self) -> None:
        self._streams: Final[dict[tuple[str, int, str, int], _Stream]] = {}
        self._fragments: Final[dict[bytes, dict[int, bytes]]] = {}

    def frame(self, at_ms: int, link: int, frame: bytes) -> Iterator[Packet]:
        packet = _ip_of(link, frame)
        if packet[:1] and packet[0] >> 4 == 4 and len(packet) >= 20:
            yield from self._ipv4(at_ms, packet)
        elif packet[:1] and packet[0] >> 4 == 6 and len(packet) >= 40:
            kind, at = packet[6], 40
            while kind in _EXTENSIONS and at + 2 <= len(packet):
                kind, at = packet[at], at + 8 + packet[at + 1] * 8
            hosts = str(ipaddress.ip_address(packet[8:24])), str(ipaddress.ip_address(packet[24:40]))
            yield from self._transport(at_ms, kind, *hosts, packet[at : 40 + int.from_bytes(packet[4:6], "big")])

    def _ipv4(self, at_ms: int, packet: bytes) -> Iterator[Packet]:
        head, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        body = packet[head : total or len(packet)]
        flags = int.from_bytes(packet[6:8], "big")
        offset, more = (flags & 0x1FFF) * 8, flags & 0x2000
        if offset or more:
            parts = self._fragments.setdefault(packet[4:6] + packet[9:10] + packet[12:20], {})
            parts[offset] = body
            if more:
                return
            body = b"".join(parts[at] for at in sorted(parts))
            if len(body) != offset + len(parts[offset]):
                return  # a part is missing
            parts.clear()
        hosts = str(ipaddress.ip_address(packet[12:16])), str(ipaddress.ip_address(packet[16:20]))
        yield from self._transport(at_ms, packet[9], *hosts, body)

    def _transport(self, at_ms: int, kind: int, source: str, destination: str, body: bytes) -> Iterator[Packet]:
        if len(body) < 8:
            return
        ports = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        ends = (source, ports[0]), (destination, ports[1])
        if kind == _UDP:
            if _FIRST_LINE.match(body, 8):
                yield Packet(at_ms, "udp", *ends, body[8 : int.from_bytes(body[4:6], "big") or len(body)])
        elif kind == _TCP and len(body) >= 20:
            payload = body[(body[12] >> 4) * 4 :]
            sequence = int.from_bytes(body[4:8], "big") + (body[13] & 2 > 0)
            for message in self._stream((*ends[0], *ends[1]), sequence, payload):
                yield Packet(at_ms, "tcp", *ends, message)

    def _stream(self, key: tuple[str, int, str, int], sequence: int, payload: bytes) -> Iterator[bytes]:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream(sequence)
        if payload:
            stream.early[sequence] = payload
        while stream.next in stream.early:
            part = stream.early.pop(stream.next)
            stream.next = (stream.next + len(part)) & 0xFFFFFFFF
            stream.rest += part
        while (end := _whole(stream.rest)) > 0:
            message, stream.rest = stream.rest[:end], stream.rest[end:].lstrip(b"\r\n")
            yield message
        if stream.rest and not _FIRST_LINE.match(stream.rest) and b"\r\n" in stream.rest:
            stream.rest = b""  # the middle of a message that began before the capture


def _whole(data: bytes) -> int:
    """Where the first message ends; 0 if it is not whole."""
    if _FIRST_LINE.match(data) is None:
        return 0
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return 0
    length = _LENGTH.search(data, 0, head + 2)
    end = head + 4 + (int(length[1]) if length is not None else 0)
    return end if end <= len(data) else 0


def _ip_of(link: int, frame: bytes) -> bytes:
    """The IP packet in a frame; b"" if there is none."""
    if link in _RAW:
        return frame
    if link in _NULL:
        return frame[4:]
    at = {_ETHERNET: 12, _SLL: 14, _SLL2: 0}.get(link, -1)
    if at < 0:
        raise BadCapture(
            f"packets of the link type {link} cannot be read: capture with tcpdump -i any, or on an Ethernet interface"
        )
    kind = int.from_bytes(frame[at : at + 2], "big")
    while kind in _VLAN:
        at += 4
        kind = int.from_bytes(frame[at : at + 2], "big")
    body = at + 2 if link != _SLL2 else 20
    return frame[body:] if kind in _IP_TYPES else b""


# --- text ------------------------------------------------------------------------------------------------------------


def _text(text: str) -> Iterator[Packet]:
    """Messages, each behind a line with its time and `10.0.0.7:5060 -> 10.0.0.1:5060`."""
    found = 0
    heads = [(m, m.start()) for m in _ARROW.finditer(text)]
    for i, (head, _) in enumerate(heads):
        begin = text.find("\n", head.end()) + 1
        end = text.rfind("\n", 0, heads[i + 1][1]) + 1 if i + 1 < len(heads) else len(text)
        lines = text[begin:end].replace("\r", "").strip("\n").split("\n") if begin else []
        message = _message(lines)
        if not message:
            continue
        found += 1
        line = text[text.rfind("\n", 0, head.start()) + 1 : begin]
        proto = "tcp" if re.search(r"\bTCP\b|^T ", line, re.IGNORECASE) else "udp"
        source, destination = (head[2].strip("[]"), int(head[3])), (head[4].strip("[]"), int(head[5]))
        yield Packet(_time(head["time"], found), proto, source, destination, message)
    if not found:
        raise BadCapture(
            "there are no SIP messages in it: it is no pcap, and has no lines with 10.0.0.7:5060 -> 10.0.0.1:5060"
        )


def _message(lines: list[str]) -> bytes:
    while lines and not lines[0].strip():
        lines = lines[1:]
    if lines and lines[0].endswith("."):  # ngrep shows the CR as a dot
        lines = [line[:-1] if line.endswith(".") else line for line in lines]
    text = "\r\n".join(line.strip() if not line.strip() else line for line in lines)
    data = text.encode("utf-8")
    if _FIRST_LINE.match(data + b"\r\n") is None:
        return b""
    head, blank, body = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + (body.rstrip() + b"\r\n" if blank and body.strip() else b"")


def _time(text: str | None, number: int) -> int:
    if not text:
        return number
    pattern = "%H:%M:%S.%f" if "." in text else "%H:%M:%S"
    try:
        moment = datetime.strptime(text[:15], pattern)
    except ValueError:
        # Digits that are no time.
        return number
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 + moment.microsecond // 1000
