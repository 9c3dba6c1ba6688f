"""`serctl acl`, `rpid`, `speeddial`, `avp` and `domain`: tables of what users and domains have. Reference modules-more, C.1."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Final

from runtime.routing.database import Change, Condition, Value
from serc.commands.ctl.asking import ask, ask_if_running, say
from serc.commands.ctl.client import FAILED, CannotAsk, NotRunning
from serc.commands.ctl.names import Name, checked_domain, checked_uri, name_of
from serc.commands.ctl.shown import show_rows
from serc.commands.ctl.subscribers import existing
from serc.commands.ctl.tables import SUBSCRIBER, Tables, deletion, put, update

_GROUPS: Final = "local ld int voicemail free-pstn prepaid"


def _show(options: argparse.Namespace, table: str, columns: tuple[str, ...], name: Name | None) -> int:
    """The rows of a user, or of all."""
    rows = Tables(options).rows(table, columns, [] if name is None else name.where(), "username")
    return show_rows(options, table, columns, rows)


def _owner(options: argparse.Namespace) -> Name | None:
    """The user that is asked for, None for all. Raises CannotAsk."""
    return None if options.user is None else existing(Tables(options), options.user)


# --- groups ----------------------------------------------------------------------------------------------------------

_ACL: Final = ("username", "domain", "grp", "last_modified")


def acl_show(options: argparse.Namespace) -> int:
    return _show(options, "grp", _ACL, _owner(options))


def acl_grant(options: argparse.Namespace) -> int:
    """Put a user into groups; being there already is no error."""
    tables = Tables(options)
    name = existing(tables, options.user)
    known = os.environ.get("ACL_GROUPS", _GROUPS).split()
    verified = os.environ.get("VERIFY_ACL", "1") == "1"
    bad = [group for group in options.group if verified and group not in known]
    for group in bad:
        print(f"Invalid privilege: {group} ignored: ACL_GROUPS has {' '.join(known)}", file=sys.stderr)
    good = [group for group in options.group if group not in bad]
    if not good:
        raise CannotAsk(FAILED, "no group is left to grant")
    tables.write(*[_membership(name, group) for group in good])
    acl_show(options)
    return FAILED if bad else 0


def _membership(name: Name, group: str) -> Change:
    user, domain = name.values()
    row: dict[str, Value] = {"username": user, "domain": domain, "grp": os.fsencode(group)}
    return put("grp", {**row, "last_modified": int(time.time())}, [*name.where(), Condition("grp", os.fsencode(group))])


def acl_revoke(options: argparse.Namespace) -> int:
    """Take a user out of a group, or of all; not having been there is no error."""
    name = name_of(options.user)
    where = name.where()
    if options.group is not None:
        where.append(Condition("grp", os.fsencode(options.group)))
    Tables(options).write(deletion("grp", where))
    return _show(options, "grp", _ACL, name)


# --- remote party ids ------------------------------------------------------------------------------------------------

_RPID: Final = ("username", "domain", "rpid")


def rpid_show(options: argparse.Namespace) -> int:
    return _show(options, SUBSCRIBER, _RPID, _owner(options))


def rpid_add(options: argparse.Namespace) -> int:
    return _set_rpid(options, os.fsencode(options.rpid))


def rpid_rm(options: argparse.Namespace) -> int:
    return _set_rpid(options, None)


def _set_rpid(options: argparse.Namespace, value: bytes | None) -> int:
    tables = Tables(options)
    name = existing(tables, options.user)
    tables.write(update(SUBSCRIBER, {"rpid": value}, name.where()))
    return _show(options, SUBSCRIBER, _RPID, name)


# --- short numbers ---------------------------------------------------------------------------------------------------

_DIAL: Final = ("username", "domain", "sd_username", "sd_domain", "new_uri", "fname", "lname", "description")


def speeddial_show(options: argparse.Namespace) -> int:
    return _show(options, "speed_dial", _DIAL, _owner(options))


def speeddial_add(options: argparse.Namespace) -> int:
    """What a user dials, and what that stands for; a number that is there gets the new URI."""
    tables = Tables(options)
    name = existing(tables, options.user)
    short, uri = _short(options.number, name), os.fsencode(checked_uri(options.uri))
    row: dict[str, Value] = dict(zip(_DIAL, [*name.values(), *short.values(), uri]))
    if options.description is not None:
        row["description"] = os.fsencode(options.description)
    tables.write(put("speed_dial", row, [*name.where(), *short.where("sd_username", "sd_domain")]))
    return _show(options, "speed_dial", _DIAL, name)


def speeddial_rm(options: argparse.Namespace) -> int:
    """One short number of a user, or all."""
    name = name_of(options.user)
    where = name.where()
    if options.number is not None:
        where += _short(options.number, name).where("sd_username", "sd_domain")
    Tables(options).write(deletion("speed_dial", where))
    return _show(options, "speed_dial", _DIAL, name)


def _short(number: str, owner: Name) -> Name:
    """A short number is dialled in the domain of its owner if it says no other."""
    return name_of(number if "@" in number else f"{number}@{owner.domain}")


# --- AVPs ------------------------------------------------------------------------------------------------------------

_AVP: Final = ("uuid", "username", "domain", "attribute", "value", "type")
_INTEGER_VALUE: Final = 1
_INTEGER_NAME: Final = 2


def avp_show(options: argparse.Namespace) -> int:
    return _show(options, "usr_preferences", _AVP, None if options.user is None else name_of(options.user))


def avp_add(options: argparse.Namespace) -> int:
    """An attribute of a user, as avp_db and avpops load it. One that is there gets the value.

    A name of the form i:NUMBER is a number; --integer makes the value one.
    """
    name, attribute, kind = name_of(options.user), options.attribute, 0
    if attribute[:2] in ("i:", "s:"):
        kind, attribute = (_INTEGER_NAME if attribute[0] == "i" else 0), attribute[2:]
    for word, is_number in ((attribute, kind), (options.value, options.integer)):
        if is_number and not word.lstrip("-").isdecimal():
            raise CannotAsk(FAILED, f"error: {word!r} is no number")
    if not attribute:
        raise CannotAsk(FAILED, "error: an attribute needs a name")
    user, domain = name.values()
    row: dict[str, Value] = {"username": user, "domain": domain, "attribute": os.fsencode(attribute)}
    row |= {"value": os.fsencode(options.value), "type": kind | (_INTEGER_VALUE if options.integer else 0)}
    tables = Tables(options)
    tables.write(put("usr_preferences", row, [*name.where(), Condition("attribute", os.fsencode(attribute))]))
    return _show(options, "usr_preferences", _AVP, name)


def avp_rm(options: argparse.Namespace) -> int:
    """One attribute of a user, or all."""
    name = name_of(options.user)
    where = name.where()
    if options.attribute is not None:
        attribute = options.attribute
        attribute = attribute[2:] if attribute[:2] in ("i:", "s:") else attribute
        where.append(Condition("attribute", os.fsencode(attribute)))
    Tables(options).write(deletion("usr_preferences", where))
    return _show(options, "usr_preferences", _AVP, name)


# --- domains ---------------------------------------------------------------------------------------------------------


def domain_show(options: argparse.Namespace) -> int:
    """As the running server has them; without one, as the database has them."""
    try:
        return ask(options, "domain_dump")
    except NotRunning:
        if options.socket is not None or options.fifo is not None:
            raise
    columns = ("domain", "last_modified")
    return show_rows(options, "domain", columns, Tables(options).rows("domain", columns, [], "domain"))


def domain_add(options: argparse.Namespace) -> int:
    """A domain that the server is responsible for; being one already is no error."""
    domain = os.fsencode(checked_domain(options.domain))
    row: dict[str, Value] = {"domain": domain, "last_modified": int(time.time())}
    Tables(options).write(put("domain", row, [Condition("domain", domain)]))
    return _reload(options, "domain added", added=options.domain)


def domain_rm(options: argparse.Namespace) -> int:
    domain = os.fsencode(checked_domain(options.domain))
    removed = Tables(options).write(deletion("domain", [Condition("domain", domain)]))
    if not removed and not options.ensure:
        raise CannotAsk(FAILED, f"there is no domain {options.domain}")
    return _reload(options, "domain removed", removed=options.domain)


def _reload(options: argparse.Namespace, sentence: str, **data: object) -> int:
    """Have the running server look, and say how that went."""
    reply = ask_if_running(options, "domain_reload")
    if reply is None:
        print("no server runs: it finds it when it starts", file=sys.stderr)
    elif not reply.is_good:
        raise CannotAsk(FAILED, f"{sentence}, but the server does not reload: {reply.code} {reply.reason}")
    return say(options, sentence, **data)
