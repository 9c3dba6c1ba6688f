"""What the server counts, as OpenMetrics: each process tells its counts, and here they get names, types and labels.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from runtime.version import VERSION

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Type = Literal["counter", "gauge", "info", "histogram"]


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
HANDLING: Final = Family(
    "ser_handling_seconds",
    "histogram",
    "From when a message is taken up until its route has ended, waits included, by method; what is no request is `reply`.",
    "seconds",
)
DURATIONS: Final = Family(
    "ser_transaction_seconds", "histogram", "From a request to its final reply, by method.", "seconds"
)
ANSWERS: Final = Family(
    "ser_question_seconds",
    "histogram",
    "How long answers of databases, name servers and others took, by kind.",
    "seconds",
)
ROUTES: Final = Family("ser_route_runs", "counter", "How often each route of ser.cfg ran.")
REGISTRATIONS: Final = Family("ser_registrations", "counter", "REGISTERs that were taken in, and that were refused.")
USERS: Final = Family(
    "ser_registered_users", "gauge", "Users with a contact, by table, of the whole server. Not with db_mode 3."
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
    HANDLING,
    ROUTES,
    QUESTIONS,
    ANSWERS,
    DURATIONS,
    TRANSACTIONS,
    REGISTRATIONS,
    USERS,
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
# Labels, value, and the ending of the name where it is not that of the type.
Sample = tuple[Labels, str, str]

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
    "dropped_overload": (DROPPED, (("why", "overload"),)),
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
    "registrar:saved": (REGISTRATIONS, (("outcome", "saved"),)),
    "registrar:refused": (REGISTRATIONS, (("outcome", "refused"),)),
}
# The beginning or the end of a name is a label.
_HEADS: Final = (("method_", METHODS, "method"), ("class_", STATUSES, "class"))
_FATES: Final = ("waited", "late", "refused")
# What is measured in buckets is ~NAME~LABEL~END, in microseconds (runtime.routing.histogram); ~route~NAME is a count.
_ROUTE: Final = "~route~"
_HISTOGRAMS: Final = {
    "handling": (HANDLING, "method"),
    "transaction": (DURATIONS, "method"),
    "question": (ANSWERS, "kind"),
}
# What every process that is asked says of the whole server.
_SHARED: Final = "usrloc:users_"


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
    if name.startswith(_ROUTE):
        return ROUTES, (("route", name.removeprefix(_ROUTE)),), count
    kind, _, fate = name.rpartition("_")
    # A database is called by its URL.
    if kind and fate in _FATES and (":" not in kind or "://" in kind):
        return QUESTIONS, (("kind", kind), ("fate", fate)), count
    module, colon, what = name.partition(":")
    if colon:
        return MODULES, (("module", module), ("name", what)), count
    return OTHER, (("name", name),), count


def exposition(reports: Iterable[ProcessReport], since_s: float, is_native: bool) -> str:
    """The whole text."""
    samples: dict[str, list[Sample]] = {}
    users: dict[str, int] = {}
    for report in reports:
        own: Labels = (("process", str(report.number)), ("title", report.name))
        _add(samples, UP, own, str(int(report.counts is not None)))
        _add(samples, RESTARTS, own, str(report.deaths))
        counts = report.counts or {}
        for name, count in counts.items():
            if name.startswith(_SHARED):
                table = name.removeprefix(_SHARED)
                users[table] = max(users.get(table, 0), count)
            elif not _is_bucket(name):
                family, labels, value = sample_of(name, count)
                _add(samples, family, (*own, *labels), str(value))
        for family, label, buckets in histograms_of(counts):
            for ending, labels, text in _of_histogram(buckets):
                _add(samples, family, (*own, *label, *labels), text, ending)
    for table, count in users.items():
        _add(samples, USERS, (("table", table),), str(count))
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
        ending = {"counter": "_total", "info": "_info", "gauge": "", "histogram": ""}[family.type]
        lines += [f"{family.name}{more or ending}{_shown(labels)} {value}" for labels, value, more in of_family]
    return "\n".join(lines) + "\n# EOF\n"


def _is_bucket(name: str) -> bool:
    return name.startswith("~") and not name.startswith(_ROUTE)


def histograms_of(counts: dict[str, int]) -> list[tuple[Family, Labels, dict[str, int]]]:
    """Those of a process: family, label, and the counts by the ends of buckets, with the sum."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for name, count in counts.items():
        if _is_bucket(name):
            family, _, rest = name[1:].partition("~")
            label, _, end = rest.rpartition("~")
            found.setdefault((family, label), {})[end] = count
    return [
        (_HISTOGRAMS[name][0], ((_HISTOGRAMS[name][1], label),), counts_) for (name, label), counts_ in found.items()
    ]


def _of_histogram(buckets: dict[str, int]) -> list[tuple[str, Labels, str]]:
    """Samples: each bucket has what is in those before it, too."""
    out: list[tuple[str, Labels, str]] = []
    sum_us = buckets.pop("sum", 0)
    count = 0
    for end, number in buckets.items():
        count += number
        limit = "+Inf" if end == "inf" else repr(int(end) / 1_000_000)
        out.append(("_bucket", (("le", limit),), str(count)))
    out.append(("_count", (), str(count)))
    out.append(("_sum", (), f"{sum_us / 1_000_000:.6f}"))
    return out


def _add(samples: dict[str, list[Sample]], family: Family, labels: Labels, value: str, ending: str = "") -> None:
    samples.setdefault(family.name, []).append((labels, value, ending))


def _shown(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = [f'{name}="{_escaped(value)}"' for name, value in labels]
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
