"""-v, -r and -R, seen in what is forwarded; -r and -R with the answers of the test's own name server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server.conftest import StartServer, environment, needs_root

FORWARD = """
from typing import Final
from runtime.modules import core
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.program import Program

def route(ctx: Context) -> int:
    return 1 if core.forward_uri(ctx, core.UDP, core.URI_PORT) else -1

PROGRAM: Final = Program(config=Config(%s), request=route)
"""


def reply(first_via: str, receiver: int) -> bytes:
    return (
        "SIP/2.0 200 OK\r\n"
        f"Via: SIP/2.0/UDP {first_via};branch=z9hG4bK1\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{receiver};branch=z9hG4bK0\r\n"
        "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    "flags, config, passed",
    [((), "", ["foreign", "own"]), (("-v",), "", ["own"]), ((), "check_via=True", ["own"])],
)
def test_v_drops_replies_whose_first_via_is_not_ours(
    start: StartServer, flags: tuple[str, ...], config: str, passed: list[str]
) -> None:
    server = start("-n", "1", *flags, config=config)
    server.ask()
    got: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(20)
        port = s.getsockname()[1]
        foreign = reply("foreign.example:5060", port)
        own = reply(f"127.0.0.1:{server.port}", port)
        for data in (foreign.replace(b"Call-ID: 1", b"Call-ID: foreign"), own.replace(b"Call-ID: 1", b"Call-ID: own")):
            s.sendto(data, ("127.0.0.1", server.port))
        while not got or got[-1] != "own":
            got.append(s.recv(65536).partition(b"Call-ID: ")[2].split()[0].decode())
    assert got == passed


# Runs in name spaces of its own: a name server that knows a name for an address and another one for the way back.
INSIDE = """
import socket, subprocess, sys, threading
import dns.message, dns.rdatatype, dns.rrset

ZONE = {("client.test.", "A"): "127.0.0.1", ("1.0.0.127.in-addr.arpa.", "PTR"): "other.test."}

def serve(s):
    while True:
        wire, sender = s.recvfrom(4096)
        answer = dns.message.make_response(dns.message.from_wire(wire))
        q = answer.question[0]
        record = ZONE.get((q.name.to_text().lower(), dns.rdatatype.to_text(q.rdtype)))
        if record:
            answer.answer.append(dns.rrset.from_text(q.name, 60, "IN", q.rdtype, record))
        s.sendto(answer.to_wire(), sender)

name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
name_server.bind(("127.0.0.53", 53))
threading.Thread(target=serve, args=(name_server,), daemon=True).start()
server = subprocess.Popen([sys.executable, "-m", "runtime.server.main", *sys.argv[1:]], stdout=subprocess.DEVNULL)
me = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
me.bind(("127.0.0.1", 0))
me.settimeout(0.1)
port = me.getsockname()[1]
for host in ("client.test", "other.test", "third.test"):
    request = (
        f"OPTIONS sip:x@127.0.0.1:{port} SIP/2.0\\r\\nVia: SIP/2.0/UDP {host};branch=z9hG4bK1\\r\\nMax-Forwards: 9\\r\\n"
        f"From: <sip:a@b>;tag=1\\r\\nTo: <sip:a@b>\\r\\nCall-ID: {host}\\r\\nCSeq: 1 OPTIONS\\r\\n\\r\\n"
    ).encode()
    while True:
        me.sendto(request, ("127.0.0.1", 5060))
        try:
            got = me.recv(65536).decode()
        except OSError:
            assert server.poll() is None
            continue
        if f"Call-ID: {host}" in got:
            break
    print(host, "received" in got, flush=True)
server.terminate()
server.wait()
"""


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
@pytest.mark.parametrize(
    "flags, config, known",
    [
        ((), "", []),
        (("-r",), "", ["client.test"]),
        (("-R",), "", ["other.test"]),
        (("-r",), "rev_dns=True", ["client.test", "other.test"]),
        ((), "dns=True", ["client.test"]),
    ],
)
def test_r_asks_the_name_server_before_it_adds_received(
    tmp_path: Path, flags: tuple[str, ...], config: str, known: list[str]
) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "hosts").write_text("")
    (tmp_path / "routes.py").write_text(FORWARD % config)
    files = {"resolv.conf": os.path.realpath("/etc/resolv.conf"), "hosts": "/etc/hosts"}
    prepare = " && ".join(
        ["ip link set lo up", *(f"mount --bind {tmp_path}/{name} {to}" for name, to in files.items())]
    )
    command = ["unshare", "-nm", "sh", "-c", f'{prepare} && exec "$@"', "sh", sys.executable, "-c", INSIDE]
    command += ["--routes", str(tmp_path / "routes.py"), "-DTE", "-n", "1", "-l", "127.0.0.1", *flags]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=20)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        word for host in ("client.test", "other.test", "third.test") for word in (host, str(host not in known))
    ]
