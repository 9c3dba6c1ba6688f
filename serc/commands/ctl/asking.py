"""Asking the server for the sub-commands, and showing what came of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable

from runtime.modules import catalogue
from serc.commands.ctl.client import FAILED, Channel, FifoChannel, NotRunning, Reply, SocketChannel
from serc.commands.ctl.reading import as_data
from serc.diagnostics.printable import printable


def channel_of(options: argparse.Namespace, timeout_s: float = 5.0) -> Channel:
    """The way to the server that the options or the environment name."""
    timeout_s = options.timeout or timeout_s
    path = options.socket
    if path is None and options.fifo is None and "SER_FIFO" not in os.environ:
        path = os.environ.get("SER_UNIXSOCK")
    if path is not None:
        return SocketChannel(path, timeout_s)
    fifo = options.fifo or os.environ.get("SER_FIFO", "/tmp/ser_fifo")
    return FifoChannel(fifo, os.environ.get("SER_FIFO_DIR", "/tmp"), timeout_s)


def tell(options: argparse.Namespace, command: str, reply: Reply) -> int:
    """Show a reply; the exit status."""
    if options.json:
        print(json.dumps(as_data(command, reply)))
    else:
        text = printable(reply.shown())
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
        owners = catalogue.owners_of_command(command) if not reply.is_good and "not available" in reply.reason else ()
        if owners:
            print(f"the module {' or '.join(owners)} has it, which ser.cfg does not load", file=sys.stderr)
    return 0 if reply.is_good else FAILED


def ask(options: argparse.Namespace, command: str, *lines: str) -> int:
    return tell(options, command, channel_of(options).ask(command, *lines))


def ask_if_running(options: argparse.Namespace, command: str, *lines: str) -> Reply | None:
    """The reply of the server, None if none runs. Raises CannotAsk, also if a server that the command line names does not run."""
    try:
        return channel_of(options).ask(command, *lines)
    except NotRunning:
        if options.socket is not None or options.fifo is not None:
            raise
        return None


def plain(name: str) -> Callable[[argparse.Namespace], int]:
    """A sub-command that is a command of the server without words."""
    return lambda options: ask(options, name)


def fifo(options: argparse.Namespace) -> int:
    return ask(options, options.name, *options.line)


def unixsock(options: argparse.Namespace) -> int:
    if options.socket is None:
        options.socket = os.environ.get("SER_UNIXSOCK", "/tmp/ser.sock")
    return fifo(options)


def say(options: argparse.Namespace, sentence: str, **data: object) -> int:
    """Show that something is done, as a sentence or as data; the exit status."""
    print(json.dumps(data) if options.json else sentence)
    return 0
