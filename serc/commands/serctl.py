"""The command `serctl`: asks and steers a running server. Reference modules-more, part C.

Sub-commands, arguments, environment and texts are those of SER's script.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from serc.commands.ctl import moni
from serc.commands.ctl.client import FAILED, CannotAsk, Channel, FifoChannel, Reply, SocketChannel
from serc.commands.ctl.daemon import Daemon
from serc.commands.ctl.reading import as_data

_DESCRIPTION: Final = "Ask and steer a running SIP Express Router through its FIFO or its Unix socket."

_EPILOG: Final = """\
environment:
  SER_FIFO      the server's FIFO (default /tmp/ser_fifo); SER_FIFO_DIR its fifo_dir (default /tmp)
  SER_UNIXSOCK  the server's Unix socket, which is asked where SER_FIFO is not set (for unixsock: default /tmp/ser.sock)
  SIP_DOMAIN    domain of user names that have none
  PID_FILE      pid file of start, stop and restart (default /var/run/ser.pid); SERBIN the program to start,
                STARTOPTIONS its further options, SYSLOG=0 to have it log to standard error
  WATCH_PERIOD  seconds between two screens of moni (default 2)
exit status: 0 done, 1 refused or failed, 2 no server, 3 no reply pipe can be made, 4 no answer in time"""

_SEE: Final = "environment and exit status: serctl --help"

# A call that nobody answers ends after fr_inv_timer; a ping after fr_timer, 30 seconds as a rule.
_PING_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 60.0

_URI: Final = re.compile(r"sips?:([^@\s<>]+@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]*\.[\w.-]*)(:\d+)?([;?]\S*)?")


def main(argv: list[str] | None = None) -> int:
    """Console script serctl; the exit status."""
    options = _parser().parse_args(argv)
    command: Command = options.command
    try:
        status = command.run(options)
        sys.stdout.flush()
        return status
    except CannotAsk as e:
        if options.json:
            print(json.dumps({"error": str(e)}))
        print(f"serctl: {e}", file=sys.stderr)
        return e.status
    except BrokenPipeError:
        # Who reads has gone, as with `serctl … | head`: nothing to complain about, not at the interpreter's end either.
        sys.stdout = open(os.devnull, "w")
        return FAILED
    except KeyboardInterrupt:
        return 130


@dataclass(frozen=True)
class Command:
    """A sub-command: its words after serctl, the arguments (`[x]`: may be missing, `x…`: any number), what it does."""

    words: str
    arguments: str
    summary: str
    run: Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Ends with SER's status where the command line is wrong."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(FAILED, f"{self.prog}: error: {message}\n")


def _add_options(p: argparse.ArgumentParser, default: object) -> None:
    """Those that can stand before and behind the sub-command; behind it, `default` must leave alone what stood before."""
    p.add_argument("--json", action="store_true", default=default or False, help="answer as JSON")
    p.add_argument("--socket", metavar="PATH", default=default, help="ask through this Unix socket")
    p.add_argument("--fifo", metavar="PATH", default=default, help="ask through this FIFO")
    p.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=default, help="how long to wait for an answer"
    )


def _seconds(text: str) -> float:
    """A time of more than nothing. Raises ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return seconds


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    p = _Parser(prog="serctl", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=form)
    _add_options(p, None)
    groups: dict[str, argparse._SubParsersAction[_Parser]] = {"": p.add_subparsers(metavar="COMMAND", required=True)}
    for command in COMMANDS:
        group, _, word = command.words.rpartition(" ")
        if group not in groups:
            inner = groups[""].add_parser(group, help=_GROUPS[group])
            groups[group] = inner.add_subparsers(metavar="COMMAND", required=True)
        aliases = _ALIASES.get(command.words, ())
        summary = command.summary if command.run is not _missing else f"{command.summary} (not supported yet)"
        sub = groups[group].add_parser(word, help=summary, description=summary, epilog=_SEE, aliases=aliases)
        _add_options(sub, argparse.SUPPRESS)
        for argument in command.arguments.split():
            name = argument.strip("[]…")
            if argument.endswith("…"):
                sub.add_argument(name, nargs="*", default=[])
            else:
                sub.add_argument(name, nargs="?" if argument.startswith("[") else None)
        if command.words == "moni":
            sub.add_argument("--once", action="store_true", help="one cycle only")
        sub.set_defaults(command=command)
    return p


# --- ways to the server ----------------------------------------------------------------------------------------------


def _channel(options: argparse.Namespace, timeout_s: float = 5.0) -> Channel:
    timeout_s = options.timeout or timeout_s
    path = options.socket
    if path is None and options.fifo is None and "SER_FIFO" not in os.environ:
        path = os.environ.get("SER_UNIXSOCK")
    if path is not None:
        return SocketChannel(path, timeout_s)
    fifo = options.fifo or os.environ.get("SER_FIFO", "/tmp/ser_fifo")
    return FifoChannel(fifo, os.environ.get("SER_FIFO_DIR", "/tmp"), timeout_s)


def _tell(options: argparse.Namespace, command: str, reply: Reply) -> int:
    if options.json:
        print(json.dumps(as_data(command, reply)))
    else:
        text = reply.shown()
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    return 0 if reply.is_good else FAILED


def _ask(options: argparse.Namespace, command: str, *lines: str) -> int:
    return _tell(options, command, _channel(options).ask(command, *lines))


def _plain(name: str) -> Callable[[argparse.Namespace], int]:
    """A sub-command that is a command of the server without words."""
    return lambda options: _ask(options, name)


def _fifo(options: argparse.Namespace) -> int:
    return _ask(options, options.name, *options.line)


def _unixsock(options: argparse.Namespace) -> int:
    if options.socket is None:
        options.socket = os.environ.get("SER_UNIXSOCK", "/tmp/ser.sock")
    return _fifo(options)


# --- users and URIs --------------------------------------------------------------------------------------------------


def _aor(user: str) -> str:
    """user@domain. Raises CannotAsk."""
    domain = os.environ.get("SIP_DOMAIN", "")
    if "@" not in user and not domain:
        raise CannotAsk(FAILED, "domain unknown: use usernames with domain or set default domain in SIP_DOMAIN")
    return user if "@" in user else f"{user}@{domain}"


def _checked_uri(uri: str) -> str:
    if not _URI.fullmatch(uri):
        raise CannotAsk(FAILED, f"error: invalid URI: {uri}")
    return uri


def _table(words: str) -> str:
    """The usrloc domain behind `ul` and `alias`."""
    name, default = ("UL_TABLE", "location") if words.startswith("ul") else ("ALS_TABLE", "aliases")
    return os.environ.get(name, default)


def _contacts_show(options: argparse.Namespace) -> int:
    if options.user is None:
        return _ask(options, "ul_dump")
    return _ask(options, "ul_show_contact", _table(options.command.words), _aor(options.user))


def _contacts_rm(options: argparse.Namespace) -> int:
    return _ask(options, "ul_rm", _table(options.command.words), _aor(options.user))


def _ul_add(options: argparse.Namespace) -> int:
    aor = _aor(options.user)
    uri = _checked_uri(options.uri)
    channel = _channel(options)
    found = channel.ask("ul_show_contact", _table("alias"), aor)
    if found.is_good:
        raise CannotAsk(FAILED, "error: Overlap with an existing alias")
    # 404: no such alias. 400: the server has no table of aliases, so there is none either.
    if found.code not in (400, 404):
        raise CannotAsk(FAILED, f"error: {found.code} {found.reason}")
    return _tell(options, "ul_add", channel.ask("ul_add", _table("ul"), aor, uri, "0", "1.00", "0", "128"))


def _online(options: argparse.Namespace) -> int:
    reply = _channel(options).ask("ul_dump")
    if not reply.is_good:
        return _tell(options, "ul_dump", reply)
    names = sorted({line.split()[2] for line in reply.text.splitlines() if "aor" in line and len(line.split()) > 2})
    print(json.dumps([name.strip("'") for name in names]) if options.json else "\n".join(names))
    return 0


def _pa(command: str) -> Callable[[argparse.Namespace], int]:
    return lambda options: _ask(options, command, "registrar", _checked_uri(options.uri), options.value)


# --- requests by the server ------------------------------------------------------------------------------------------


def _send(options: argparse.Namespace, method: str, *headers: str) -> int:
    uri = _checked_uri(options.uri)
    channel = _channel(options, _PING_TIMEOUT_S)
    lines = (method, uri, ".", f"From: <sip:daemon@{os.uname().nodename}>", f"To: <{uri}>", "Contact: <sip:daemon@!!>")
    reply = channel.ask("t_uac_dlg", *lines, *headers, ".", ".")
    if options.json:
        print(json.dumps({"code": reply.code or 200, "reason": reply.reason or "OK", "uri": uri}))
    else:
        print(f"{reply.code} {reply.reason}" if 100 <= reply.code < 700 else "200 OK")
    return 0 if reply.is_good else FAILED


def _ping(options: argparse.Namespace) -> int:
    return _send(options, "OPTIONS")


def _cisco_restart(options: argparse.Namespace) -> int:
    return _send(options, "NOTIFY", "Event: check-sync")


def _moni(options: argparse.Namespace) -> int:
    loops = 1 if options.once else _number("loops", options.loops or "0")
    try:
        period_s = _seconds(os.environ.get("WATCH_PERIOD", "2"))
    except argparse.ArgumentTypeError as e:
        raise CannotAsk(FAILED, f"WATCH_PERIOD: {e}") from e
    return moni.run(_channel(options), loops, period_s, options.json)


def _number(what: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise CannotAsk(FAILED, f"{what}: {text} is no number")
    return int(text)


# --- start and stop --------------------------------------------------------------------------------------------------


def _daemon() -> Daemon:
    logging = ["-E"] if os.environ.get("SYSLOG", "1") == "0" else []
    return Daemon(
        os.environ.get("PID_FILE", "/var/run/ser.pid"),
        os.environ.get("SERBIN", ""),
        [*os.environ.get("STARTOPTIONS", "").split(), *logging],
    )


def _say(options: argparse.Namespace, sentence: str, **data: object) -> None:
    print(json.dumps(data) if options.json else sentence)


def _start(options: argparse.Namespace) -> int:
    pid = _daemon().start()
    _say(options, f"Starting SER : started pid({pid})", started=pid)
    return 0


def _stop(options: argparse.Namespace) -> int:
    pid = _daemon().stop(options.timeout or _STOP_TIMEOUT_S)
    _say(options, "Stopping SER : stopped", stopped=pid)
    return 0


def _restart(options: argparse.Namespace) -> int:
    """A configuration that cannot start stops nothing."""
    daemon = _daemon()
    daemon.check()
    stopped = daemon.stop(options.timeout or _STOP_TIMEOUT_S)
    if not options.json:
        print("Stopping SER : stopped", flush=True)
    started = daemon.start()
    _say(options, f"Starting SER : started pid({started})", stopped=stopped, started=started)
    return 0


def _missing(options: argparse.Namespace) -> int:
    raise CannotAsk(FAILED, f"not supported yet: {options.command.words}: it works on the user database")


_GROUPS: Final = {
    "ul": "registered contacts",
    "alias": "aliases of users",
    "domain": "domains that the server is responsible for",
    "pa": "presence",
    "rpid": "remote party ids",
    "acl": "groups of users",
}

_LINES: Final = "each further argument a line of it (behind -- if one begins with -)"

_ALIASES: Final = {"moni": ("monitor", "console", "con"), "showdb": ("userdb",)}

COMMANDS: Final = (
    Command("ps", "", "the server's processes: index, pid, description", _plain("ps")),
    Command("uptime", "", "since when it runs", _plain("uptime")),
    Command("version", "", "what runs there", _plain("version")),
    Command("which", "", "the commands that the server has", _plain("which")),
    Command("fifo", "name line…", f"any command through the FIFO, {_LINES}", _fifo),
    Command("unixsock", "name line…", f"any command through the Unix socket, {_LINES}", _unixsock),
    Command("moni", "[loops]", "statistics, renewed every WATCH_PERIOD seconds", _moni),
    Command("ping", "uri", "have the server send an OPTIONS request, and show what comes back", _ping),
    Command("cisco_restart", "uri", "restart a Cisco phone", _cisco_restart),
    Command("online", "", "who is registered", _online),
    Command("ul show", "[user]", "contacts of a user, or of all", _contacts_show),
    Command("ul add", "user uri", "a contact that stays", _ul_add),
    Command("ul rm", "user", "remove all contacts of a user", _contacts_rm),
    Command("alias show", "[user]", "what an alias stands for, or all aliases", _contacts_show),
    Command("alias add", "user uri", "a new alias", _missing),
    Command("alias rm", "user", "remove an alias", _contacts_rm),
    Command("domain show", "", "the domains", _plain("domain_dump")),
    Command("domain add", "domain", "a new domain", _missing),
    Command("domain rm", "domain", "remove a domain", _missing),
    Command("pa pres", "uri value", "set a presence state", _pa("pa_presence")),
    Command("pa loc", "uri value", "set a location", _pa("pa_location")),
    Command("start", "", "start the server; returns when it serves", _start),
    Command("stop", "", "stop it, with time for calls to end; returns when it is gone", _stop),
    Command("restart", "", "stop and start, if its configuration is good", _restart),
    Command("add", "user password email", "a new user", _missing),
    Command("passwd", "user password", "a new password", _missing),
    Command("rm", "user", "remove a user", _missing),
    Command("mail", "user", "write to a user", _missing),
    Command("showdb", "[user]", "users in the database", _missing),
    Command("rpid show", "[user]", "show it", _missing),
    Command("rpid add", "user rpid", "set it", _missing),
    Command("rpid rm", "user", "remove it", _missing),
    Command("acl show", "[user]", "show them", _missing),
    Command("acl grant", "user group…", "add a user to groups", _missing),
    Command("acl revoke", "user [group]", "remove a user from groups", _missing),
)


if __name__ == "__main__":
    sys.exit(main())
