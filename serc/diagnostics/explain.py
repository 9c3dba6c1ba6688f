"""The pages that `serc explain` shows: what each code means, with a bad and a good example.

They stand in `pages/*.md`: a heading per code, text, and examples in fences that say `bad` or `good`, and `route` where they
show statements of a route instead of a whole file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from serc.diagnostics.codes import CODES

_PAGES: Final = Path(__file__).with_name("pages")
_FENCE: Final = re.compile(r"^```(bad|good)( route)?\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """`in_route`: `text` is a part of a route, not a whole file."""

    good: bool
    in_route: bool
    text: str


@dataclass(frozen=True)
class Page:
    code: str
    text: str
    examples: tuple[Example, ...]


@lru_cache(maxsize=1)
def pages() -> dict[str, Page]:
    """All pages by their code."""
    found: dict[str, Page] = {}
    for path in sorted(_PAGES.glob("*.md")):
        for section in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            code, _, body = section.partition("\n")
            examples = tuple(Example(m[1] == "good", bool(m[2]), m[3]) for m in _FENCE.finditer(body))
            found[code.strip()] = Page(code.strip(), _FENCE.sub("", body).strip(), examples)
    return found


def explain(name: str) -> str:
    """The page of a code as text for people; raises KeyError for a code that there is not."""
    code = CODES[name.upper()]
    page = pages()[code.name]
    parts = [f"{code.name}: {code.title} ({code.severity.value})", page.text]
    for example in page.examples:
        parts.append(("Better:" if example.good else "Like this:") + "\n\n" + _indented(example.text))
    return "\n\n".join(parts) + "\n"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))
