"""Names and addresses through the C library, with a deadline.

The C library's resolver cannot be interrupted and can take half a minute over a dead name server, so each question goes to
a child process, all of them at once, and who has not answered in time is killed. Used at start-up, where /etc/hosts and
nsswitch.conf must count as they do for every other program; on the way of a message runtime.server.helpers.dns.resolver answers.
"""

from __future__ import annotations

import ipaddress
import os
import select
import signal
import socket
import time
from dataclasses import dataclass
from typing import Final

DEADLINE_S: Final = 1.0


@dataclass(frozen=True)
class Found:
    """An answer. `name` is the canonical name, `addresses` are literals; nothing found: no addresses, no name."""

    name: str = ""
    aliases: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


NOTHING: Final = Found()


def lookup(host: str) -> Found:
    """Blocking: the names of an IP literal, the IPv4 (else IPv6) addresses of a name, as SER's resolvehost gives them."""
    try:
        if is_literal(host):
            name, aliases, _ = socket.gethostbyaddr(host)
            # Some resolvers give an address without a name its own text as a name.
            return NOTHING if name == host else Found(name, tuple(aliases), (host,))
        name, aliases, addresses = socket.gethostbyname_ex(host)
        return Found(name, tuple(aliases), tuple(addresses))
    except OSError:
        if is_literal(host):
            return NOTHING
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET6, socket.SOCK_DGRAM, 0, socket.AI_CANONNAME)
    except OSError:
        return NOTHING
    except UnicodeError:  # a label that is empty or longer than 63 characters
        return NOTHING
    return Found(found[0][3] or host, (), tuple(str(entry[4][0]) for entry in found))


def is_literal(text: str) -> bool:
    """True for an IPv4 or IPv6 address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def lookup_all(hosts: list[str], deadline_s: float = DEADLINE_S) -> dict[str, Found | None]:
    """`lookup` of every host; None for one whose answer did not come within the deadline."""
    answers: dict[str, Found | None] = dict.fromkeys(hosts)
    children = {}
    for host in answers:
        pid, fd = _ask(host)
        children[fd] = (host, pid)
    until = time.monotonic() + deadline_s
    waiting = set(children)
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], max(0.0, until - time.monotonic()))
        if not ready:
            break
        for fd in ready:
            answers[children[fd][0]] = _decode(fd)
            waiting.discard(fd)
    for fd, (_, pid) in children.items():
        os.close(fd)
        if fd in waiting:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return answers


def _ask(host: str) -> tuple[int, int]:
    """Process and descriptor that the answer will come from."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_fd)
        return pid, read_fd
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        found = lookup(host)
        os.write(write_fd, "\n".join((found.name, " ".join(found.aliases), " ".join(found.addresses))).encode())
    finally:
        os._exit(0)


def _decode(fd: int) -> Found:
    """An answer is far smaller than a pipe's buffer and is written at once."""
    lines = os.read(fd, 65536).decode().split("\n")
    if len(lines) != 3:
        return NOTHING
    return Found(lines[0], tuple(lines[1].split()), tuple(lines[2].split()))
