"""One config, from the first step to the last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from runtime.modules import catalogue
from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix
from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.fixing import Fixed, applied, fixed
from serc.frontend import inspect
from serc.migration import branches, losses
from serc.migration.accounting import rewrite_accounting
from serc.migration.armed import rewrite_armed
from serc.migration.authentication import rewrite_authentication
from serc.migration.branch_routes import rewrite_branch_routes
from serc.migration.choices import rewrite_switches
from serc.migration.constants import join_texts, rewrite_constants
from serc.migration.draft import Draft, Fate, Remark, left_out
from serc.migration.extents import statement_at
from serc.migration.leaving import rewrite_ends
from serc.migration.listening import rewrite_listen
from serc.migration.loops import rewrite_loops
from serc.migration.modules import rewrite_modules
from serc.migration.names import name_flags, number_flags, number_routes, take_directives
from serc.migration.nat import rewrite_nat
from serc.migration.needless import leave_globals, leave_needless
from serc.migration.next_hop import rewrite_next_hop
from serc.migration.statements import (
    rewrite_calls,
    rewrite_heads,
    rewrite_hosts,
    rewrite_selects,
    rewrite_variables,
    tell_texts,
)
from serc.migration.variables import rewrite_avp_functions, rewrite_avp_tests, rewrite_avps, rewrite_headers
from serc.reading.source import Source, readable
from serc.style import styled

ORIGINS: Final = ("0.8", "2.0", "openser", "kamailio")
_STEPS: Final = (
    rewrite_constants,
    join_texts,
    number_flags,
    name_flags,
    leave_needless,
    leave_globals,
    rewrite_listen,
    rewrite_armed,
    rewrite_branch_routes,
    rewrite_heads,
    number_routes,
    rewrite_modules,
    rewrite_loops,
    rewrite_switches,
    rewrite_accounting,
    rewrite_authentication,
    rewrite_nat,
    rewrite_ends,
    rewrite_calls,
    rewrite_next_hop,
    rewrite_headers,
    rewrite_hosts,
    rewrite_avp_tests,
    rewrite_avp_functions,
    rewrite_avps,
    rewrite_variables,
    rewrite_selects,
    tell_texts,
)
# Each leaves out what the one before has brought to light.
_ROUNDS_MAX: Final = 30
_SHOWN_MAX: Final = 60
_OF_DIALECTS: Final = "SER07"


@dataclass(frozen=True)
class Migrated:
    """The new config, None where it could not be made; what to look at, by lines of the old one; what serc check says of it."""

    source: Source | None
    remarks: list[Remark]
    report: Report


def migrate(source: Source, origin: str, defined: Sequence[str] = ()) -> Migrated:
    """`origin` is one of ORIGINS; `defined` are names, or NAME=VALUE, as if `#!define` stood at the beginning of the file."""
    kept_loops: set[int] = set()
    while True:
        draft, result = _migrated(source, origin, defined, kept_loops)
        # What goes round must end: that it does is not known of what is carried over in part.
        lost = [remark.line for remark in result.remarks if remark.is_lost]
        found = {first for first, last in draft.loops if any(first <= line <= last for line in lost)}
        if not found:
            return result
        kept_loops |= found


def _migrated(
    source: Source, origin: str, defined: Sequence[str], kept_loops: Collection[int]
) -> tuple[Draft, Migrated]:
    draft = Draft(source, origin, kept_loops)
    if origin != "0.8":
        take_directives(draft, dict(_named(each) for each in defined))
    for step in _STEPS:
        if step is not rewrite_ends or origin != "0.8":
            draft.step(step)
    return draft, _compiled(draft)


def _compiled(draft: Draft) -> Migrated:
    """What is wrong with it is cured, or left out, until nothing is."""
    remarks = list(draft.remarks)
    way: list[Fixed] = []
    now = draft.source
    for _ in range(_ROUNDS_MAX):
        cured = fixed(now, _check, _is_wanted)
        remarks += [
            Remark(
                _line(draft, way, done.place.line),
                f"{readable(done.diagnostic.message)}: {readable(done.fix.title)}",
                Fate.CHANGED,
            )
            for done in cured.done
            if not done.fix.is_safe
        ]
        way.append(cured)
        if not cured.report.has_errors:
            if draft.origin in branches.ORIGINS:
                way.append(cured := branches.with_branches(cured.source))
            return _finished(draft, cured, way, remarks)
        found = _without_errors(draft, cured, way, remarks)
        if found is None:
            break
        now = found
    return Migrated(None, sorted(set(remarks)), way[-1].report)


def _named(definition: str) -> tuple[str, str]:
    name, _, value = definition.partition("=")
    return name, value


def _check(source: Source) -> Report:
    """Whole files of other servers are looked at line by line here."""
    return inspect(source, catalogue, takes_any=True)[1]


def _is_wanted(diagnostic: Diagnostic, fix: Fix) -> bool:
    """What the old config says in its own words; doubtful things are left as they are."""
    return diagnostic.severity is Severity.ERROR and (fix.is_safe or diagnostic.code.name.startswith(_OF_DIALECTS))


def _line(draft: Draft, way: list[Fixed], line: int) -> int:
    """In the old config."""
    for cured in reversed(way):
        line = cured.line_before(line)
    return draft.old_line(line)


def _finished(draft: Draft, cured: Fixed, way: list[Fixed], remarks: list[Remark]) -> Migrated:
    for missing in cured.report.in_order():
        if missing.code is codes.NO_BRANCH:
            line = _line(draft, way, cured.source.line_of(missing.span.start))
            remarks.append(
                Remark(line, f"{_shown(cured.source.text_of(missing.span))}: {missing.message}", Fate.CHANGED)
            )
    text, _ = styled(cured.source)
    assert text is not None, "there are no errors"
    source = Source(cured.source.name, text)
    return Migrated(source, sorted(set(remarks)), _check(source))


def _without_errors(draft: Draft, cured: Fixed, way: list[Fixed], remarks: list[Remark]) -> Source | None:
    """Statements and items with errors as comments; None where nothing can be left out."""
    layout = Draft(cured.source)
    edits: list[Edit] = []
    for error in cured.report.in_order():
        if error.severity is not Severity.ERROR or (found := statement_at(layout, error.span.start)) is None:
            continue
        span, is_statement = found
        if any(edit.span.start < span.end and span.start < edit.span.end for edit in edits):
            continue
        text = cured.source.text_of(span)
        line = _line(draft, way, cured.source.line_of(span.start))
        fate = Fate.NEEDLESS if losses.is_needless(readable(error.hint)) else Fate.LOST
        why = losses.of_assignment(text) or f"{readable(error.message)}{_cure(error)}"
        remarks.append(Remark(line, f"{_shown(text)}: {why}", fate))
        edits.append(Edit(span, left_out(text) + (" ;" if is_statement else "")))
    return Source(cured.source.name, applied(cured.source.text, sorted(edits))) if edits else None


def _cure(error: Diagnostic) -> str:
    return f"; {readable(error.hint)}" if error.hint else ""


def _shown(text: str) -> str:
    """The begin of a statement, on one line."""
    one = " ".join(readable(text).split())
    return one if len(one) <= _SHOWN_MAX else f"{one[:_SHOWN_MAX]} …"
