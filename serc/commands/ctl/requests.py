"""`serctl ping`, `cisco_restart`, `pa` and `moni`: what the server sends, and what it counts. Reference modules-more, C.1."""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable
from typing import Final

from serc.commands.ctl import moni
from serc.commands.ctl.asking import ask, channel_of
from serc.commands.ctl.client import FAILED, NO_ANSWER, USAGE, CannotAsk
from serc.commands.ctl.names import checked_uri
from serc.diagnostics.printable import one_line

# A call that nobody answers ends after fr_inv_timer; a ping after fr_timer, 30 seconds as a rule.
_PING_TIMEOUT_S: Final = 60.0


def _send(options: argparse.Namespace, method: str, *headers: str) -> int:
    uri = checked_uri(options.uri)
    channel = channel_of(options, _PING_TIMEOUT_S)
    lines = (method, uri, ".", f"From: <sip:daemon@{os.uname().nodename}>", f"To: <{uri}>", "Contact: <sip:daemon@!!>")
    try:
        reply = channel.ask("t_uac_dlg", *lines, *headers, ".", ".")
    except CannotAsk as e:
        if e.status != NO_ANSWER:
            raise
        # Raises where it is the server that says nothing.
        channel.ask("uptime")
        raise CannotAsk(NO_ANSWER, f"{uri} did not answer within {channel.timeout_s:g} seconds") from None
    if options.json:
        print(json.dumps({"code": reply.code or 200, "reason": reply.reason or "OK", "uri": uri}))
    else:
        print(f"{reply.code} {one_line(reply.reason)}" if 100 <= reply.code < 700 else "200 OK")
    return 0 if reply.is_good else FAILED


def ping(options: argparse.Namespace) -> int:
    return _send(options, "OPTIONS")


def cisco_restart(options: argparse.Namespace) -> int:
    return _send(options, "NOTIFY", "Event: check-sync")


def presence(command: str) -> Callable[[argparse.Namespace], int]:
    """A sub-command of `pa`."""
    return lambda options: ask(options, command, "registrar", checked_uri(options.uri), options.value)


def monitor(options: argparse.Namespace) -> int:
    loops = 1 if options.once else _number("loops", options.loops or "0")
    try:
        period_s = seconds(os.environ.get("WATCH_PERIOD", "2"))
    except argparse.ArgumentTypeError as e:
        raise CannotAsk(FAILED, f"WATCH_PERIOD: {e}") from e
    return moni.run(channel_of(options), loops, period_s, options.json)


def seconds(text: str) -> float:
    """A time of more than nothing. Raises ArgumentTypeError."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no time to wait: write a number of seconds above 0")
    return found


def _number(what: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise CannotAsk(USAGE, f"{what}: {text} is no number")
    return int(text)
