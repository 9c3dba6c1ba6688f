"""`serctl ul`, `alias` and `online`: contacts in the running server. Reference modules-more, C.1 and D.5."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator

from serc.commands.ctl.asking import ask, ask_if_running, channel_of, tell
from serc.commands.ctl.client import FAILED, CannotAsk, Reply
from serc.commands.ctl.names import Name, aor_of, checked_uri, name_of
from serc.commands.ctl.place import is_database_named
from serc.commands.ctl.tables import SUBSCRIBER, Tables
from serc.diagnostics.printable import printable


def table_of(words: str) -> str:
    """The usrloc domain behind `ul` and `alias`."""
    name, default = ("UL_TABLE", "location") if words.startswith("ul") else ("ALS_TABLE", "aliases")
    return os.environ.get(name, default)


def show(options: argparse.Namespace) -> int:
    """Of a user, or of all users if somebody wants to wait for that."""
    if options.user is not None:
        return ask(options, "ul_show_contact", table_of(options.command.words), aor_of(options.user))
    if sys.stdin.isatty() and sys.stderr.isatty():
        print("Dumping all contacts may take long: are you sure you want to do that? [Y|N] ", end="", file=sys.stderr)
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() != "y":
            return 0
    table = table_of(options.command.words)
    reply = channel_of(options).ask("ul_dump")
    if not reply.is_good:
        return tell(options, "ul_dump", reply)
    part = _part(reply.text, table)
    if not part:
        raise CannotAsk(FAILED, f"there is no table {table}: the server has those that its ser.cfg uses")
    return tell(options, "ul_dump", Reply(reply.code, reply.reason, part))


def _part(text: str, table: str) -> str:
    """What a dump of all tables has of one; "" where it is not among them."""
    parts = re.findall(r"^---Domain---\nname : '(.*)'\n((?s:.*?)---/Domain---\n)", text, re.MULTILINE)
    found = [rest for name, rest in parts if name == table]
    return f"---Domain---\nname : '{table}'\n{found[0]}" if found else ""


def dump(options: argparse.Namespace) -> int:
    """All tables with all users and contacts."""
    return ask(options, "ul_dump")


def rm(options: argparse.Namespace) -> int:
    return ask(options, "ul_rm", table_of(options.command.words), aor_of(options.user))


def add(options: argparse.Namespace) -> int:
    """A contact that stays."""
    aor = aor_of(options.user)
    uri = checked_uri(options.uri)
    refuse_alias(channel_of(options).ask("ul_show_contact", table_of("alias"), aor))
    return _add(options, table_of("ul"), aor, uri)


def alias_add(options: argparse.Namespace) -> int:
    """Another name for a URI. What it stands for already may be said again; a subscriber's name is refused."""
    alias, uri = name_of(options.user), checked_uri(options.uri)
    if is_database_named(options) and Tables(options).has_row(SUBSCRIBER, alias.where()):
        raise CannotAsk(FAILED, "overlap of alias with an existing subscriber name")
    found = channel_of(options).ask("ul_show_contact", table_of("alias"), str(alias))
    if not found.is_good or f"<{uri}>" not in found.text:
        refuse_alias(found)
    return _add(options, table_of("alias"), str(alias), uri)


def _add(options: argparse.Namespace, table: str, aor: str, uri: str) -> int:
    return tell(options, "ul_add", channel_of(options).ask("ul_add", table, aor, uri, "0", "1.00", "0", "128"))


def refuse_alias(found: Reply) -> None:
    """Raises CannotAsk if what was found of an alias is one, or no answer."""
    if found.is_good:
        raise CannotAsk(FAILED, "error: Overlap with an existing alias")
    # 404: no such alias. 400: the server has no table of aliases. 500: it has no usrloc, so there is none either.
    if found.code not in (400, 404) and "not available" not in found.reason:
        raise CannotAsk(FAILED, f"error: {found.code} {found.reason}")


def online(options: argparse.Namespace) -> int:
    """Who is registered."""
    reply = channel_of(options).ask("ul_dump")
    if not reply.is_good:
        return tell(options, "ul_dump", reply)
    names = sorted({line.split()[2] for line in reply.text.splitlines() if "aor" in line and len(line.split()) > 2})
    print(json.dumps([name.strip("'") for name in names]) if options.json else printable("\n".join(names)))
    return 0


def forget(options: argparse.Namespace, name: Name) -> None:
    """Have a running server forget the contacts of a user, and the aliases that stand for it. Raises CannotAsk."""
    removed = ask_if_running(options, "ul_rm", table_of("ul"), str(name))
    if removed is None:
        return
    if removed.code >= 500 and "not available" not in removed.reason:
        raise CannotAsk(FAILED, f"{removed.code} {removed.reason}")
    channel = channel_of(options)
    if channel.ask("ul_show_contact", table_of("alias"), str(name)).code == 400:
        return
    for alias, contact in _aliases(channel.ask("ul_dump").text, table_of("alias")):
        if contact in own_uris(name):
            channel.ask(
                "ul_rm_contact", table_of("alias"), alias if "@" in alias else f"{alias}@{name.domain}", contact
            )


def own_uris(name: Name) -> tuple[str, str]:
    return f"sip:{name}", f"sips:{name}"


def _aliases(text: str, table: str) -> Iterator[tuple[str, str]]:
    """AoR and contact of each contact of a table in a dump."""
    domain = aor = ""
    for line in text.splitlines():
        found = re.match(r"(domain|aor|Contact) *: '(.*)'$", line)
        if found is None:
            continue
        if found[1] == "domain":
            domain = found[2]
        elif found[1] == "aor":
            aor = found[2]
        elif domain == table:
            yield aor, found[2]
