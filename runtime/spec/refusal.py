"""Values of parameters with which a module does not start, as far as ser.cfg alone tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# The value of a parameter of a module: the default where ser.cfg sets none, None if the module is not loaded.
Settings = Callable[[str, str], int | str | tuple[int | str, ...] | None]


@dataclass(frozen=True)
class Refusal:
    """`why` gives a sentence in lower case, "" where all is well; `hint` is the way out. `params` are the parameters that it
    looks at: the last of them that the file sets is at fault."""

    params: tuple[str, ...]
    why: Callable[[Settings], str]
    hint: str


def later(module: str, what: str, defaults: dict[str, int | str]) -> Refusal:
    """Of parameters that do nothing yet: the server refuses any value but the default."""

    def why(settings: Settings) -> str:
        given = [name for name, default in defaults.items() if settings(module, name) != default]
        return f"{', '.join(given)} of {module} cannot run yet: {what}" if given else ""

    return Refusal(tuple(defaults), why, "take it out for now")


def same_as(module: str, param: str, other: str) -> Refusal:
    """Of a parameter that must be as it is in another module."""

    def why(settings: Settings) -> str:
        own, wanted = settings(module, param), settings(other, param)
        if wanted is None or own == wanted:
            return ""
        return f"{param} of {module} is {own}, and {param} of {other} is {wanted}: they must be the same"

    return Refusal((param,), why, f'write modparam("{other}|{module}", "{param}", …)')


NONE: Final[tuple[Refusal, ...]] = ()
