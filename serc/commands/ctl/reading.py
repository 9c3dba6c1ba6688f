"""Replies of the server as data. Reference modules-more, D.1, D.3, D.4, D.5."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from serc.commands.ctl.client import Reply

Data = dict[str, object]


def as_data(command: str, reply: Reply) -> Data:
    """What --json shows: code and reason, and the content where the command's form is known, else its lines."""
    data: Data = {"code": reply.code or 200, "reason": reply.reason or "ok"}
    read = _READERS.get(command.lower())
    if read is None or not reply.is_good:
        data["lines"] = reply.text.splitlines()
    else:
        data[command.lower()] = read(reply.text)
    return data


def processes(text: str) -> list[Data]:
    found: list[Data] = []
    for line in text.splitlines():
        index, _, rest = line.partition("\t")
        pid, _, description = rest.partition("\t")
        found.append({"index": int(index), "pid": int(pid), "description": description})
    return found


def uptime(text: str) -> Data:
    """`seconds`, and the two dates as the server wrote them."""
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    seconds = re.match(r"\d+", fields.get("Up time", "").strip())
    return {
        "now": fields.get("Now", ""),
        "up_since": fields.get("Up Since", ""),
        "seconds": int(seconds[0]) if seconds else 0,
    }


def version(text: str) -> str:
    return text.strip().removeprefix("Server: ")


def counters(text: str) -> Data:
    """`NAME: NUMBER` wherever it stands."""
    return {name.strip(): int(number) for name, number in re.findall(r"([\w ]+?): (\d+)", text)}


def transactions(text: str) -> Data:
    """t_stats. Its spelling of "locally" is SER's."""
    numbers = {what: int(n) for what, n in re.findall(r"(Current|Total|Replied localy|[2-6]xx): (\d+)", text)}
    inside = {what: int(n) for n, what in re.findall(r"\((\d+) (waiting|local)\)", text)}
    return {
        "current": numbers.get("Current", 0),
        "waiting": inside.get("waiting", 0),
        "total": numbers.get("Total", 0),
        "local": inside.get("local", 0),
        "replied_locally": numbers.get("Replied localy", 0),
        "completed": {c: numbers.get(c, 0) for c in ("2xx", "3xx", "4xx", "5xx", "6xx")},
    }


def domains(text: str) -> list[Data]:
    """ul_stats."""
    return [
        {"domain": name, "registered": int(registered), "expired": int(expired)}
        for name, registered, expired in re.findall(r"(?m)^'([^']*)' (\d+) (\d+)", text)
    ]


def lines(text: str) -> list[str]:
    return text.splitlines()


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "ps": processes,
    "uptime": uptime,
    "version": version,
    "which": lines,
    "arg": lines,
    "pwd": str.strip,
    "t_stats": transactions,
    "sl_stats": counters,
    "ul_stats": domains,
}
