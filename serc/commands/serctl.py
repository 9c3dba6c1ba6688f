"""The command `serctl`: steers a running server, and keeps its users and their tables. Reference modules-more, part C.

Sub-commands, arguments, environment and texts are those of SER's script.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NoReturn

from runtime.spec.watching import CALLS, CALLS_MAX, LEVEL, LEVEL_MAX, LEVEL_MIN, SECONDS, SECONDS_MAX
from runtime.storage.url import redacted
from runtime.version import VERSION
from serc.commands.ctl import (
    administering,
    contacts,
    passwords,
    records,
    requests,
    routing,
    running,
    subscribers,
    tracing,
)
from serc.commands.ctl.asking import fifo, plain, unixsock
from serc.commands.ctl.client import FAILED, USAGE, CannotAsk
from serc.commands.numbers import whole_number
from serc.diagnostics.printable import printable

_DESCRIPTION: Final = """\
Ask and steer a running SIP Express Router through its FIFO or its Unix socket, and keep its users in their database."""

_EPILOG: Final = """\
environment:
  SER_FIFO      the server's FIFO (default /tmp/ser_fifo); SER_FIFO_DIR its fifo_dir (default /tmp)
  SER_UNIXSOCK  the server's Unix socket, which is asked where SER_FIFO is not set (for unixsock: default /tmp/ser.sock)
  SER_DB_URL    the database, as mysql://user:password@host/ser, postgres://…, sqlite:///file or dbtext:///folder; else
                SQL_DB, SQL_HOST, SQL_USER and PW of a MySQL database, else what SER_CONFIG or /etc/ser/ser.cfg names,
                else an SQLite file: serctl db url shows which one it is
  SUB_TABLE, ACL_TABLE, URI_TABLE, UL_TABLE, ALS_TABLE, DOMAIN_TABLE   tables (default subscriber, grp, uri, location,
                aliases, domain)
  ACL_GROUPS    the groups that acl grant knows (default local ld int voicemail free-pstn prepaid); VERIFY_ACL=0: all
  SIP_DOMAIN    domain of user names that have none
  PID_FILE      pid file of start, stop and restart (default /var/run/ser.pid); SERBIN the program to start,
                STARTOPTIONS its options (restart: default those of the server that runs), SYSLOG=0 to have it log to
                standard error
  WATCH_PERIOD  seconds between two screens of moni (default 2)
exit status: 0 done, 1 refused or failed, 2 no server or a command line that makes no sense, 3 no reply pipe can be made,
4 no answer in time, 5 reload --diff has shown what cannot be reloaded"""

_SEE: Final = "environment and exit status: serctl --help"


def main(argv: list[str] | None = None) -> int:
    """Console script serctl; the exit status."""
    options = parser().parse_args(argv)
    if argv is None:
        _hide_secrets(options)
    command: Command = options.command
    try:
        _refuse_database(options)
        status = command.run(options)
        sys.stdout.flush()
        return status
    except CannotAsk as e:
        if options.json:
            print(json.dumps({"error": str(e)}))
        print(f"serctl: {printable(str(e))}", file=sys.stderr)
        return e.status
    except BrokenPipeError:
        # Who reads has gone, as with `serctl … | head`: nothing to complain about, not at the interpreter's end either.
        sys.stdout = open(os.devnull, "w")
        return FAILED
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
        return 130


def _refuse_database(options: argparse.Namespace) -> None:
    """What names a database means nothing to who asks the server: rather said than not done. Raises CannotAsk."""
    words, meets = options.command.words, options.command.meets
    if meets is Meets.DATABASE:
        return
    where = "--socket or --fifo say which server is meant"
    if options.db is not None:
        raise CannotAsk(USAGE, f"--db means nothing here: {words} has nothing to do with the database of users")
    if options.config is not None and meets is Meets.SERVER:
        raise CannotAsk(
            USAGE, f"--config {options.config} means nothing here: {words} asks the server that runs; {where}"
        )


def _hide_secrets(options: argparse.Namespace) -> None:
    """What ps shows of this process from now on has no password in it."""
    if options.db is not None and redacted(options.db) != options.db:
        passwords.hide_argument(options.db)
    if getattr(options, "password", None) is not None:
        passwords.hide_argument(options.password)


class Meets(Enum):
    """Whom a sub-command has to do with."""

    DATABASE = "the database of users, which --db or --config names"
    SERVER = "the server that runs, which --socket or --fifo names"
    SERVER_BY_CONFIG = "the server and its ser.cfg, which --config names"


@dataclass(frozen=True)
class Command:
    """A sub-command: its words after serctl, the arguments (`[x]`: may be missing, `x…`: any number, `x+`: at least one), what it
    does, which of _OPTIONS are its own, and whom it has to do with."""

    words: str
    arguments: str
    summary: str
    run: Callable[[argparse.Namespace], int]
    options: str = ""
    meets: Meets = Meets.DATABASE


class _Parser(argparse.ArgumentParser):
    """Ends with the status of all commands of this project where the command line is wrong."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _add_options(p: argparse.ArgumentParser, default: object) -> None:
    """Those that can stand before and behind the sub-command; behind it, `default` must leave alone what stood before."""
    p.add_argument("--json", action="store_true", default=default or False, help="answer as JSON")
    p.add_argument("--socket", metavar="PATH", default=default, help="ask through this Unix socket")
    p.add_argument("--fifo", metavar="PATH", default=default, help="ask through this FIFO")
    waiting = "how long to wait for an answer"
    p.add_argument("--timeout", metavar="SECONDS", type=requests.seconds, default=default, help=waiting)
    p.add_argument("--db", metavar="URL", default=default, help="the database of users")
    p.add_argument(
        "--config",
        metavar="SER.CFG",
        default=default,
        help="start and restart: serve this file; else: the database is what it names",
    )


def parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    p = _Parser(prog="serctl", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=form)
    _add_options(p, None)
    p.add_argument("--version", action="version", version=f"serctl {VERSION}")
    # One for all sub-commands: each option is made once, not sixty times.
    common = _Parser(add_help=False)
    _add_options(common, argparse.SUPPRESS)
    groups: dict[str, argparse._SubParsersAction[_Parser]] = {"": p.add_subparsers(metavar="COMMAND", required=True)}
    for command in COMMANDS:
        group, _, word = command.words.rpartition(" ")
        if group not in groups:
            inner = groups[""].add_parser(group, help=_GROUPS[group])
            groups[group] = inner.add_subparsers(metavar="COMMAND", required=True)
        aliases = _ALIASES.get(command.words, ())
        summary = command.summary
        sub = groups[group].add_parser(
            word, help=summary, description=summary, epilog=_SEE, aliases=aliases, parents=[common]
        )
        for argument in command.arguments.split():
            name = argument.strip("[]…+")
            if argument.endswith(("…", "+")):
                sub.add_argument(name, nargs="+" if argument.endswith("+") else "*", default=[])
            else:
                sub.add_argument(name, nargs="?" if argument.startswith("[") else None)
        for option in command.options.split():
            sub.add_argument(option, **_OPTIONS[option])
        sub.set_defaults(command=command)
    return p


# The options of single sub-commands.
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "--once": {"action": "store_true", "help": "one cycle only"},
    "--check": {"action": "store_true", "help": "find out whether it would do; nothing changes"},
    "--diff": {
        "action": "store_true",
        "help": "show what is different from what runs; nothing changes; exit status 5 if it cannot be reloaded",
    },
    "--test": {"action": "store_true", "help": "only if the tests beside ser.cfg hold"},
    "--rollback": {"action": "store_true", "help": "go back to what ran before"},
    "--status": {"action": "store_true", "help": "what runs, and how the last attempt went"},
    "-n": {
        "dest": "number",
        "metavar": "CALLS",
        "type": whole_number(1, CALLS_MAX),
        "help": f"end when so many calls are over (default {CALLS})",
    },
    "--for": {
        "dest": "seconds",
        "metavar": "SECONDS",
        "type": whole_number(1, SECONDS_MAX),
        "help": f"end after so long (default {SECONDS})",
    },
    "--level": {
        "metavar": "N",
        "type": whole_number(LEVEL_MIN, LEVEL_MAX),
        "help": f"show log lines of these calls up to this level (default {LEVEL})",
    },
    "--whole": {"action": "store_true", "help": "show whole messages"},
    "--password-file": {"metavar": "FILE", "help": "its first line is the password; -: standard input"},
    "--hash-only": {"action": "store_true", "help": "store no password, but its hashes alone"},
    "--email": {"metavar": "ADDRESS", "help": "where the user gets letters"},
    "--ensure": {"action": "store_true", "help": "no error if it is so already; add then sets the password anew"},
    "--description": {"metavar": "TEXT", "help": "what it is"},
    "--integer": {"action": "store_true", "help": "the value is a number"},
    "--port": {"metavar": "NUMBER", "help": "its port"},
    "--scheme": {"metavar": "sip|sips", "help": "the scheme of the URI"},
    "--transport": {"metavar": "udp|tcp|tls", "help": "how it is reached"},
    "--prefix": {"metavar": "DIGITS", "help": "what it wants in front of the number"},
    "--from": {"metavar": "URI", "dest": "origin", "help": "for callers that are like this, as %%@example.com"},
}

_GROUPS: Final = {
    "db": "the database and its tables",
    "log": "what the server logs",
    "ul": "registered contacts",
    "alias": "aliases of users",
    "domain": "domains that the server is responsible for",
    "pa": "presence",
    "rpid": "remote party ids",
    "acl": "groups of users",
    "speeddial": "short numbers of users",
    "avp": "attributes of users and domains",
    "lcr": "gateways and routes to them by cost",
}

_LINES: Final = "each further argument a line of it (behind -- if one begins with -)"

_ALIASES: Final = {"moni": ("monitor", "console", "con"), "showdb": ("userdb",)}

_PASSWORD: Final = "--password-file --hash-only"

COMMANDS: Final = (
    Command("ps", "", "the server's processes: index, pid, description", plain("ps"), meets=Meets.SERVER),
    Command("uptime", "", "since when it runs", plain("uptime"), meets=Meets.SERVER),
    Command("version", "", "what runs there", plain("version"), meets=Meets.SERVER),
    Command("which", "", "the commands that the server has", plain("which"), meets=Meets.SERVER),
    Command("fifo", "name line…", f"any command through the FIFO, {_LINES}", fifo, meets=Meets.SERVER),
    Command("unixsock", "name line…", f"any command through the Unix socket, {_LINES}", unixsock, meets=Meets.SERVER),
    Command(
        "moni",
        "[loops]",
        "statistics, renewed every WATCH_PERIOD seconds",
        requests.monitor,
        "--once",
        meets=Meets.SERVER,
    ),
    Command(
        "ping",
        "uri",
        "have the server send an OPTIONS request, and show what comes back",
        requests.ping,
        meets=Meets.SERVER,
    ),
    Command("cisco_restart", "uri", "restart a Cisco phone", requests.cisco_restart, meets=Meets.SERVER),
    Command("start", "", "start the server; returns when it serves", running.start, meets=Meets.SERVER_BY_CONFIG),
    Command(
        "stop",
        "",
        "stop the server; transactions get time to end; returns when it is gone",
        running.stop,
        meets=Meets.SERVER_BY_CONFIG,
    ),
    Command(
        "reload",
        "",
        "exchange ser.cfg while the server runs; if anything fails, nothing changes",
        running.reload,
        "--check --diff --test --rollback --status",
        meets=Meets.SERVER_BY_CONFIG,
    ),
    Command(
        "log level",
        "[level] [which]",
        "show or set how much is logged, of a call (call-id=…) or by a module; default: as ser.cfg says",
        running.log_level,
        meets=Meets.SERVER,
    ),
    Command(
        "trace",
        "which+",
        "watch calls: from=alice, to=…, src=ADDRESS, method=INVITE, call-id=…; several mean all of them",
        tracing.trace,
        "-n --for --level --whole",
        meets=Meets.SERVER,
    ),
    Command(
        "restart", "", "stop and start, if its configuration is good", running.restart, meets=Meets.SERVER_BY_CONFIG
    ),
    Command("pa pres", "uri value", "set a presence state", requests.presence("pa_presence"), meets=Meets.SERVER),
    Command("pa loc", "uri value", "set a location", requests.presence("pa_location"), meets=Meets.SERVER),
    Command("online", "", "who is registered", contacts.online, meets=Meets.SERVER),
    Command("ul show", "[user]", "contacts of a user, or of all", contacts.show, meets=Meets.SERVER),
    Command(
        "ul dump", "", "all contacts of all users, with all that is known of them", contacts.dump, meets=Meets.SERVER
    ),
    Command("ul add", "user uri", "a contact that stays", contacts.add, meets=Meets.SERVER),
    Command("ul rm", "user", "remove all contacts of a user", contacts.rm, meets=Meets.SERVER),
    Command("alias show", "[user]", "what an alias stands for, or all aliases", contacts.show, meets=Meets.SERVER),
    Command("alias add", "user uri", "a new alias", contacts.alias_add),
    Command("alias rm", "user", "remove an alias", contacts.rm, meets=Meets.SERVER),
    Command("db create", "", "make the database, and the tables that are missing", administering.create),
    Command("db check", "", "look whether the tables are as they should be", administering.check),
    Command("db migrate", "", "bring old tables up to date", administering.migrate),
    Command("db url", "", "which database is meant", administering.show_url),
    Command(
        "add",
        "user [password] [address]",
        "a new user; a password that is not given is asked for",
        subscribers.add,
        f"{_PASSWORD} --email --ensure",
    ),
    Command("passwd", "user [password]", "a new password, which is asked for", subscribers.passwd, _PASSWORD),
    Command("rm", "user", "remove a user, with contacts, aliases, groups and all else", subscribers.rm, "--ensure"),
    Command("mail", "user", "write to a user: the letter is read from standard input", subscribers.mail),
    Command("showdb", "[user]", "users in the database, or one with its contacts there", subscribers.showdb),
    Command("rpid show", "[user]", "show it", records.rpid_show),
    Command("rpid add", "user rpid", "set it", records.rpid_add),
    Command("rpid rm", "user", "remove it", records.rpid_rm),
    Command("acl show", "[user]", "show them", records.acl_show),
    Command("acl grant", "user group+", "add a user to groups", records.acl_grant),
    Command("acl revoke", "user [group]", "remove a user from a group, or from all", records.acl_revoke),
    Command("speeddial show", "[user]", "show them", records.speeddial_show),
    Command("speeddial add", "user number uri", "what a number is short for", records.speeddial_add, "--description"),
    Command("speeddial rm", "user [number]", "remove one, or all", records.speeddial_rm),
    Command("avp show", "[user]", "show them", records.avp_show),
    Command("avp add", "user attribute value", "set one: name, s:name or i:NUMBER", records.avp_add, "--integer"),
    Command("avp rm", "user [attribute]", "remove one, or all", records.avp_rm),
    Command("domain show", "", "the domains", records.domain_show),
    Command("domain add", "domain", "a new domain", records.domain_add),
    Command("domain rm", "domain", "remove a domain", records.domain_rm, "--ensure"),
    Command("lcr show", "", "gateways and routes", routing.show),
    Command(
        "lcr addgw", "name address group", "a gateway", routing.gateway_add, "--port --scheme --transport --prefix"
    ),
    Command("lcr rmgw", "name", "remove a gateway", routing.gateway_rm, "--ensure"),
    Command("lcr addroute", "prefix group priority", "a route to a group of gateways", routing.route_add, "--from"),
    Command("lcr rmroute", "prefix group", "remove a route", routing.route_rm, "--from --ensure"),
    Command("lcr reload", "", "have the server read its gateways anew", routing.reload, meets=Meets.SERVER),
)


if __name__ == "__main__":
    sys.exit(main())
