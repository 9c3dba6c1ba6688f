"""Ports for servers of tests, which nobody else takes before the server has it."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path
from typing import Final

_LOWEST: Final = 10_000
# Processes of one test run that do not meet.
_SHARES: Final = 16


def free_port(host: str = "127.0.0.1") -> int:
    """Free over UDP and over TCP, and none that the kernel gives to a client which asks for no port of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ours = _ours()
    while True:
        with socket.socket(family, socket.SOCK_DGRAM) as s, socket.socket(family, socket.SOCK_STREAM) as t:
            try:
                s.bind((host, random.choice(ours) if ours else 0))
                port: int = s.getsockname()[1]
                t.bind((host, port))
            except OSError:
                continue
            return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Nobody has it over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind((host, port))
        except OSError:
            return False
        return True


def _ours() -> range:
    """Of this process among those of pytest-xdist. Empty where the kernel gives clients all ports."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    low, high = (_LOWEST, first) if first - _LOWEST >= 65_536 - last else (last + 1, 65_536)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return range(low + worker % _SHARES, high, _SHARES)
