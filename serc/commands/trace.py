"""`serc trace ser.cfg message.sip …`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import Final

from runtime.sip.address import Address
from runtime.sip.message import parse
from runtime.sip.scan import BadMessage
from runtime.sip.transport import ListenSocket
from runtime.spec.watching import LEVEL, LEVEL_MAX, LEVEL_MIN
from serc.commands.files import CannotRead, complain, read_source
from serc.commands.numbers import decimal_number, whole_number
from serc.diagnostics.printable import json_text, printable
from serc.diagnostics.render import render_text
from serc.testing.config import BrokenConfig, Config
from serc.testing.proxy import CannotStart, Surroundings
from serc.testing.rendering import render
from serc.testing.trace import Tracer

# Where a message is from whose Via does not tell, a place that nobody has (RFC 5737).
NOWHERE: Final = "192.0.2.1"
_PLACE: Final = re.compile(r"(?:(udp|tcp):)?(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::([0-9]+))?")
_PORTS: Final = range(1, 65536)
# A day: registrations and calls end within it.
_AFTER_MAX_S: Final = 86_400

_EPILOG: Final = """\
exit status: 0 traced; 1 ser.cfg has errors, a file cannot be read or is no message; 2 bad command line

examples:
  serc trace ser.cfg invite.sip
  serc trace ser.cfg invite.sip --from 10.0.0.7 --dns gw.example.com=10.1.1.1 --after 30
  serc trace ser.cfg register.sip invite.sip --json | jq '.[].steps[].line'
"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc trace",
        description="Show what ser.cfg does with a message: each statement that runs, what it changes and what is sent. Nothing leaves "
        "this machine: there are no sockets, no programs are run, and all databases are empty tables.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("config", metavar="ser.cfg", help="the script")
    p.add_argument(
        "messages", metavar="message.sip", nargs="+", help='SIP messages, in their order; "-" is standard input'
    )
    p.add_argument(
        "--from",
        dest="source",
        metavar="[PROTO:]HOST[:PORT]",
        help="who sends them; default: what the topmost Via says",
    )
    p.add_argument(
        "--after",
        metavar="SECONDS",
        type=decimal_number(0, _AFTER_MAX_S),
        default=0.0,
        help="go on for so long after the last one",
    )
    p.add_argument("--dns", metavar="NAME=IP", action="append", default=[], help="a name that the name server knows")
    p.add_argument(
        "--level",
        metavar="N",
        type=whole_number(LEVEL_MIN, LEVEL_MAX),
        default=LEVEL,
        help=f"show log lines up to this level, {LEVEL_MIN} to {LEVEL_MAX}; default: {LEVEL}",
    )
    p.add_argument("--whole", action="store_true", help="show whole messages")
    p.add_argument("--json", action="store_true", help="for programs")
    return p


def main(argv: list[str]) -> int:
    p = parser()
    options = p.parse_args(argv)
    source = _place(options.source, p)
    around = Surroundings()
    for pair in options.dns:
        name, equals, ip = pair.partition("=")
        try:
            if not name:
                raise ValueError
            around.names.hosts[name.lower().encode("ascii")] = Address.parse(ip, 0).ip
        except ValueError:
            p.error(f"--dns {pair}: write NAME=IP")
    try:
        folder = os.path.dirname(os.path.abspath(options.config))
        tracer = Tracer(Config(read_source(options.config), folder), around, options.level)
    except BrokenConfig as e:
        sys.stderr.write(render_text(e.source, e.report))
        return 1
    except CannotStart as e:
        complain("serc", f"the server does not start: {e}")
        return 1
    for name in options.messages:
        if not _receive(tracer, name, read_message(name), source):
            return 1
    tracer.proxy.advance(int(options.after * 1000))
    if options.json:
        print(json_text(tracer.as_data()))
    else:
        sys.stdout.write(printable(render(tracer.as_data(), options.whole)))
    return 0


def read_message(name: str) -> bytes:
    """The message in a file, whose lines may end in LF alone. Raises CannotRead."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else open(name, "rb").read()
    except OSError as e:
        raise CannotRead(f"cannot read {name}: {e.strerror or e}") from e
    return with_line_ends(data)


def with_line_ends(data: bytes) -> bytes:
    """A message as it is on the wire: its header lines end in CRLF, and so does the header."""
    if b"\r\n" in data:
        return data
    head, blank, body = data.lstrip(b"\n").partition(b"\n\n")
    return head.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n" + (body.replace(b"\n", b"\r\n") if blank else b"")


def _receive(tracer: Tracer, name: str, data: bytes, given: tuple[str, str, int] | None) -> bool:
    """Hand one message to the server; False, and said why, if it cannot be."""
    proxy = tracer.proxy
    try:
        via = parse(data).via1
    except BadMessage as e:
        complain("serc", f"{name} is no SIP message: {e}")
        return False
    proto, host, port = given or ("", "", 0)
    if via is not None and not host:
        host, port = data[via.host_start : via.host_end].decode("latin-1"), int(via.port)
        proto = "tcp" if b"/TCP" in data.partition(b"\r\n\r\n")[0].upper().partition(b"VIA:")[2][:16] else "udp"
    socket: ListenSocket | None = proxy.socket(proto or "udp") or (proxy.sockets[0] if not proto else None)
    if socket is None:
        complain("serc", f"{name}: the server does not listen on {proto}")
        return False
    port = port if port in _PORTS else 5060
    try:
        address = Address.parse(host or NOWHERE, port)
    except ValueError:
        address = Address.parse(NOWHERE, port)
    proxy.receive(data, address, socket, 1 if socket.proto_name == "tcp" else 0)
    return True


def _place(text: str | None, p: argparse.ArgumentParser) -> tuple[str, str, int] | None:
    if text is None:
        return None
    found = _PLACE.fullmatch(text)
    try:
        if found is None or int(found[3] or 5060) not in _PORTS:
            raise ValueError
        Address.parse(found[2], 0)
    except ValueError:
        p.error(f"--from {text}: write an address, such as 10.0.0.7, udp:10.0.0.7:5060 or tcp:[2001:db8::1]:5060")
    return found[1] or "", found[2], int(found[3] or 0)
