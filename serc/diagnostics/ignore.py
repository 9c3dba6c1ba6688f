"""Comments that silence warnings on their line: `# serc: ignore[SER0502]`, several codes with commas between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.fix import Edit, Fix, misspelt, remove
from serc.diagnostics.report import Diagnostic, Report, Severity
from serc.diagnostics.suggest import did_you_mean
from serc.reading.source import Source
from serc.reading.tree import Span

_COMMENT: Final = re.compile(r"#.*?\bserc:\s*ignore\b(?:\s*\[([^\]\n]*)\])?")
_ALONE: Final = re.compile(r"#+\s*serc:")
_CODE: Final = re.compile(r"[^\s,]+")


@dataclass
class _Ignore:
    line: int
    span: Span
    code: str
    fix: Fix
    used: bool = False


def apply_ignores(source: Source, comments: list[Span], report: Report) -> None:
    """Takes the silenced warnings and notes out of `report`; an ignore that silences nothing becomes a warning.

    Errors cannot be silenced.
    """
    ignores = [ignore for comment in comments for ignore in _ignores(source, comment, report)]
    if not ignores:
        return
    by_key: dict[tuple[int, str], list[_Ignore]] = {}
    for ignore in ignores:
        by_key.setdefault((ignore.line, ignore.code), []).append(ignore)
    report.diagnostics = [d for d in report.diagnostics if not _silenced(source, d, by_key)]
    for ignore in ignores:
        if not ignore.used:
            message = f"there is no {ignore.code} to ignore on this line"
            report.add(codes.USELESS_IGNORE, ignore.span, message, hint="remove it", fix=ignore.fix)


def ignoring(source: Source, diagnostic: Diagnostic) -> Edit:
    """The comment on its line that silences a warning, or the code in the one that is there."""
    line = source.line_of(diagnostic.span.start)
    text, start = source.line_text(line), source.line_start(line)
    found = _COMMENT.search(text)
    if found is not None and found[1] is not None:
        at = start + found.end(1)
        return Edit(Span(at, at), f", {diagnostic.code.name}" if found[1].strip() else diagnostic.code.name)
    at = start + len(text.rstrip())
    return Edit(Span(at, at), f"  # serc: ignore[{diagnostic.code.name}]")


def _silenced(source: Source, diagnostic: Diagnostic, by_key: dict[tuple[int, str], list[_Ignore]]) -> bool:
    if diagnostic.severity is Severity.ERROR:
        return False
    matching = by_key.get((source.line_of(diagnostic.span.start), diagnostic.code.name), [])
    for ignore in matching:
        ignore.used = True
    return bool(matching)


def _ignores(source: Source, comment: Span, report: Report) -> list[_Ignore]:
    match = _COMMENT.match(source.text_of(comment))
    if match is None:
        return []
    line = source.line_of(comment.start)
    if match[1] is None or not match[1].strip():
        span = Span(comment.start, comment.start + match.end())
        hint = "write # serc: ignore[SER0502]"
        report.add(codes.BAD_IGNORE, span, "an ignore names the codes that it silences", hint=hint)
        return []
    found = []
    names = list(_CODE.finditer(match[1]))
    for i, name in enumerate(names):
        start = comment.start + match.start(1) + name.start()
        span = Span(start, start + len(name[0]))
        if name[0] not in codes.CODES:
            hint = did_you_mean(name[0], codes.CODES)
            fix = misspelt(span, name[0], codes.CODES, safe=False)
            report.add(codes.BAD_IGNORE, span, f'there is no code "{name[0]}"', hint=hint, fix=fix)
            continue
        whole = span
        if len(names) > 1:  # with the comma before it, or behind the first
            last = names[i + 1].start() if i == 0 else name.end()
            first = 0 if i == 0 else names[i - 1].end()
            whole = Span(comment.start + match.start(1) + first, comment.start + match.start(1) + last)
        elif match.end() == len(source.text_of(comment).rstrip()) and _ALONE.match(match[0]):
            whole = comment
        else:
            whole = Span(comment.start + source.text_of(comment).index("serc:"), comment.start + match.end())
        found.append(_Ignore(line, span, name[0], remove(whole, name[0])))
    return found
