"""Diagnostics: what is wrong, where, and what helps."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from serc.diagnostics.fix import Fix
from serc.reading.tree import Span


class Severity(enum.Enum):
    """ERROR: no routes.py is written. WARNING: legal and runs, but almost surely wrong. NOTE: good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Code:
    """A kind of mistake. `name` is stable ("SER0201"), `title` a few words, `severity` what it has unless told otherwise."""

    name: str
    title: str
    severity: Severity


@dataclass(frozen=True)
class Related:
    """A second place that belongs to the mistake: `message` is in lower case, "first defined here"."""

    span: Span
    message: str


@dataclass(frozen=True)
class Diagnostic:
    """One mistake. `message` is one sentence in lower case without a full stop, `hint` the way out or "". `fix` is the way out as a
    change of the text, where that can be told.
    """

    code: Code
    severity: Severity
    span: Span
    message: str
    hint: str = ""
    related: tuple[Related, ...] = ()
    fix: Fix | None = None


@dataclass
class Report:
    """Collects the diagnostics of one file. A second one with the same code at the same place is dropped."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _seen: set[tuple[str, Span]] = field(default_factory=set)

    def add(
        self,
        code: Code,
        span: Span,
        message: str,
        *,
        hint: str = "",
        related: tuple[Related, ...] = (),
        severity: Severity | None = None,
        fix: Fix | None = None,
    ) -> None:
        if (code.name, span) in self._seen:
            return
        self._seen.add((code.name, span))
        self.diagnostics.append(Diagnostic(code, severity or code.severity, span, message, hint, related, fix))

    def count(self, severity: Severity) -> int:
        return sum(1 for d in self.diagnostics if d.severity is severity)

    @property
    def has_errors(self) -> bool:
        return any(d.severity is Severity.ERROR for d in self.diagnostics)

    def in_order(self) -> list[Diagnostic]:
        """By place in the file; at one place in the order in which they were found."""
        return sorted(self.diagnostics, key=lambda d: (d.span.start, d.span.end))
