"""What an argument of ser.cfg becomes in routes.py once it is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Constant(Generic[T_co]):
    """An object that routes.py builds once, at import: `STEM_1: Final = Class(*arguments)`, or `Class.method(*arguments)`.

    Two equal constants are one object in routes.py. `prepared`: it is a Prepared, which looks at the modules when the server
    starts. `alias` is the alias of an AVP that it names, "" if it names none; an avp_aliases must define it. `names` are those of its
    last arguments, where these say nothing by themselves.
    """

    built: type[T_co]
    arguments: tuple[int | bool | str | bytes | tuple[bytes, ...], ...]
    stem: str
    prepared: bool = False
    alias: str = ""
    method: str = ""
    names: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Import path of the class."""
        return self.built.__module__

    @property
    def constructor(self) -> str:
        """What is called, as a name in that module."""
        return f"{self.built.__name__}.{self.method}" if self.method else self.built.__name__


@dataclass(frozen=True)
class Named(Generic[T_co]):
    """A value that stands in routes.py under its name in `runtime.modules.core`: `core.UDP`."""

    name: str
    value: T_co


Value = int | bytes | Constant[object] | Named[object]


class BadArgument(ValueError):
    """An argument that cannot be right: `str()` is one sentence in lower case, `hint` the way out or ""."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class OutOfRange(BadArgument):
    """A number that there is not."""


@dataclass(frozen=True)
class Doubt:
    """Why a legal value is hardly what was meant, for a warning: one sentence in lower case, and the way out or ""."""

    sentence: str
    hint: str = ""
