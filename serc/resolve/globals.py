"""Checks the global parameters."""

from __future__ import annotations

import re
from typing import Final

from runtime.spec.environment import names_in
from runtime.spec.globals import BY_NAME, FACILITIES, Global, GlobalType
from runtime.spec.kinds_sip import LARGEST_PORT, is_host_name, is_ip
from serc.diagnostics import codes
from serc.diagnostics.fix import Fix, insert, misspelt, remove, write
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import did_you_mean
from serc.reading import tree
from serc.reading.dialects import GLOBALS as FOREIGN_GLOBALS
from serc.reading.dialects import LISTEN_WORDS as FOREIGN_WORDS
from serc.reading.source import readable
from serc.resolve.described import described

_TLS_METHODS: Final = frozenset(
    f"{stem}{number}" for stem, numbers in (("ssl", ("v23", "v2", "v3")), ("tls", ("v1",))) for number in numbers
)
_DEFAULT_PORT: Final = 5060
# The level from which on a server is watched rather than run.
_DEBUGGING: Final = 3
# More than this is hardly meant, why, and the way out.
_MOST: Final = {
    "debug": (9, "there are no levels above 4, debugging", "write a number from -3 to 4"),
    "children": (1024, "each is a process, for each address", "as many as there are processors will do"),
    "tcp_children": (1024, "each is a process", "as many as there are processors will do"),
}


def check_globals(file: tree.File, report: Report) -> None:
    given: dict[str, tree.Assignment] = {}
    for item in file.items:
        if isinstance(item, tree.Assignment):
            entry = BY_NAME.get(item.name.name)
            if entry is None:
                _unknown(item, report)
                continue
            _check_type(entry, item, report)
            if entry.why:
                report.add(codes.IGNORED_GLOBAL, item.span, f"{item.name.name} does nothing here: {entry.why}")
            _check_sense(entry, item, report)
            if not entry.cumulative:
                _overwritten(entry, item, given, report)
            elif entry.name == "listen":
                given.pop("port", None)  # a port= behind it is that of the next ones
            given[entry.name] = item
    given = {BY_NAME[item.name.name].name: item for item in _known(file)}
    _listen_twice(file, given, report)
    _listen_on_disabled(file, given, report)
    _mhomed_and_advertised(given, report)
    _children_without_fork(given, report)


def _known(file: tree.File) -> list[tree.Assignment]:
    return [item for item in file.items if isinstance(item, tree.Assignment) and item.name.name in BY_NAME]


def _unknown(item: tree.Assignment, report: Report) -> None:
    name = item.name.name
    foreign = FOREIGN_GLOBALS.get(name)
    if foreign is not None:
        message = f"the global parameter {name} is of {foreign.origin}"
        fix = _our_global(item, foreign.instead)
        report.add(codes.FOREIGN_GLOBAL, item.name.span, message, hint=foreign.instead, fix=fix)
        return
    hint, fix = did_you_mean(name, BY_NAME), misspelt(item.name.span, name, BY_NAME)
    report.add(codes.UNKNOWN_GLOBAL, item.name.span, f"there is no global parameter {name}", hint=hint, fix=fix)


def _our_global(item: tree.Assignment, instead: str) -> Fix | None:
    """What the table of dialects says, as a change. Where something is lost by it, somebody has to look at it."""
    renamed = re.fullmatch(r"write (\w+)=", instead)
    if renamed is not None:
        return write(item.name.span, renamed[1])
    if instead.startswith("remove it"):
        return remove(item.span, item.name.name, safe="TLS" not in instead and "and write" not in instead)
    return None


def _check_type(entry: Global, item: tree.Assignment, report: Report) -> None:
    if entry.type is GlobalType.SOCKETS:
        for value in item.values:
            assert isinstance(value, tree.SocketId)
            check_port(value.port, report)
            _check_proto(item, value, report)
            _check_host(item, value.host, report)
        return
    value = item.values[0]
    if entry.type is GlobalType.ADDRESS and isinstance(value, (tree.String, tree.IpAddress, tree.Host)):
        _check_host(item, value, report)
    name = item.name.name
    wrong, hint = _mismatch(entry.type, value)
    if wrong:
        fix = _requoted(value, hint)
        report.add(codes.GLOBAL_TYPE, item.span, f"{name} wants {entry.type.value}, found {wrong}", hint=hint, fix=fix)
    elif isinstance(value, tree.Number) and not entry.low <= value.value <= entry.high:
        message = f"{name} cannot be {value.text}: it goes from {entry.low} to {entry.high}"
        hint = (
            f"remove it: without it the default is taken, as SER takes it for {value.text}" if value.value == 0 else ""
        )
        report.add(codes.GLOBAL_RANGE, item.span, message, hint=hint)
    elif entry.type is GlobalType.FACILITY and isinstance(value, tree.Identifier):
        if value.name.upper() not in FACILITIES:
            known = did_you_mean(value.name.upper(), FACILITIES)
            hint = f"{known or 'syslog facilities:'} they are LOG_LOCAL0 to LOG_LOCAL7, LOG_DAEMON, LOG_USER and so on"
            fix = misspelt(value.span, value.name, FACILITIES)
            message = f"there is no syslog facility {value.name}"
            report.add(codes.UNKNOWN_FACILITY, value.span, message, hint=hint, fix=fix)


def _requoted(value: object, hint: str) -> Fix | None:
    """With quotes or without, as the hint says."""
    if hint == "write it without quotes" and isinstance(value, tree.String) and re.fullmatch(r"\w+", value.value):
        return write(value.span, value.value)
    if hint == "put it in quotes" and isinstance(value, (tree.Number, tree.IpAddress)):
        return write(value.span, f'"{value.text}"')
    return write(value.span, f'"{value.name}"') if hint == "put it in quotes" and isinstance(value, tree.Host) else None


def _mismatch(
    kind: GlobalType, value: tree.Number | tree.String | tree.Identifier | tree.SocketId | tree.Host | tree.IpAddress
) -> tuple[str, str]:
    """What stands there instead of a value of `kind`, and the way out; ("", "") if it is one."""
    if kind in (GlobalType.INTEGER, GlobalType.BOOLEAN):
        if isinstance(value, tree.Number):
            return "", ""
        hint = "write it without quotes" if isinstance(value, tree.String) else ""
        return described(value), hint
    if kind is GlobalType.ADDRESS:
        fits = isinstance(value, (tree.String, tree.Host, tree.IpAddress, tree.Identifier))
        return ("", "") if fits else (described(value), "")
    if kind is GlobalType.FACILITY:
        hint = "write it without quotes" if isinstance(value, tree.String) else ""
        return ("", "") if isinstance(value, tree.Identifier) else (described(value), hint)
    if kind is GlobalType.TLS_METHOD:
        fits = isinstance(value, tree.Identifier) and value.name.lower() in _TLS_METHODS
        return ("", "") if fits else (described(value), "")
    allowed = (tree.String, tree.Identifier) if kind is GlobalType.WORD else (tree.String,)
    return ("", "") if isinstance(value, allowed) else (described(value), "put it in quotes")


def check_port(port: tree.Number | tree.Word | None, report: Report) -> None:
    """Of a socket: any number that fits into 16 bits, or `*`."""
    if isinstance(port, tree.Number) and port.value > LARGEST_PORT:
        message = f"there is no port {port.text}: ports end at {LARGEST_PORT}"
        report.add(codes.OUT_OF_RANGE, port.span, message)


def _check_proto(item: tree.Assignment, socket_id: tree.SocketId, report: Report) -> None:
    proto = socket_id.proto
    if item.name.name == "listen" and proto is not None and proto.name.lower() == "tls":
        message = "TLS is not supported yet: the server does not start with this"
        report.add(codes.REFUSED, socket_id.span, message, hint="listen on udp: or tcp:, and put a TLS proxy before it")


def _check_host(item: tree.Assignment, host: tree.String | tree.Host | tree.IpAddress, report: Report) -> None:
    """A text in quotes may be anything; a host name or an address it should be."""
    name = item.name.name
    if isinstance(host, tree.IpAddress):
        if name == "listen" and not any(c in host.text for c in "123456789abcdef"):
            message = (
                f"{host.text} would be the address that stands in Via and Record-Route, where nobody can answer to"
            )
            hint = "name the addresses, or leave listen away to serve all of them"
            report.add(codes.DOUBTFUL_GLOBAL, host.span, message, hint=hint)
        last = host.text.rpartition(":")
        if name in ("listen", "alias") and re.fullmatch(r"50[0-9][0-9]", last[2]) and "::" in last[0]:
            message = f"{last[2]} is the last part of this IPv6 address, not a port"
            meant = write(host.span, f"[{last[0]}]:{last[2]}", safe=False)
            report.add(codes.DOUBTFUL_GLOBAL, host.span, message, hint=meant.title, fix=meant)
        return
    text = host_name(host)
    if names_in(text):
        return
    if name == "listen" and text in FOREIGN_WORDS:
        foreign = FOREIGN_WORDS[text]
        report.add(codes.FOREIGN_GLOBAL, host.span, f"{text} is of {foreign.origin}", hint=foreign.instead)
        return
    if is_ip(text) or is_host_name(text):
        return
    message = f'"{readable(text)}" is neither an address nor a host name'
    hint, fix = "", None
    if text[:4].lower() in ("sip:", "sips"):
        hint = "write the host alone"
    elif re.fullmatch(r".*:[0-9]+", text):
        part = text.rpartition(":")
        hint = f'write the port behind the quotes: "{part[0]}":{part[2]}'
        hint = hint if name in ("listen", "alias") else "write the port as advertised_port"
        if name in ("listen", "alias") and (is_ip(part[0]) or is_host_name(part[0])):
            fix = write(host.span, f'"{part[0]}":{part[2]}', safe=name == "listen")
    elif " " in text or "," in text:
        hint = f"write each in quotes of its own, or in a line {name}=… of its own"
    code = codes.BAD_ADDRESS if name == "listen" else codes.IMPOSSIBLE_HOST
    report.add(code, host.span, message, hint=hint, fix=fix)


# --- legal, but hardly meant -----------------------------------------------------------------------------------------


def _check_sense(entry: Global, item: tree.Assignment, report: Report) -> None:
    value = item.values[0]
    if entry.name in ("children", "tcp_children") and isinstance(value, tree.Number) and value.value == 0:
        meant = "8" if entry.name == "children" else "the number of children"
        message = f"{entry.name}=0 does not mean none: the default, {meant}, is taken"
        report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint="write at least 1")
    if entry.name in _MOST and isinstance(value, tree.Number) and value.value > _MOST[entry.name][0]:
        message, hint = _MOST[entry.name][1], _MOST[entry.name][2]
        report.add(codes.DOUBTFUL_GLOBAL, item.span, f"{entry.name}={value.text}: {message}", hint=hint)
    if entry.name in ("fifo", "unix_sock") and isinstance(value, tree.String):
        if value.value and not value.value.startswith(("/", "${")):
            message = (
                f"{entry.name} is a relative path: it is made in the working directory, where serctl does not look"
            )
            report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint="write an absolute path, beginning with /")
    if entry.name == "fifo_dir" and isinstance(value, tree.String) and not value.value.endswith("/"):
        message = "fifo_dir is put before the name as it stands, without a / between them"
        fix = insert(value.span.end - 1, "/", safe=False)
        report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint="end it with /", fix=fix)
    path = value.value if isinstance(value, tree.String) else getattr(value, "name", "/")
    if entry.name in ("chroot", "workdir") and not str(path).startswith(("/", "${")):
        message = f'{entry.name}="{path}" depends on where the server is started'
        report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint="write an absolute path")
    if entry.name in ("user", "group") and isinstance(value, tree.String) and ":" in value.value:
        user, _, group = value.value.partition(":")
        message = f'there is no {entry.name} "{readable(value.value)}": user and group are two parameters'
        hint = f'write user="{readable(user)}" and group="{readable(group)}"'
        report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint=hint)
    if entry.name in ("fifo", "unix_sock") and isinstance(value, tree.String) and value.value.endswith("/"):
        message = f"{entry.name} is the name of a folder, and a file is made of it"
        report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint=f'write the name of a file: "{value.value}ser"')
    if entry.name == "sock_mode" and isinstance(value, tree.Number) and value.text[:1] in "123456789":
        if len(value.text) == 3 and value.text.strip("01234567") == "":
            message = f"{value.text} is a decimal number, the mode {value.value:04o}"
            fix = write(value.span, f"0{value.text}", safe=False)
            report.add(codes.DOUBTFUL_GLOBAL, item.span, message, hint=fix.title, fix=fix)


def _overwritten(entry: Global, item: tree.Assignment, given: dict[str, tree.Assignment], report: Report) -> None:
    before = given.get(entry.name)
    if before is not None:
        related = (Related(before.span, "first set here"),)
        message = f"{entry.name} is set a second time; the first value counts for nothing"
        report.add(codes.GLOBAL_TWICE, item.span, message, related=related, fix=remove(before.span, "the first one"))


def _number_of(given: dict[str, tree.Assignment], name: str, default: int) -> int:
    value = given[name].values[0] if name in given else None
    return value.value if isinstance(value, tree.Number) else default


def _listen_twice(file: tree.File, given: dict[str, tree.Assignment], report: Report) -> None:
    last = _number_of(given, "port", _DEFAULT_PORT)
    above: dict[str, tree.Assignment] = {}  # the port= that was there before, as for the server
    seen: dict[tuple[str, int], dict[str, tree.Span]] = {}  # by host and port, then by protocol
    for item in file.items:
        if not isinstance(item, tree.Assignment) or item.name.name not in ("listen", "port"):
            continue
        if item.name.name == "port":
            above["port"] = item
            continue
        port = _number_of(above, "port", last)
        for value in item.values:
            assert isinstance(value, tree.SocketId)
            proto, host, number = _socket_key(value, port)
            there = seen.setdefault((host, number), {})
            same = [span for other, span in there.items() if not other or not proto or other == proto]
            if same:
                span = item.span if len(item.values) == 1 else value.span
                message = f"{host} is listed already: the second entry is dropped"
                related = (Related(same[0], "first listed here"),)
                hint, fix = "was another port or address meant?", remove(span, "the second one")
                report.add(codes.LISTEN_TWICE, span, message, related=related, hint=hint, fix=fix)
            there.setdefault(proto, value.span)


def _socket_key(value: tree.SocketId, port: int) -> tuple[str, str, int]:
    host = value.host.text if isinstance(value.host, tree.IpAddress) else host_name(value.host)
    proto = "" if value.proto is None or value.proto.name == "*" else value.proto.name.lower()
    return proto, host.lower(), value.port.value if isinstance(value.port, tree.Number) else port


def host_name(host: tree.String | tree.Host) -> str:
    return host.value if isinstance(host, tree.String) else host.name


def _listen_on_disabled(file: tree.File, given: dict[str, tree.Assignment], report: Report) -> None:
    if not _number_of(given, "disable_tcp", 0):
        return
    for item in file.items:
        if isinstance(item, tree.Assignment) and item.name.name == "listen":
            for value in item.values:
                if isinstance(value, tree.SocketId) and value.proto and value.proto.name.lower() in ("tcp", "tls"):
                    related = (Related(given["disable_tcp"].span, "TCP is disabled here"),)
                    message = "this address is for TCP, which is disabled"
                    report.add(codes.CONTRADICTING_GLOBALS, value.span, message, related=related)


def _children_without_fork(given: dict[str, tree.Assignment], report: Report) -> None:
    children, fork = given.get("children"), given.get("fork")
    if children is None or fork is None or _number_of(given, "fork", 1):
        return
    if _number_of(given, "log_stderror", 0) or _number_of(given, "debug", 0) > _DEBUGGING:
        return  # as it is set for an hour, to look for a fault
    number = _number_of(given, "children", 1)
    if number > 1:
        message = f"children={number} does nothing: with fork=no there is one process for everything"
        related = (Related(children.span, "they are asked for here"),)
        hint = "write fork=yes, or remove children"
        report.add(codes.CONTRADICTING_GLOBALS, fork.span, message, hint=hint, related=related)


def _mhomed_and_advertised(given: dict[str, tree.Assignment], report: Report) -> None:
    mhomed, advertised = given.get("mhomed"), given.get("advertised_address")
    if mhomed is None or advertised is None or not isinstance(mhomed.values[0], tree.Number):
        return
    if mhomed.values[0].value:
        report.add(
            codes.CONTRADICTING_GLOBALS,
            advertised.span,
            "advertised_address writes one address into every Via, while mhomed sends from several",
            hint="drop mhomed, or set the address in the routes, per destination",
            related=(Related(mhomed.span, "mhomed is set here"),),
        )
