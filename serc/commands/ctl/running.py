"""The sub-commands `start`, `stop` and `restart`. Reference modules-more, C.1."""

from __future__ import annotations

import argparse
import os
from typing import Final

from serc.commands.ctl.asking import channel_of, say, tell
from serc.commands.ctl.client import FAILED, CannotAsk
from serc.commands.ctl.daemon import Daemon

_STOP_TIMEOUT_S: Final = 60.0
# The compiler may take a minute, and the processes some more.
_RELOAD_TIMEOUT_S: Final = 120.0


def _daemon() -> Daemon:
    logging = ["-E"] if os.environ.get("SYSLOG", "1") == "0" else []
    return Daemon(
        os.environ.get("PID_FILE", "/var/run/ser.pid"),
        os.environ.get("SERBIN", ""),
        [*os.environ.get("STARTOPTIONS", "").split(), *logging],
    )


def start(options: argparse.Namespace) -> int:
    pid = _daemon().start()
    return say(options, f"Starting SER : started pid({pid})", started=pid)


def stop(options: argparse.Namespace) -> int:
    pid = _daemon().stop(options.timeout or _STOP_TIMEOUT_S)
    return say(options, "Stopping SER : stopped", stopped=pid)


def restart(options: argparse.Namespace) -> int:
    """A configuration that cannot start stops nothing; where only the start tells that it cannot, the old server is brought back."""
    daemon = _daemon()
    daemon.check()
    old = daemon.running()
    text = "" if old is None else _program_text(old.pid, options)
    stopped = daemon.stop(options.timeout or _STOP_TIMEOUT_S)
    if not options.json:
        print("Stopping SER : stopped", flush=True)
    try:
        started = daemon.start()
    except CannotAsk as e:
        if old is None:
            raise
        try:
            pid, written = daemon.bring_back(old, text)
        except CannotAsk as again:
            raise CannotAsk(FAILED, f"{e}; {again}") from e
        where = f", with its ser.cfg from before in {written}" if written is not None else ""
        raise CannotAsk(FAILED, f"{e}: the old one runs again, pid({pid}){where}") from e
    return say(options, f"Starting SER : started pid({started})", stopped=stopped, started=started)


def _program_text(pid: int, options: argparse.Namespace) -> str:
    """The ser.cfg that the server runs with, which may be another than that of the file; "" where it cannot be asked.

    It may be run by root: it is taken from the server of the pid file alone, through what nobody else can have made.
    """
    channel = channel_of(options)
    try:
        if os.lstat(channel.path).st_uid not in (0, os.geteuid()):
            return ""
        if not any(line.split()[1:2] == [str(pid)] for line in channel.ask("ps").text.splitlines()):
            return ""
        reply = channel.ask("reload", "show")
    except (CannotAsk, OSError):
        return ""
    return reply.text if reply.is_good else ""


def reload(options: argparse.Namespace) -> int:
    """Another ser.cfg, while the server runs."""
    words = [word for word in ("check", "diff", "test", "rollback", "status") if getattr(options, word)]
    if len(words) > 1:
        raise CannotAsk(FAILED, f"--{words[0]} and --{words[1]} exclude each other")
    return tell(options, "reload", channel_of(options, _RELOAD_TIMEOUT_S).ask("reload", words[0] if words else ""))


def log_level(options: argparse.Namespace) -> int:
    """How much is logged."""
    words = [word for word in (options.level, options.which) if word is not None]
    return tell(options, "log_level", channel_of(options).ask("log_level", " ".join(words)))
