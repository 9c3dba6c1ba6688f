"""How arguments of the core's actions are written. Reference core, 2.4 and 5.5."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from runtime.routing.sockets import SocketName
from runtime.spec.declare import Arg, ArgumentKind, Given, Written, no_doubt
from runtime.spec.kinds import COMMAND, SPECIFIER, level_named, specifier_doubt, wire
from runtime.spec.kinds_sip import LARGEST_PORT, is_ip, socket_constant
from runtime.spec.values import BadArgument, Constant, Doubt, Named, OutOfRange

_NUMBERS: Final = frozenset((Written.NUMBER,))
_LAST_NUMBER: Final = 2**31 - 1
_LAST_LEVEL: Final = 4
_HOSTS: Final = frozenset((Written.STRING, Written.HOST, Written.ADDRESS))
_SOCKET: Final = re.compile(r"(?:([A-Za-z]+|\*):)?(\[[^]]*\]|[^:]*)(?::([0-9]+|\*))?\Z")


def _unquoted(form: Written, _text: str) -> Doubt | None:
    return Doubt("", "write it without quotes") if form is Written.STRING else None


def _quoted(_form: Written, _text: str) -> Doubt | None:
    return Doubt("", "put it in quotes")


def _number(
    name: str,
    expects: str,
    last: int,
    bounds: str,
    low: int = 0,
    misread: Callable[[Written, str], Doubt | None] = _unquoted,
    doubt: Callable[[str], Doubt | None] = no_doubt,
) -> ArgumentKind[int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= last:
            raise OutOfRange(f"there is no {name} {text}", bounds)
        return value

    return ArgumentKind[int](name, expects, parse, doubt, written=_NUMBERS, misread=misread)


def _named_flag(form: Written, text: str) -> Doubt | None:
    if form is Written.HOST:
        sentence = f"flags with names such as {text} are of SER 2.0 and Kamailio"
        return Doubt(sentence, "in 0.9 flags have numbers, 1 to 31")
    return _unquoted(form, text)


_SCHEMES: Final = ("sip", "sips", "tel", "im", "pres", "urn")
_TRANSPORTS: Final = ("udp", "tcp", "tls", "sctp", "ws", "wss")
# What separates nothing in host:port; ";" begins parameters of a URI, which have names.
_WRONG_SIGN: Final = re.compile(r"[,/]|;[0-9]*\Z")


def _host(text: str) -> bytes:
    if not text.strip():
        raise BadArgument("the host name is empty")
    if re.fullmatch(r"[^:]+:[0-9]+", text):
        raise BadArgument(f'"{text}" is not a host name', "the port is an argument of its own, behind a comma")
    if re.match(r"sips?:", text, re.IGNORECASE):
        raise BadArgument(f'"{text}" is not a host name', "write the host alone")
    return wire(text)


def _host_misread(form: Written, _text: str) -> Doubt | None:
    return Doubt("", "the port is an argument of its own, behind a comma") if form is Written.SOCKET else None


def _text(name: str, expects: str, doubt: Callable[[str], Doubt | None] | None = None) -> ArgumentKind[bytes]:
    """A string, of which SER takes any."""
    if doubt is None:
        return ArgumentKind[bytes](name, expects, wire, misread=_quoted)
    return ArgumentKind[bytes](name, expects, wire, doubt, misread=_quoted)


def _fixed(doubt: Callable[[str], Doubt | None]) -> Callable[[str], Doubt | None]:
    """The doubt about texts in which somebody expects to find something of the message as well."""
    return lambda text: specifier_doubt(text) or doubt(text)


def _unlike(pattern: str, sentence: str, hint: str) -> Callable[[str], Doubt | None]:
    """The doubt about texts that do not match `pattern`."""

    def doubt(text: str) -> Doubt | None:
        return None if re.fullmatch(pattern, text, re.IGNORECASE) else Doubt(f'"{text}" {sentence}', hint)

    return doubt


def _host_and_port(text: str) -> Doubt | None:
    if re.match(r"sips?:", text, re.IGNORECASE) or "@" in text:
        return Doubt(f'"{text}" is not a host with its port', "write host or host:port; seturi takes a whole URI")
    if (blank := _blank_in(text)) is not None:
        return blank
    if text.count(":") > 1 and not text.startswith("["):
        return Doubt(f'"{text}" is not a host with its port', "an IPv6 address stands in brackets: [2001:db8::1]:5060")
    wrong = _WRONG_SIGN.search(text)
    if wrong is not None or not text.partition(":")[0]:
        return Doubt(f'"{text}" is not a host with its port', "write host or host:port")
    host, colon, port = text.rpartition(":")
    numbers = _numbers_of_no_address(host if colon and port.isdigit() else text)
    if numbers is not None:
        return numbers
    bare = not colon or "]" in port or ":" in text[: -len(port) - 1].strip("[]")
    if bare or port.isdigit() and 0 < int(port) <= LARGEST_PORT:
        return None
    return Doubt(f'there is no port "{port}"', f"write host or host:port; ports end at {LARGEST_PORT}")


def _uri_doubt(text: str) -> Doubt | None:
    """SER takes any text for a URI; whoever gets the request does not."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in _SCHEMES:
        return Doubt(f'"{text}" is not a URI', "begin it with sip:")
    if re.search(r"[\s<>\"]", text):
        return Doubt(f'"{text}" is not a URI: it has no blanks, quotes and angle brackets', "")
    if scheme.lower() not in ("sip", "sips"):
        return None
    host, *params = rest.partition("?")[0].rpartition("@")[2].split(";")
    if (wrong := _host_and_port(host)) is not None:
        return Doubt(f'"{text}" is not a URI: {wrong.sentence}', wrong.hint)
    proto = next((each[10:] for each in params if each.lower().startswith("transport=")), "udp")
    if proto.lower() not in _TRANSPORTS:
        return Doubt(f'there is no transport "{proto}"', "transports: udp, tcp, tls")
    return None


def _port_doubt(text: str) -> Doubt | None:
    if not text.isdigit() and text:
        return Doubt(f'"{text}" is not a port', "write digits")
    if text and not 0 < int(text[:9]) <= LARGEST_PORT:
        return Doubt(f'there is no port "{text}"', f"ports are 1 to {LARGEST_PORT}")
    return None


def _numbers_of_no_address(text: str) -> Doubt | None:
    """What looks like an IPv4 address and is none: as a name it could not be found."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)+", text) and not is_ip(text):
        return Doubt(f"{text} is not an IP address: it wants four numbers from 0 to 255", "")
    return None


def _blank_in(text: str) -> Doubt | None:
    """A URI with it is none, and whoever gets the request refuses it."""
    return Doubt(f'"{text}" is no host: there is a blank in it', "") if re.search(r"\s", text) else None


def _host_alone(text: str) -> Doubt | None:
    if (blank := _blank_in(text)) is not None:
        return blank
    if re.fullmatch(r"[^:/@]*|\[?[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*\]?", text, re.IGNORECASE):
        return _numbers_of_no_address(text)
    return Doubt(f'"{text}" is not a host name alone', "rewritehostport (or sethostport) takes a port, too")


def _advertised(text: str) -> bytes:
    """It stands in Via as it is, where IPv6 needs brackets."""
    try:
        return wire(f"[{ipaddress.IPv6Address(text)}]")
    except ValueError:
        return wire(text)


def _socket(text: str) -> Constant[SocketName]:
    found = _SOCKET.match(f"[{text}]" if is_ip(text) and ":" in text and not text.startswith("[") else text)
    if found is None:
        raise BadArgument(f'"{text}" is not an address', "write udp:192.0.2.1:5060, without quotes")
    proto, host, port = found[1] or "", found[2].strip("[]"), found[3] or "*"
    if port != "*" and int(port) > LARGEST_PORT:
        raise OutOfRange(f"there is no port {port}", f"ports end at {LARGEST_PORT}")
    return socket_constant("" if proto == "*" else proto.lower(), host, 0 if port == "*" else int(port))


def _quality(text: str) -> int:
    """Thousandths; 0 to 1, at most three decimals (reference core, 8.3)."""
    try:
        value = Decimal(text.strip()) * 1000
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value != int(value) or not 0 <= value <= 1000 or "e" in text.lower():
        raise BadArgument(f'"{text}" is not a q value', "write 0 to 1 with at most three decimals: 0.5")
    return int(value)


def _unquoted_quality(_form: Written, _text: str) -> Doubt | None:
    return Doubt("", 'put it in quotes: "0.5"')


def _level_doubt(text: str) -> Doubt | None:
    if int(text) <= _LAST_LEVEL:
        return None
    return Doubt(f"there is no log level {text}: debugging, {_LAST_LEVEL}, is the last one", "levels go from -3 to 4")


def _count_doubt(text: str) -> Doubt | None:
    return Doubt("0 characters are removed: this does nothing", "") if int(text) == 0 else None


def _prefix_doubt(text: str) -> Doubt | None:
    """It is put before the user, behind the scheme."""
    scheme = re.match(r"(sips?|tel):", text, re.IGNORECASE)
    if scheme is not None:
        rest = text[scheme.end() :]
        hint = f'write "{rest}"' if rest else "seturi takes a whole URI"
        return Doubt(f'prefix comes between "sip:" and the user: the user would begin with "{scheme[0]}"', hint)
    if not text:
        return Doubt("prefix puts nothing before the user: this does nothing", "")
    if " " in text.strip(" "):
        return Doubt(f'"{text}" cannot be a part of a user', "remove the blank")
    if re.search(r"[@\s<>]", text):
        return Doubt(f'"{text}" cannot be a part of a user', "seturi takes a whole URI")
    return None


def _log_doubt(text: str) -> Doubt | None:
    """Specifiers are of xlog; `log` writes what stands there."""
    found = SPECIFIER.search(text)
    if found is None:
        return None
    return Doubt(f"log writes {found[0]} as it stands: it puts nothing in", "xlog of module xlog does")


def _level(text: str) -> int | Named[int]:
    value = int(text)
    if value > _LAST_NUMBER:
        raise OutOfRange(f"there is no log level {text}", "levels are small numbers")
    return level_named(value)


def _word(name: str) -> Arg[object]:
    return Arg(name, ArgumentKind[bytes](name, name, wire, written=frozenset((Written.WORD,))))


_HOST_KIND: Final = ArgumentKind[bytes](
    "host", "a host name or an IP address", _host, written=_HOSTS, misread=_host_misread
)
_PORT_KIND: Final = _number("port", "a port number", LARGEST_PORT, f"ports end at {LARGEST_PORT}")

HOST: Final = Arg("host", _HOST_KIND)
PORT: Final = Arg("port", _PORT_KIND)
HOST_OF_URI: Final = _word("uri:host")
PORT_OF_URI: Final = _word("uri:port")
FLAG: Final = Arg(
    "flag", _number("flag", "the number of a flag", 31, "flags are numbered 1 to 31", 1, misread=_named_flag)
)
LEVEL: Final = Arg(
    "level",
    ArgumentKind[int]("log level", "a log level", _level, _level_doubt, written=_NUMBERS, misread=_unquoted),
)
COUNT: Final = Arg("count", _number("number", "a number", _LAST_NUMBER, "it must fit into 31 bits", doubt=_count_doubt))
TEXT: Final = Arg("text", _text("string", "a string"))
LOGGED: Final = Arg("text", _text("string", "a string", _log_doubt))
PREFIX: Final = Arg("text", _text("string", "a string", _fixed(_prefix_doubt)))
SCRIPT: Final = Arg("command", _text("command", "a shell command", COMMAND.doubt))
NEW_USER: Final = Arg(
    "user",
    _text("user", "a user", _fixed(_unlike(r"(?!sips?:)[^@]*", "is not a user alone", "seturi takes a whole URI"))),
)
URI: Final = Arg("uri", _text("URI", "a URI", _fixed(_uri_doubt)))
NEW_HOST: Final = Arg(
    "host",
    _text("host", "a host name", _fixed(_host_alone)),
)
NEW_HOST_PORT: Final = Arg("host:port", _text("host:port", "host:port", _fixed(_host_and_port)))
NEW_PORT: Final = Arg("port", _text("port", "a port in quotes", _port_doubt))
Q: Final = Arg("q", ArgumentKind[int]("q value", "a q value", _quality, misread=_unquoted_quality))
ADVERTISED: Final = Arg(
    "address", ArgumentKind[bytes]("host", "a host name or an IP address", _advertised, written=_HOSTS)
)
SOCKET: Final = Arg(
    "socket",
    ArgumentKind[SocketName](
        "socket",
        "a listening address as in udp:192.0.2.1:5060",
        _socket,
        written=frozenset((Written.SOCKET, Written.STRING)),
    ),
)


def given(value: int) -> Given[int]:
    """A number that ser.cfg leaves out."""
    return Given(value)


def named(name: str, value: int, *words: Arg[object]) -> Given[int]:
    """A constant of the core by its name."""
    return Given(Named(name, value), words)
