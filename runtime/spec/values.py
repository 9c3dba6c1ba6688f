"""What an argument of ser.cfg becomes in routes.py once it is parsed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """An object that routes.py builds once, at import: `STEM_1: Final = constructor(*arguments)`.

    `module` is the import path of the constructor, `constructor` its name there (may be dotted: `Network.parse`).
    Two equal constants are one object in routes.py. `prepared`: it is a Prepared, which looks at the modules when the server
    starts. `alias` is the alias of an AVP that it names, "" if it names none; an avp_aliases must define it.
    """

    module: str
    constructor: str
    arguments: tuple[int | bool | str | bytes | tuple[bytes, ...], ...]
    stem: str
    prepared: bool = False
    alias: str = ""


Value = int | bytes | Constant


class BadArgument(ValueError):
    """An argument that cannot be right: `str()` is one sentence in lower case, `hint` the way out or ""."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


@dataclass(frozen=True)
class Doubt:
    """Why a legal value is hardly what was meant, for a warning: one sentence in lower case, and the way out or ""."""

    sentence: str
    hint: str = ""
