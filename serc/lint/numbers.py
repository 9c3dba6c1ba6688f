"""Numbers that are octal, and hardly meant to be."""

from __future__ import annotations

import re
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.fix import write
from serc.diagnostics.report import Report
from serc.reading.lex import Token

_OCTAL: Final = re.compile(r"0+[0-7]+\Z")


def check_octal(tokens: list[Token], report: Report) -> None:
    """A leading zero is octal in numbers and in the parts of IPv4 addresses. Modes of files are written so on purpose."""
    for at, token in enumerate(tokens):
        if token.kind != "number" or not _OCTAL.match(token.text) or int(token.text, 8) == int(token.text):
            continue
        if "mode" in tokens[at - 2].text.lower():
            continue
        message = f"{token.text} is octal because of its leading zero: the number {int(token.text, 8)}"
        fix = write(token.span, token.text.lstrip("0"), safe=False)
        report.add(codes.OCTAL_NUMBER, token.span, message, hint=fix.title, fix=fix)
