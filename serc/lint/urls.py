"""Databases of several modules that were meant to be one."""

from __future__ import annotations

from collections import Counter

from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import is_slip
from serc.lint.subject import Subject
from serc.reading import tree


def check_urls(subject: Subject, report: Report) -> None:
    """A URL that differs from that of other modules by a letter or two; hosts with numbers are two of a kind."""
    urls = [
        item
        for item in subject.file.items
        if isinstance(item, tree.ModParam) and item.parameter.value.endswith("_url") and "://" in str(item.value.value)
    ]
    often = Counter(item.value.value for item in urls)
    for item in urls:
        text = str(item.value.value)
        for other in urls:
            meant = str(other.value.value)
            later = often[text] == often[meant] and other.span.start < item.span.start
            if (often[meant] > often[text] or later) and _is_slip(text, meant):
                message = f'"{text}" is almost the database of another module'
                related = (Related(other.value.span, "that one"),)
                hint = f'was "{meant}" meant?'
                if not any(d.span == item.value.span for d in report.diagnostics):
                    report.add(codes.DOUBTFUL_MODPARAM, item.value.span, message, hint=hint, related=related)
                break


def _is_slip(text: str, meant: str) -> bool:
    without_digits = (text.translate(_NO_DIGITS), meant.translate(_NO_DIGITS))
    return text != meant and without_digits[0] != without_digits[1] and is_slip(text, meant, ())


_NO_DIGITS = str.maketrans("", "", "0123456789")
