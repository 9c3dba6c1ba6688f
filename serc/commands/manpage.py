"""Manual pages of the commands, as troff -man reads them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from runtime.version import VERSION
from serc.commands.outline import Option, Outline, outline

SECTIONS: Final = {"serc": 1, "ser": 8, "serctl": 8, "ser-runtime": 8}
_TITLES: Final = {
    "serc": "compile ser.cfg, and say what is wrong with it",
    "ser": "SIP Express Router, from a ser.cfg",
    "serctl": "steer a running SIP Express Router, and keep its users",
    "ser-runtime": "SIP Express Router, from a compiled ser.cfg",
}

# What stands below the help and has a section of its own here.
_HEADING: Final = re.compile(r"(environment|exit status|examples):(.*)$")


def manpage(command: str) -> str:
    """The page of one of the four commands."""
    return "\n".join(_lines(outline(command))) + "\n"


def _lines(page: Outline) -> Iterator[str]:
    section = SECTIONS[page.name]
    yield f'.TH {page.name.upper()} {section} "" "SIP Express Router {VERSION}"'
    yield ".SH NAME"
    yield f"{_text(page.name)} \\- {_text(_TITLES[page.name])}"
    yield ".SH SYNOPSIS"
    yield from _synopsis(page)
    yield ".SH DESCRIPTION"
    yield _text(" ".join(page.text.split())) if page.parts else f"{_text(page.text[:1].upper() + page.text[1:])}."
    if page.options:
        yield ".SH OPTIONS"
        yield from _options(page.options)
    if page.parts:
        yield ".SH COMMANDS"
        for part in page.parts:
            yield from _part(page.name, part)
    for title, text in _sections(page.epilog):
        yield f".SH {title}"
        yield from _verbatim(text)
    yield ".SH SEE ALSO"
    others = [f".BR {_text(name)} ({number})" for name, number in sorted(SECTIONS.items()) if name != page.name]
    yield " ,\n".join(others)


def _sections(epilog: str) -> Iterator[tuple[str, str]]:
    """What stands below the help of a command, by the sections that manual pages have for it; those with a name end at an empty line."""
    title, lines = "NOTES", list[str]()
    for line in epilog.strip().splitlines():
        found = _HEADING.match(line)
        if found or (not line.strip() and title != "NOTES"):
            if "".join(lines).strip():
                yield title, textwrap.dedent("\n".join(lines))
            title, lines = "NOTES", []
        if found:
            title, line = found[1].upper(), found[2].strip()
        if line or lines:
            lines.append(line)
    if "".join(lines).strip():
        yield title, textwrap.dedent("\n".join(lines))


def _synopsis(page: Outline) -> Iterator[str]:
    if page.positional or not page.parts:
        yield f".B {_text(page.name)}"
        yield _text(" ".join(("[options]", *page.positional)))
    if page.parts:
        yield ".br"
        yield f".B {_text(page.name)}"
        yield _text("command [options] [arguments]")


def _options(options: tuple[Option, ...]) -> Iterator[str]:
    for option in options:
        yield ".TP"
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in option.names)
        yield f"{names} \\fI{_text(option.argument)}\\fR" if option.argument else names
        yield _text(" ".join(option.text.split())) or "\\&"


def _part(command: str, part: Outline) -> Iterator[str]:
    words = f"{command} {part.name}"
    if part.parts:
        for inner in part.parts:
            yield from _part(words, inner)
        return
    yield f".SS {_text(' '.join((words, *part.positional)))}"
    yield _text(" ".join(part.text.split()))
    if command.startswith("serctl"):
        return  # its options are those of all commands
    yield from _options(part.options)
    if part.epilog:
        yield ".PP"
        yield from _verbatim(part.epilog)


def _verbatim(text: str) -> Iterator[str]:
    yield ".nf"
    yield from (_text(line) for line in text.strip().splitlines())
    yield ".fi"


def _text(text: str) -> str:
    """Nothing in it is a request or an escape of troff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
