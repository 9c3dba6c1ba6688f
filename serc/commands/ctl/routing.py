"""`serctl lcr`: gateways, their groups, and which number goes where. Reference modules-main, chapter 27."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
from typing import Final

from runtime.routing.database import Condition, Value
from serc.commands.ctl.asking import ask, ask_if_running, say
from serc.commands.ctl.client import FAILED, USAGE, CannotAsk
from serc.commands.ctl.shown import as_objects, show_rows
from serc.commands.ctl.tables import Tables, deletion, put

_GATEWAY: Final = ("gw_name", "ip_addr", "port", "uri_scheme", "transport", "grp_id", "prefix")
_ROUTE: Final = ("prefix", "from_uri", "grp_id", "priority")
_SCHEMES: Final = {"sip": 1, "sips": 2}
_TRANSPORTS: Final = {"udp": 1, "tcp": 2, "tls": 3}


def show(options: argparse.Namespace) -> int:
    """Gateways and routes, as the database has them."""
    tables = Tables(options)
    gateways = tables.rows("gw", _GATEWAY, [], "grp_id")
    routes = tables.rows("lcr", _ROUTE, [], "prefix")
    for row in gateways:
        row[1] = _address_text(row[1])
    if options.json:
        print(json.dumps({"gw": as_objects("gw", _GATEWAY, gateways), "lcr": as_objects("lcr", _ROUTE, routes)}))
        return 0
    show_rows(options, "gw", _GATEWAY, gateways)
    return show_rows(options, "lcr", _ROUTE, routes)


def gateway_add(options: argparse.Namespace) -> int:
    """A gateway of a group; one of this name that is there is changed."""
    name = os.fsencode(options.name)
    row: dict[str, Value] = {
        "gw_name": name,
        "ip_addr": _address_number(options.address),
        "grp_id": _number("group", options.group),
        "port": None if options.port is None else _number("port", options.port, 65535),
        "uri_scheme": _named("scheme", options.scheme, _SCHEMES),
        "transport": _named("transport", options.transport, _TRANSPORTS),
        "prefix": None if options.prefix is None else os.fsencode(options.prefix),
    }
    Tables(options).write(put("gw", row, [Condition("gw_name", name)]))
    return _reload(options, "gateway added", added=options.name)


def gateway_rm(options: argparse.Namespace) -> int:
    if (
        not Tables(options).write(deletion("gw", [Condition("gw_name", os.fsencode(options.name))]))
        and not options.ensure
    ):
        raise CannotAsk(FAILED, f"there is no gateway {options.name}: see serctl lcr show")
    return _reload(options, "gateway removed", removed=options.name)


def route_add(options: argparse.Namespace) -> int:
    """Numbers with this prefix go to this group; a route that is there gets the priority."""
    row, where = _route(options)
    row["priority"] = _number("priority", options.priority)
    Tables(options).write(put("lcr", row, where))
    return _reload(options, "route added", added=options.prefix)


def route_rm(options: argparse.Namespace) -> int:
    if not Tables(options).write(deletion("lcr", _route(options)[1])) and not options.ensure:
        raise CannotAsk(FAILED, f"there is no such route for {options.prefix}: see serctl lcr show")
    return _reload(options, "route removed", removed=options.prefix)


def _route(options: argparse.Namespace) -> tuple[dict[str, Value], list[Condition]]:
    """A route's columns without its priority, and the rows that have them."""
    prefix, origin = os.fsencode(options.prefix), os.fsencode(options.origin or "%")
    row: dict[str, Value] = {"prefix": prefix, "from_uri": origin, "grp_id": _number("group", options.group)}
    return row, [Condition(name, value) for name, value in row.items()]


def reload(options: argparse.Namespace) -> int:
    """Have the running server read its gateways anew."""
    return ask(options, "lcr_reload")


def _reload(options: argparse.Namespace, sentence: str, **data: object) -> int:
    """Have the running server look, if there is one that has lcr."""
    reply = ask_if_running(options, "lcr_reload")
    if reply is not None and not reply.is_good and "not available" not in reply.reason:
        raise CannotAsk(FAILED, f"{sentence}, but the server does not reload: {reply.code} {reply.reason}")
    return say(options, sentence, **data)


def _address_number(text: str) -> int:
    """The 32 bits of an address as they lie in memory, which is what SER stores. Raises CannotAsk."""
    try:
        return int.from_bytes(ipaddress.IPv4Address(text).packed, sys.byteorder)
    except ValueError:
        raise CannotAsk(FAILED, f"error: {text} is no IPv4 address, which is all that lcr knows") from None


def _address_text(value: Value) -> Value:
    if not isinstance(value, int) or not 0 <= value < 0x1_0000_0000:
        return value
    return str(ipaddress.IPv4Address(value.to_bytes(4, sys.byteorder))).encode()


def _number(what: str, text: str, most: int = 0x7FFF_FFFF) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= most):
        raise CannotAsk(USAGE, f"{what}: {text} is no number from 0 to {most}")
    return int(text)


def _named(what: str, text: str | None, names: dict[str, int]) -> int | None:
    if text is not None and text.lower() not in names:
        raise CannotAsk(USAGE, f"{what}: {text} is none of {', '.join(names)}")
    return None if text is None else names[text.lower()]
