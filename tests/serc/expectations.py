"""Cases that carry their expectations: `#! SER0201: regexp` on the line at fault, or alone on the line before it.

The regexp must be found in the message, the hint or a related message. Notes need to be expected only by a case that is
about one. What a file does not expect must not be reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime.modules import catalogue
from serc.diagnostics.report import Diagnostic, Severity
from serc.frontend import analyse
from serc.reading.source import Source

_EXPECTATION = re.compile(r"#!\s*(SER[0-9]{4})(?::\s*(.*))?$")


@dataclass(frozen=True)
class Expectation:
    line: int
    code: str
    pattern: str


def expectations_of(text: str) -> list[Expectation]:
    found = []
    alone: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _EXPECTATION.search(line)
        if match and not line[: match.start()].strip():
            alone.append((match[1], match[2] or ""))
            continue
        found += [Expectation(number, code, pattern) for code, pattern in alone]
        alone = []
        if match:
            found.append(Expectation(number, match[1], match[2] or ""))
    return found + [Expectation(number, code, pattern) for code, pattern in alone]


def diagnose(text: str, name: str = "ser.cfg") -> tuple[Source, list[Diagnostic]]:
    source = Source(name, text)
    _, report = analyse(source, catalogue, {"HOME": "/root"})
    return source, report.in_order()


def differences(text: str) -> list[str]:
    """What was expected and not reported, and the other way round."""
    source, diagnostics = diagnose(text)
    expected = expectations_of(text)
    wanted = {e.code for e in expected}
    wrong = []
    left = [d for d in diagnostics if d.severity is not Severity.NOTE or d.code.name in wanted]
    for e in expected:
        hit = next((d for d in left if d.code.name == e.code and source.line_of(d.span.start) == e.line), None)
        if hit is None:
            wrong.append(f"line {e.line}: {e.code} is missing")
        elif not re.search(e.pattern, full_text(hit), re.IGNORECASE):
            wrong.append(f"line {e.line}: {e.code} says {full_text(hit)!r}, expected /{e.pattern}/")
        if hit is not None:
            left.remove(hit)
    return wrong + [f"line {source.line_of(d.span.start)}: {d.code.name} {full_text(d)!r} is unexpected" for d in left]


def full_text(diagnostic: Diagnostic) -> str:
    return "\n".join([diagnostic.message, diagnostic.hint, *(r.message for r in diagnostic.related)])
