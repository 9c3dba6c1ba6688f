"""The core's own actions: spellings and arguments. Reference core, 2.4, 3 and 5.5."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from runtime.spec.effects import Does
from runtime.spec.kinds_sip import LARGEST_PORT
from runtime.spec.kinds_words import LAST_ROUTE
from serc.reading import tree
from serc.resolve.described import described
from serc.diagnostics.report import Code
from serc.diagnostics import codes


@dataclass(frozen=True)
class Wrong:
    """What is wrong with an argument: `found` completes "…, found", unless `message` says it all."""

    code: Code
    found: str = ""
    message: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Slot:
    """One argument of an action. `expects` completes "NAME wants …"; `wrong` gives None for an argument that fits."""

    expects: str
    wrong: Callable[[tree.Argument], Wrong | None]


@dataclass(frozen=True)
class Action:
    """A core action under its chief name. Each of `forms` is a list of arguments that it can take.

    `bare`: may stand without parentheses.
    """

    name: str
    forms: tuple[tuple[Slot, ...], ...]
    does: Does | None
    bare: bool = False


def _type_mismatch(argument: tree.Argument, hint: str = "") -> Wrong:
    return Wrong(codes.ARGUMENT_TYPE, found=described(argument), hint=hint)


def _number(low: int, high: int, what: str, bounds: str) -> Callable[[tree.Argument], Wrong | None]:
    def wrong(argument: tree.Argument) -> Wrong | None:
        if not isinstance(argument, tree.Number):
            return _type_mismatch(argument, "write it without quotes" if isinstance(argument, tree.String) else "")
        if low <= argument.value <= high:
            return None
        return Wrong(codes.OUT_OF_RANGE, message=f"there is no {what} {argument.text}", hint=bounds)

    return wrong


def _string(argument: tree.Argument) -> Wrong | None:
    if isinstance(argument, tree.String):
        return None
    return _type_mismatch(argument, "put it in quotes")


def _host(argument: tree.Argument) -> Wrong | None:
    if isinstance(argument, tree.String):
        return _host_text(argument.value)
    if isinstance(argument, (tree.Host, tree.IpAddress)):
        return None
    if isinstance(argument, tree.SocketId):
        return _type_mismatch(argument, "the port is an argument of its own, behind a comma")
    return _type_mismatch(argument)


def _host_text(text: str) -> Wrong | None:
    if not text.strip():
        return Wrong(codes.BAD_ARGUMENT, message="the host name is empty")
    if re.fullmatch(r"[^:]+:[0-9]+", text):
        message = f'"{text}" is not a host name'
        return Wrong(codes.BAD_ARGUMENT, message=message, hint="the port is an argument of its own, behind a comma")
    if re.match(r"sips?:", text, re.IGNORECASE):
        return Wrong(codes.BAD_ARGUMENT, message=f'"{text}" is not a host name', hint="write the host alone")
    return None


def _doubtful(pattern: str, message: str, hint: str) -> Callable[[tree.Argument], Wrong | None]:
    """A string that makes sense only if it matches `pattern`; SER takes any."""

    def wrong(argument: tree.Argument) -> Wrong | None:
        if not isinstance(argument, tree.String):
            return _string(argument)
        if re.fullmatch(pattern, argument.value, re.IGNORECASE):
            return None
        return Wrong(codes.DOUBTFUL_ARGUMENT, message=f'"{argument.value}" {message}', hint=hint)

    return wrong


def _host_and_port(argument: tree.Argument) -> Wrong | None:
    if not isinstance(argument, tree.String):
        return _string(argument)
    _, colon, port = argument.value.rpartition(":")
    bare = not colon or "]" in port or ":" in argument.value[: -len(port) - 1].strip("[]")
    if bare or port.isdigit() and int(port) <= LARGEST_PORT:
        return None
    message = f'there is no port "{port}"'
    return Wrong(codes.DOUBTFUL_ARGUMENT, message=message, hint=f"write host or host:port; ports end at {LARGEST_PORT}")


def _flag_number(argument: tree.Argument) -> Wrong | None:
    if isinstance(argument, tree.Host):
        message = f"flags with names such as {argument.name} are of SER 2.0 and Kamailio"
        return Wrong(codes.ARGUMENT_TYPE, message=message, hint="in 0.9 flags have numbers, 1 to 31")
    return _number(1, 31, "flag", "flags are numbered 1 to 31")(argument)


def _listen_id(argument: tree.Argument) -> Wrong | None:
    return None if isinstance(argument, (tree.String, tree.Host, tree.IpAddress)) else _type_mismatch(argument)


def _socket(argument: tree.Argument) -> Wrong | None:
    if not isinstance(argument, tree.SocketId):
        return _type_mismatch(argument)
    if isinstance(argument.port, tree.Number) and argument.port.value > LARGEST_PORT:
        message = f"there is no port {argument.port.text}"
        return Wrong(codes.OUT_OF_RANGE, message=message, hint=f"ports end at {LARGEST_PORT}")
    return None


def _word(name: str) -> Callable[[tree.Argument], Wrong | None]:
    def wrong(argument: tree.Argument) -> Wrong | None:
        return None if isinstance(argument, tree.Word) and argument.name == name else _type_mismatch(argument)

    return wrong


def _quality(argument: tree.Argument) -> Wrong | None:
    if not isinstance(argument, tree.String):
        return _type_mismatch(argument, 'put it in quotes: "0.5"')
    if quality_thousandths(argument.value) is None:
        message = f'"{argument.value}" is not a q value'
        return Wrong(codes.BAD_ARGUMENT, message=message, hint="write 0 to 1 with at most three decimals: 0.5")
    return None


def quality_thousandths(text: str) -> int | None:
    """The q value of `text` in thousandths, None if it is none. 0 to 1, at most three decimals (reference core, 8.3)."""
    try:
        value = Decimal(text.strip()) * 1000
    except InvalidOperation:
        return None
    if not value.is_finite() or value != int(value) or not 0 <= value <= 1000 or "e" in text.lower():
        return None
    return int(value)


def _route_number(argument: tree.Argument) -> Wrong | None:
    if isinstance(argument, tree.Number):
        return _number(0, LAST_ROUTE, "route", f"routes are numbered 0 to {LAST_ROUTE}")(argument)
    if isinstance(argument, tree.String) and argument.value.isdigit():
        return _type_mismatch(argument, "write it without quotes")
    name = argument.value if isinstance(argument, tree.String) else getattr(argument, "name", "…")
    return Wrong(
        codes.NAMED_ROUTE,
        message=f"route names such as {name} are of SER 2.0, OpenSER and Kamailio",
        hint=f"in 0.9 routes have numbers, 0 to {LAST_ROUTE}",
    )


_HOST: Final = Slot("a host name or an IP address", _host)
_PORT: Final = Slot("a port number", _number(0, LARGEST_PORT, "port", f"ports end at {LARGEST_PORT}"))
_URI_HOST: Final = Slot("uri:host", _word("uri:host"))
_URI_PORT: Final = Slot("uri:port", _word("uri:port"))
_STRING: Final = Slot("a string", _string)
_FLAG: Final = Slot("the number of a flag", _flag_number)
_URI: Final = Slot("a URI", _doubtful(r"(sips?|tel|im|pres):.*", "is not a URI", "begin it with sip:"))
_NEW_HOST: Final = Slot(
    "a host name",
    _doubtful(
        r"[^:/@]*|\[?[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*\]?", "is not a host name alone", "sethostport takes a port, too"
    ),
)
_NEW_PORT: Final = Slot("a port in quotes", _doubtful(r"[0-9]{0,5}", "is not a port", "write digits"))
_COUNT: Final = Slot("a number", _number(0, 2**31 - 1, "number", "it must fit into 31 bits"))
_LEVEL: Final = Slot("a log level", _number(0, 2**31 - 1, "log level", "levels are small numbers"))

_FORWARD: Final = ((_HOST,), (_HOST, _PORT), (_URI_HOST,), (_URI_HOST, _URI_PORT), (_URI_HOST, _PORT))
_SEND: Final = ((_HOST,), (_HOST, _PORT))
_TEXT: Final = ((_STRING,),)
_NOTHING: Final = ((),)


def _spellings() -> dict[str, Action]:
    table: dict[str, Action] = {}

    def add(names: str, forms: tuple[tuple[Slot, ...], ...], does: Does | None, bare: bool = False) -> None:
        chief = names.split()[0]
        for name in names.split():
            table[name] = Action(chief, forms, does, bare)

    for name in ("forward", "forward_udp", "forward_tcp", "forward_tls"):
        add(name, _FORWARD, Does.RELAY)
    add("send", _SEND, Does.COPY)
    add("send_tcp", _SEND, Does.COPY)
    add("break drop", _NOTHING, None, bare=True)
    add("log", ((_STRING,), (_LEVEL, _STRING)), Does.LOG)
    add("setflag", ((_FLAG,),), Does.SET_FLAG)
    add("resetflag", ((_FLAG,),), Does.NOTHING)
    add("isflagset", ((_FLAG,),), Does.TEST_FLAG)
    add("error", ((_STRING, _STRING),), Does.LOG)
    add("route", ((Slot("the number of a route", _route_number),),), None)
    add("exec", _TEXT, Does.COPY)
    add("strip", ((_COUNT,),), Does.EDIT_URI)
    add("strip_tail", ((_COUNT,),), Does.EDIT_URI)
    add("prefix", _TEXT, Does.EDIT_URI)
    add("sethost rewritehost seth", ((_NEW_HOST,),), Does.REWRITE)
    add("sethostport rewritehostport sethp", ((Slot("host:port", _host_and_port),),), Does.REWRITE)
    add("setport rewriteport setp", ((_NEW_PORT,),), Does.EDIT_URI)
    add("setuser rewriteuser setu", _TEXT, Does.EDIT_URI)
    add("setuserpass rewriteuserpass setup", _TEXT, Does.EDIT_URI)
    add("seturi rewriteuri", ((_URI,),), Does.REWRITE)
    add("append_branch", ((), (_URI,), (_URI, Slot("a q value", _quality))), Does.APPEND_BRANCH, bare=True)
    add("revert_uri", _NOTHING, Does.REVERT_URI, bare=True)
    add("force_rport add_rport", _NOTHING, Does.NOTHING, bare=True)
    add("force_tcp_alias add_tcp_alias", ((), (_PORT,)), Does.NOTHING, bare=True)
    add("set_advertised_address", ((Slot("a host name or an IP address", _listen_id),),), Does.NOTHING)
    add("set_advertised_port", ((_PORT,),), Does.NOTHING)
    add("force_send_socket", ((Slot("a listening address as in udp:192.0.2.1:5060", _socket),),), Does.NOTHING)
    return table


# By every spelling; `name` of the Action is the chief one.
ACTIONS: Final = _spellings()
