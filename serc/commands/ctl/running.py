"""The sub-commands `start`, `stop` and `restart`. Reference modules-more, C.1."""

from __future__ import annotations

import argparse
import os
from typing import Final

from runtime.spec.watching import CANNOT_BE_RELOADED
from serc.commands.ctl.asking import channel_of, say, tell
from serc.commands.ctl.client import CANNOT_RELOAD, FAILED, USAGE, CannotAsk
from serc.commands.ctl.daemon import Daemon, Launch, NoPidFile, Running

_STOP_TIMEOUT_S: Final = 60.0
# The compiler may take a minute, and the processes some more.
_RELOAD_TIMEOUT_S: Final = 120.0
# For a look whether a server is there.
_LOOK_TIMEOUT_S: Final = 2.0


def _daemon() -> Daemon:
    return Daemon(os.environ.get("PID_FILE", "/var/run/ser.pid"), os.environ.get("SERBIN", ""))


def _launch(options: argparse.Namespace, old: Running | None) -> Launch:
    """How to start it: as STARTOPTIONS says, else as the server that runs, and with the ser.cfg of --config in any case."""
    given = os.environ.get("STARTOPTIONS", "").split()
    config = None if options.config is None else os.path.abspath(options.config)
    logging = ["-E"] if os.environ.get("SYSLOG", "1") == "0" else []
    if old is not None and not given:
        program = old.program if config is None else "ser"
        return Launch([*old.arguments(config), *logging], program, old.folder)
    named = [] if config is None else ["-f", config]
    return Launch([*given, *logging, *named], "ser", os.getcwd())


def start(options: argparse.Namespace) -> int:
    pid = _daemon().start(_launch(options, None))
    return say(options, f"Starting SER : started pid({pid})", started=pid)


def stop(options: argparse.Namespace) -> int:
    daemon = _daemon()
    _refuse_config(options, f"it stops the server of the PID file {daemon.pid_file} (PID_FILE)")
    try:
        pid = daemon.stop(options.timeout or _STOP_TIMEOUT_S)
    except NoPidFile as e:
        raise _who_answers(options, e) from e
    return say(options, "Stopping SER : stopped", stopped=pid)


def _who_answers(options: argparse.Namespace, error: NoPidFile) -> CannotAsk:
    """The error, or another if a server answers all the same."""
    channel = channel_of(options, _LOOK_TIMEOUT_S)
    try:
        processes = channel.ask("ps").text.splitlines()
    except CannotAsk:
        return error
    pid = processes[0].split()[1] if processes and len(processes[0].split()) > 1 else "?"
    return CannotAsk(
        FAILED,
        f"no PID file found, but a server answers at {channel.path}: process {pid}\n"
        "If it was started with -P, name that file in PID_FILE. If not, serctl fifo kill ends it, or Ctrl-C in its terminal",
    )


def restart(options: argparse.Namespace) -> int:
    """A configuration that cannot start stops nothing; where only the start tells that it cannot, the old server is brought back."""
    daemon = _daemon()
    try:
        old = daemon.running()
    except NoPidFile as e:
        raise _who_answers(options, e) from e
    if old.is_in_foreground() and not os.environ.get("STARTOPTIONS"):
        raise CannotAsk(
            FAILED,
            f"process {old.pid} runs in the foreground (-D): restart it where it was started, such as with systemctl;"
            " or name in STARTOPTIONS what to start in its place",
        )
    launch = _launch(options, old)
    daemon.check(launch)
    text = _program_text(old.pid, options)
    stopped = daemon.stop(options.timeout or _STOP_TIMEOUT_S)
    if not options.json:
        print("Stopping SER : stopped", flush=True)
    try:
        started = daemon.start(launch)
    except CannotAsk as e:
        try:
            pid, written = daemon.bring_back(old, text)
        except CannotAsk as again:
            raise CannotAsk(FAILED, f"{e}; {again}") from e
        where = f", with its ser.cfg from before in {written}" if written is not None else ""
        raise CannotAsk(FAILED, f"{e}: the old one runs again, pid({pid}){where}") from e
    return say(options, f"Starting SER : started pid({started})", stopped=stopped, started=started)


def _refuse_config(options: argparse.Namespace, why: str) -> None:
    """For what would do something to another server than the one that runs with this ser.cfg. Raises CannotAsk."""
    if options.config is not None:
        raise CannotAsk(USAGE, f"--config {options.config} means nothing here: {why}")


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
    _refuse_config(
        options, "the server reads the file anew that it was started with; serctl restart --config takes another"
    )
    words = [word for word in ("check", "diff", "test", "rollback", "status") if getattr(options, word)]
    if len(words) > 1:
        raise CannotAsk(USAGE, f"--{words[0]} and --{words[1]} exclude each other")
    reply = channel_of(options, _RELOAD_TIMEOUT_S).ask("reload", words[0] if words else "")
    status = tell(options, "reload", reply)
    return CANNOT_RELOAD if reply.code == CANNOT_BE_RELOADED else status


def log_level(options: argparse.Namespace) -> int:
    """How much is logged."""
    words = [word for word in (options.level, options.which) if word is not None]
    return tell(options, "log_level", channel_of(options).ask("log_level", " ".join(words)))
