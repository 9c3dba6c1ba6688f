"""Passwords of subscribers: how they come in, and what is stored of them. Reference modules-main, chapter 8."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import sys
from typing import Final

from runtime.routing.database import Value
from serc.commands.ctl.client import FAILED, CannotAsk
from serc.commands.ctl.names import Name

_PLAIN_SIZE: Final = 25


def password_of(options: argparse.Namespace) -> bytes:
    """The first line of --password-file, what the command line says, what is piped in, or what is typed twice without an echo.

    Raises CannotAsk.
    """
    if options.password_file is not None:
        found = _first_line(options.password_file)
    elif options.password is not None:
        print(
            "serctl: a password on the command line stands in the history of the shell, and for a moment in ps: "
            "leave it out, and it is asked for",
            file=sys.stderr,
        )
        found = os.fsencode(options.password)
    elif not sys.stdin.isatty():
        found = _first_line("-")
    else:
        first, second = getpass.getpass("password: "), getpass.getpass("once more: ")
        if first != second:
            raise CannotAsk(FAILED, "the two passwords differ: nothing was changed")
        found = os.fsencode(first)
    if not found:
        raise CannotAsk(FAILED, "an empty password lets everybody in: type one, pipe it in, or name a --password-file")
    return found


def _first_line(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.readline().rstrip(b"\r\n")
        with open(name, "rb") as file:
            return file.readline().rstrip(b"\r\n")
    except OSError as e:
        raise CannotAsk(FAILED, f"cannot read the password from {name}: {e.strerror}") from e


def secrets_of(options: argparse.Namespace, name: Name, password: bytes) -> dict[str, Value]:
    """The columns that prove a password: HA1, HA1 of user@domain, and itself. Raises CannotAsk."""
    user, domain = name.values()
    assert isinstance(user, bytes) and isinstance(domain, bytes)
    plain = b"" if options.hash_only else password
    if len(plain) > _PLAIN_SIZE:
        raise CannotAsk(
            FAILED,
            f"the column password takes {_PLAIN_SIZE} characters: with --hash-only the hashes alone are stored, which is "
            'enough where ser.cfg has no modparam("auth_db", "calculate_ha1", 1)',
        )
    return {
        "ha1": _md5(b"%s:%s:%s" % (user, domain, password)),
        "ha1b": _md5(b"%s@%s:%s:%s" % (user, domain, domain, password)),
        "password": plain,
    }


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


def hide_argument(text: str) -> None:
    """Have ps show stars in the place of an argument of this process. What was seen before was seen."""
    words = b"\0" + os.fsencode(text) + b"\0"
    try:
        with open("/proc/self/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            line = memory.read(end - start)
            place = line.find(words)
            while place >= 0:
                memory.seek(start + place + 1)
                memory.write(b"*" * (len(words) - 2))
                place = line.find(words, place + 1)
    except (OSError, ValueError, IndexError):
        # A kernel that does not allow it: the warning about the command line has been given.
        return
