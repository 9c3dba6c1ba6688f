"""Addresses in routes against those of `listen`: requests that this server forwards to itself, sockets that it does not have."""

from __future__ import annotations

import re
from typing import Final

from runtime.spec.effects import Does
from runtime.spec.kinds_sip import is_ip
from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.lint.subject import Subject
from serc.reading import tree
from serc.reading.walk import calls, routes
from serc.resolve.words import text_of

_FORWARDS: Final = (Does.RELAY, Does.RELAY_STATEFUL, Does.COPY)
_SIP_PORT: Final = 5060
_HOST_PORT: Final = re.compile(r"(?:sip:(?:[^@]*@)?)?([0-9.]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")


def check_loops(subject: Subject, report: Report) -> None:
    """A fixed next hop that is an address of `listen`, with its port."""
    own = _own(subject.file)
    for route in routes(subject.file):
        for call in calls(route.body):
            _check_socket(call, own, subject.bound.modules.refused, report)
            does = subject.effects.of(call)
            place = _hop(call) if does in _FORWARDS else _rewritten(call) if does is Does.REWRITE else None
            if place is not None and place in own:
                verb = "lets the request go" if does is Does.REWRITE else "sends"
                message = f"{call.name.name} {verb} to this server itself: the request comes back here"
                related = (Related(own[place].span, "it listens here"),)
                report.add(
                    codes.FORWARDED_TO_SELF, call.span, message, hint="name another host or port", related=related
                )


def _check_socket(
    call: tree.Call, own: dict[tuple[str, int], tree.Assignment], refused: list[str], report: Report
) -> None:
    """A socket that is named by its address, where all that are listened on are named so, too."""
    socket = call.arguments[0] if len(call.arguments) == 1 else None
    if not isinstance(socket, tree.SocketId) or not own or not all(is_ip(host) for host, _ in own):
        return
    host, port = text_of(socket.host).lower(), socket.port.value if isinstance(socket.port, tree.Number) else 0
    if not is_ip(host) or any(host == other and port in (0, number) for other, number in own):
        return
    shown = ", ".join(f"{other}:{number}" for other, number in list(own)[:4])
    message = f"{call.name.name} names {text_of(socket)}, where this server does not listen: it does not start"
    refused.append(message)
    report.add(codes.NOT_LISTENING, socket.span, message, hint=f"it listens on {shown}")


def _own(file: tree.File) -> dict[tuple[str, int], tree.Assignment]:
    """The addresses that the file listens on, by host and port."""
    assignments = [item for item in file.items if isinstance(item, tree.Assignment)]
    ports = [v.value for i in assignments if i.name.name == "port" for v in i.values if isinstance(v, tree.Number)]
    usual = ports[-1] if ports else _SIP_PORT
    own: dict[tuple[str, int], tree.Assignment] = {}
    for item in assignments:
        if item.name.name == "listen":
            for value in item.values:
                if isinstance(value, tree.SocketId):
                    port = value.port.value if isinstance(value.port, tree.Number) else usual
                    own[text_of(value.host).lower(), port] = item
                elif isinstance(value, (tree.IpAddress, tree.Host, tree.String)):
                    own[text_of(value).lower(), usual] = item
    return own


def _hop(call: tree.Call) -> tuple[str, int] | None:
    """Host and port that the call names."""
    if len(call.arguments) not in (1, 2):
        return None
    host, port = call.arguments[0], call.arguments[1] if len(call.arguments) == 2 else None
    if not isinstance(host, (tree.IpAddress, tree.Host, tree.String)):
        return None
    number = _SIP_PORT if port is None else int(text_of(port)) if text_of(port).isdigit() else 0
    return text_of(host).lower(), number


def _rewritten(call: tree.Call) -> tuple[str, int] | None:
    """Host and port that the call writes into the Request-URI, both by themselves."""
    text = call.arguments[0] if len(call.arguments) == 1 else None
    found = _HOST_PORT.fullmatch(text.value) if isinstance(text, tree.String) else None
    if found is None or not is_ip(found[1].strip("[]")):
        return None
    return found[1].strip("[]").lower(), int(found[2] or _SIP_PORT)
