"""`serctl add`, `passwd`, `rm`, `showdb` and `mail`. Reference modules-more, C.1."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from typing import Final

from runtime.routing.database import Change, Condition, Row, Value
from runtime.storage.schema import TABLES
from serc.commands.ctl import contacts
from serc.commands.ctl.asking import ask_if_running, say
from serc.commands.ctl.client import FAILED, CannotAsk
from serc.commands.ctl.names import Name, name_of
from serc.commands.ctl.passwords import password_of, secrets_of
from serc.commands.ctl.shown import show_rows
from serc.commands.ctl.tables import SUBSCRIBER, Tables, deletion, insertion, put, update

# What was written down about calls stays when a user goes.
_KEPT: Final = frozenset(("acc", "missed_calls"))


def existing(tables: Tables, text: str, cure: str = "serctl showdb lists the users, serctl add makes one") -> Name:
    """A subscriber that is there. Raises CannotAsk, with the way out."""
    name = name_of(text)
    if not tables.has_row(SUBSCRIBER, name.where()):
        raise CannotAsk(FAILED, f"non-existent user {name}: {cure}")
    return name


def add(options: argparse.Namespace) -> int:
    """A subscriber, and the URI that is its own. With --ensure one that is there gets the password and the address."""
    name, tables = name_of(options.user), Tables(options)
    is_there = tables.has_row(SUBSCRIBER, name.where())
    if is_there and not options.ensure:
        raise CannotAsk(
            FAILED, f"user already exists: {name}: serctl passwd {name} changes its password; with --ensure add does"
        )
    if not is_there:
        _refuse_namesake(tables, name)
        _refuse_alias(options, tables, name)
    secrets = secrets_of(options, name, password_of(options))
    now = int(time.time())
    row: dict[str, Value] = {**secrets, "datetime_modified": now}
    email = options.email if options.email is not None else options.address
    if email is not None or not is_there:
        row["email_address"] = os.fsencode(email or "")
    user, domain = name.values()
    uri: dict[str, Value] = {"username": user, "domain": domain, "uri_user": user, "last_modified": now}
    own = put("uri", uri, [*name.where(), Condition("uri_user", user)])
    if is_there:
        tables.write(update(SUBSCRIBER, row, name.where()), own)
        return say(options, f"user already exists: password and data of {name} are set", changed=str(name))
    made = {"username": user, "domain": domain, **row, "datetime_created": now, "phplib_id": secrets["ha1"]}
    tables.write(insertion(SUBSCRIBER, made), own)
    return say(options, "new user added", added=str(name))


def _refuse_namesake(tables: Tables, name: Name) -> None:
    """Raises CannotAsk for a name that differs from a subscriber's by capitals only: registrar and check_from take both for one user."""
    wanted = name.user.lower()
    for (other,) in tables.rows(SUBSCRIBER, ("username",), [Condition("domain", os.fsencode(name.domain))]):
        if isinstance(other, bytes) and os.fsdecode(other).lower() == wanted:
            taken = f"{os.fsdecode(other)}@{name.domain}"
            raise CannotAsk(FAILED, f"user already exists: {taken}: capitals do not make another user of the same name")


def _refuse_alias(options: argparse.Namespace, tables: Tables, name: Name) -> None:
    """Raises CannotAsk if the name is an alias already, in the running server or in the database."""
    reply = ask_if_running(options, "ul_show_contact", contacts.table_of("alias"), str(name))
    if reply is not None:
        contacts.refuse_alias(reply)
    elif tables.has_table("aliases") and tables.has_row("aliases", name.where()):
        raise CannotAsk(FAILED, "error: Overlap with an existing alias")


def passwd(options: argparse.Namespace) -> int:
    """Another password for a subscriber."""
    tables = Tables(options)
    name = existing(tables, options.user)
    row = {**secrets_of(options, name, password_of(options)), "datetime_modified": int(time.time())}
    tables.write(update(SUBSCRIBER, row, name.where()))
    return say(options, "password change succeeded", changed=str(name))


def rm(options: argparse.Namespace) -> int:
    """A subscriber with all that is its own; with --ensure it is no error if there is none."""
    tables = Tables(options)
    name = (
        name_of(options.user)
        if options.ensure
        else existing(tables, options.user, "there is nothing to remove (with --ensure that is no error)")
    )
    tables.write(*_removals(tables, name))
    try:
        contacts.forget(options, name)
    except CannotAsk as e:
        text = f"user removed, but the server may still have its contacts: serctl ul rm {name}\n{e}"
        raise CannotAsk(e.status, text) from e
    return say(options, "user removed", removed=str(name))


def _removals(tables: Tables, name: Name) -> list[Change]:
    """The rows of a user in all tables that there are, those without a domain too unless another domain has the same user."""
    user, domain = name.values()
    wheres = [name.where()]
    namesakes = tables.rows(SUBSCRIBER, ("domain",), [Condition("username", user)])
    if all(row == [domain] for row in namesakes):
        wheres.append([Condition("username", user), Condition("domain", b"")])
    changes: list[Change] = []
    for table in TABLES:
        fields = {field.name for field in table.fields}
        if {"username", "domain"} <= fields and table.name not in _KEPT and tables.has_table(table.name):
            changes += [deletion(table.name, where) for where in wheres]
            if table.name == "aliases":
                uris = [os.fsencode(uri) for uri in contacts.own_uris(name)]
                changes += [deletion(table.name, [Condition("contact", uri)]) for uri in uris]
    return changes


def showdb(options: argparse.Namespace) -> int:
    """All subscribers, or the address and the contacts of one."""
    tables = Tables(options)
    if options.user is None:
        columns = ("username", "domain", "email_address")
        return show_rows(options, SUBSCRIBER, columns, tables.rows(SUBSCRIBER, columns, [], "username"))
    name = existing(tables, options.user)
    columns = ("username", "domain", "email_address")
    rows = tables.rows(SUBSCRIBER, columns, name.where())
    found = _contacts(tables, name) if tables.has_table("location") else []
    if options.json:
        return show_rows(options, "location", _CONTACT, found)
    show_rows(options, SUBSCRIBER, columns, rows)
    show_rows(options, "location", _CONTACT, found)
    print("note: a running server may know of other contacts than its database: serctl ul show", file=sys.stderr)
    return 0


_CONTACT: Final = ("username", "domain", "contact", "expires", "q", "callid", "cseq", "flags", "user_agent")


def _contacts(tables: Tables, name: Name) -> list[Row]:
    """The last to expire comes first."""
    found = tables.rows("location", _CONTACT, name.where())
    return sorted(found, key=lambda row: row[3] if isinstance(row[3], int) else 0, reverse=True)


def mail(options: argparse.Namespace) -> int:
    """A letter, read from standard input, by the program `mail`."""
    tables = Tables(options)
    name = existing(tables, options.user)
    found = tables.rows(SUBSCRIBER, ("email_address",), name.where())[0][0]
    address = os.fsdecode(found) if isinstance(found, bytes) else ""
    if not address or address.startswith("-"):
        raise CannotAsk(FAILED, f"{name} has no e-mail address")
    program = shutil.which("mail")
    if program is None:
        raise CannotAsk(FAILED, "there is no program mail: install mailutils")
    print(f"Write email to {name}: {address} now ...", file=sys.stderr)
    done = subprocess.run([program, "-s", f"Message from {name.domain} SIP admin", address])
    if done.returncode != 0:
        raise CannotAsk(FAILED, "sending message failed")
    return say(options, "message sent", sent=address)
