"""What the server counts, as OpenMetrics: each process tells its counts, and here they get names, types and labels.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from runtime.version import VERSION

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Type = Literal["counter", "gauge", "info"]


@dataclass(frozen=True)
class Family:
    """A metric. A counter begins at 0 with its process, and again when that is replaced: rate() knows."""

    name: str
    type: Type
    help: str
    unit: str = ""


REQUESTS: Final = Family("ser_requests", "counter", "Requests received.")
METHODS: Final = Family("ser_requests_by_method", "counter", "Requests received, by method.")
REPLIES: Final = Family("ser_replies", "counter", "Replies received.")
STATUSES: Final = Family("ser_replies_by_class", "counter", "Replies received, by the first digit of the status.")
FORWARDED: Final = Family("ser_forwarded", "counter", "Messages forwarded: requests (each branch) and replies.")
LOCAL_REPLIES: Final = Family("ser_local_replies", "counter", "Replies that the server made itself.")
DROPPED: Final = Family("ser_dropped", "counter", "Messages that were dropped, by the reason.")
REFUSED: Final = Family("ser_refused", "counter", "Requests that were refused with 503, by the reason.")
SCRIPTS: Final = Family("ser_failed_scripts", "counter", "Main routes that ended with an error.")
SENT: Final = Family("ser_sent", "counter", "Messages sent.")
NOT_SENT: Final = Family("ser_not_sent", "counter", "Messages that the system did not take.")
HANDED_OVER: Final = Family(
    "ser_handed_over", "counter", "Messages passed on to the process that their call belongs to."
)
LETTERS_LOST: Final = Family("ser_letters_lost", "counter", "Letters between processes that found a full mailbox.")
QUESTIONS: Final = Family(
    "ser_questions", "counter", "Questions to the outside that a route waited for, by kind and fate."
)
TRANSACTIONS: Final = Family(
    "ser_transactions_open", "gauge", "Transactions and routes that have not come to their end."
)
CONNECTIONS: Final = Family("ser_tcp_connections", "gauge", "Open TCP connections.")
TCP_REFUSED: Final = Family("ser_tcp_refused", "counter", "TCP connections that were refused.")
MEMORY: Final = Family("ser_peak_memory_bytes", "gauge", "The most memory that the process has had.", "bytes")
BUGS: Final = Family("ser_bugs", "counter", "Exceptions that no message should cause.")
OTHER: Final = Family("ser_other", "gauge", "What else a process counts, by its name in the log.")
MODULES: Final = Family("ser_module", "gauge", "What modules count, by module and name.")
UP: Final = Family("ser_process_up", "gauge", "1 for a process that answers, else 0.")
RESTARTS: Final = Family("ser_process_restarts", "counter", "How often a process was replaced.")
START: Final = Family("ser_start_time_seconds", "gauge", "When the server started, in Unix time.", "seconds")
BUILD: Final = Family("ser_build", "info", "The version that runs, and whether its message path is native code.")

FAMILIES: Final = (
    REQUESTS,
    METHODS,
    REPLIES,
    STATUSES,
    FORWARDED,
    LOCAL_REPLIES,
    DROPPED,
    REFUSED,
    SCRIPTS,
    SENT,
    NOT_SENT,
    HANDED_OVER,
    LETTERS_LOST,
    QUESTIONS,
    TRANSACTIONS,
    CONNECTIONS,
    TCP_REFUSED,
    MEMORY,
    BUGS,
    MODULES,
    OTHER,
    UP,
    RESTARTS,
    START,
    BUILD,
)

Labels = tuple[tuple[str, str], ...]

# Counts of a process by the names that the log has for them, with their labels.
_PLAIN: Final[dict[str, tuple[Family, Labels]]] = {
    "requests": (REQUESTS, ()),
    "replies": (REPLIES, ()),
    "forwarded_requests": (FORWARDED, (("what", "request"),)),
    "forwarded_replies": (FORWARDED, (("what", "reply"),)),
    "local_replies": (LOCAL_REPLIES, ()),
    "dropped_short": (DROPPED, (("why", "short"),)),
    "dropped_bad": (DROPPED, (("why", "bad"),)),
    "dropped_replies": (DROPPED, (("why", "reply"),)),
    "refused": (REFUSED, (("why", "draining"),)),
    "refused_overload": (REFUSED, (("why", "overload"),)),
    "refused_full": (REFUSED, (("why", "full"),)),
    "failed_scripts": (SCRIPTS, ()),
    "sent": (SENT, ()),
    "not_sent": (NOT_SENT, ()),
    "handed_over": (HANDED_OVER, ()),
    "letters_lost": (LETTERS_LOST, ()),
    "unfinished": (TRANSACTIONS, ()),
    "tcp_connections": (CONNECTIONS, ()),
    "tcp_refused": (TCP_REFUSED, ()),
    "bugs": (BUGS, ()),
}
# The beginning or the end of a name is a label.
_HEADS: Final = (("method_", METHODS, "method"), ("class_", STATUSES, "class"))
_FATES: Final = ("waited", "late", "refused")


@dataclass(frozen=True)
class ProcessReport:
    """A process: its number in the process table and its name, how often it was replaced, and its counts, None if it does not answer."""

    number: int
    name: str
    deaths: int
    counts: dict[str, int] | None


def sample_of(name: str, count: int) -> tuple[Family, Labels, int]:
    """The metric that a count of a process is."""
    known = _PLAIN.get(name)
    if known is not None:
        return known[0], known[1], count
    if name == "peak_memory_kb":
        return MEMORY, (), count * 1024
    for head, family, label in _HEADS:
        if name.startswith(head):
            return family, ((label, name.removeprefix(head)),), count
    module, colon, what = name.partition(":")
    if colon:
        return MODULES, (("module", module), ("name", what)), count
    kind, _, fate = name.rpartition("_")
    if kind and fate in _FATES:
        return QUESTIONS, (("kind", kind), ("fate", fate)), count
    return OTHER, (("name", name),), count


def exposition(reports: Iterable[ProcessReport], since_s: float, is_native: bool) -> str:
    """The whole text."""
    samples: dict[str, list[tuple[Labels, str]]] = {}
    for report in reports:
        own: Labels = (("process", str(report.number)), ("title", report.name))
        _add(samples, UP, own, str(int(report.counts is not None)))
        _add(samples, RESTARTS, own, str(report.deaths))
        for name, count in (report.counts or {}).items():
            family, labels, value = sample_of(name, count)
            _add(samples, family, (*own, *labels), str(value))
    _add(samples, START, (), f"{since_s:.3f}")
    _add(samples, BUILD, (("version", VERSION), ("build", "native" if is_native else "pure")), "1")
    lines: list[str] = []
    for family in FAMILIES:
        of_family = samples.get(family.name)
        if of_family is None:
            continue
        lines.append(f"# TYPE {family.name} {family.type}")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines.append(f"# HELP {family.name} {family.help}")
        ending = {"counter": "_total", "info": "_info", "gauge": ""}[family.type]
        lines += [f"{family.name}{ending}{_shown(labels)} {value}" for labels, value in of_family]
    return "\n".join(lines) + "\n# EOF\n"


def _add(samples: dict[str, list[tuple[Labels, str]]], family: Family, labels: Labels, value: str) -> None:
    samples.setdefault(family.name, []).append((labels, value))


def _shown(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = [f'{name}="{_escaped(value)}"' for name, value in labels]
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
