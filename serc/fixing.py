"""A text with the cures of its diagnostics applied: `serc check --fix`, and the quick fixes of editors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from serc.diagnostics.fix import Edit, Fix
from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.reading.source import Position, Source
from serc.reading.tree import Span

# Cures bring out what they are for a second time at the most; no file needs nearly as many rounds.
_ROUNDS_MAX: Final = 100
# Diagnostics of the text, not of what it says: while there are any, others are not looked for.
_SYNTAX: Final = re.compile(r"SER(?:0[01]|070[1236])")
# What may be left of a line behind a statement.
_COMMENT: Final = re.compile(r"[ \t]*#[^\r\n]*")


@dataclass(frozen=True)
class Done:
    """A diagnostic that has been cured, and where it was in the text as it was given."""

    place: Position
    diagnostic: Diagnostic
    fix: Fix


@dataclass(frozen=True)
class Fixed:
    """The text that came of it, what was done, and what is left to say of it. `given` is the text as it was, `rounds` the edits since."""

    source: Source
    done: list[Done]
    report: Report
    given: Source
    rounds: list[list[Edit]]

    def line_before(self, line: int) -> int:
        """Where a line of the text that came of it was in the one that was given."""
        return self.given.position(_origin(self.source.line_start(line), self.rounds)).line


def fixed(source: Source, check: Callable[[Source], Report], is_wanted: Callable[[Diagnostic, Fix], bool]) -> Fixed:
    """`check` tells what is wrong with a text. The text that comes of it has less that is wrong, or is the one that was given.

    A cure may bring to light as much as it cures, for what is behind a mistake is not looked at. Then it stays if the next ones cure that.
    """
    report = check(source)
    best = Fixed(source, [], report, source, [])
    done: list[Done] = []
    rounds: list[list[Edit]] = []
    given = source
    seen = {source.text}
    for _ in range(_ROUNDS_MAX):
        step = _step(source, report, check, is_wanted, seen)
        if step is None:
            break
        cured, edits, source, report = step
        seen.add(source.text)
        done += [Done(given.position(_origin(d.span.start, rounds)), d, fix) for d, fix in cured]
        rounds.append(edits)
        if weight(report) < weight(best.report):
            best = Fixed(source, list(done), report, given, list(rounds))
    return best


_Cure = tuple[Diagnostic, Fix]
_Step = tuple[list[_Cure], list[Edit], Source, Report]


def _step(
    source: Source,
    report: Report,
    check: Callable[[Source], Report],
    is_wanted: Callable[[Diagnostic, Fix], bool],
    seen: set[str],
) -> _Step | None:
    """All cures at once, or the first one that does no harm; None if none is left."""
    wanted = [(d, d.fix) for d in report.in_order() if d.fix is not None and is_wanted(d, d.fix)]
    together = _compatible(source, wanted)
    for cures in ([together] if len(together) > 1 else []) + [[cure] for cure in wanted]:
        edits = settled(source, (edit for _, fix in cures for edit in fix.edits))
        after = Source(source.name, applied(source.text, edits))
        if after.text in seen:
            continue
        found = check(after)
        if weight(found) <= weight(report):
            return cures, edits, after, found
    return None


def weight(report: Report) -> tuple[int, int, int, int]:
    """How much is wrong: the text itself counts most, as long as it is wrong nothing else is looked for; then errors, then warnings, then all
    the rest."""
    syntax = sum(1 for d in report.diagnostics if d.severity is Severity.ERROR and _SYNTAX.match(d.code.name))
    return syntax, report.count(Severity.ERROR), report.count(Severity.WARNING), len(report.diagnostics)


def _compatible(source: Source, cures: list[_Cure]) -> list[_Cure]:
    """Those whose edits do not meet, the first ones first."""
    taken: list[Span] = []
    found = []
    for diagnostic, fix in cures:
        spans = [edit.span for edit in settled(source, fix.edits)]
        if not any(_meet(a, b) for a in spans for b in taken):
            taken += spans
            found.append((diagnostic, fix))
    return found


def _meet(a: Span, b: Span) -> bool:
    return a.start <= b.end and b.start <= a.end


def settled(source: Source, edits: Iterable[Edit]) -> list[Edit]:
    """In order, with the line ends of the file; what leaves nothing of its lines takes them along."""
    newline = "\r\n" if "\r\n" in source.text else "\n"
    found = []
    for edit in edits:
        if not edit.text:
            found.append(Edit(_whole_lines(source, edit.span), ""))
            continue
        span = edit.span
        if edit.text.startswith("\n") and span.start == span.end and (rest := _COMMENT.match(source.text, span.end)):
            span = Span(rest.end(), rest.end())  # a new line begins behind what is said of the old one
        found.append(Edit(span, edit.text.replace("\n", newline)))
    return sorted(found)


def _whole_lines(source: Source, span: Span) -> Span:
    """The lines of `span` if nothing else is on them, else `span`."""
    text = source.text
    start = source.line_start(source.line_of(span.start))
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end + 1
    if text[start : span.start].strip() or text[span.end : end].strip():
        return span
    return Span(start, end)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """`edits` are in order and do not overlap."""
    out: list[str] = []
    at = 0
    for edit in edits:
        out += (text[at : edit.span.start], edit.text)
        at = edit.span.end
    return "".join((*out, text[at:]))


def _origin(offset: int, rounds: list[list[Edit]]) -> int:
    """Where a place was before all the rounds."""
    for edits in reversed(rounds):
        shift = 0
        for edit in edits:
            grown = len(edit.text) - (edit.span.end - edit.span.start)
            if offset < edit.span.start + shift:
                break
            if offset < edit.span.start + shift + len(edit.text):
                offset, grown = edit.span.start + shift, 0
                break
            shift += grown
        offset -= shift
    return offset
