"""`${NAME}` in a string of ser.cfg: the value that the environment has for NAME when the server starts. Not in SER.

It is put in everywhere but in the scripts of exec and ext, in which a shell puts in variables of its own, and in what
is read while ser.cfg is compiled: names of modules and parameters, numbers of routes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class BadEnvironment(ValueError):
    """A variable is not set, or what comes of it is no value: `str()` is one sentence, in which no value stands."""


def names_in(text: str) -> tuple[str, ...]:
    """The variables that a text names, each once."""
    return tuple(dict.fromkeys(_NAME.findall(text)))


# What a comparison is with: it is no argument of a function.
TEXT: Final = "text"
REGEX: Final = "regular expression"

# What may stand for a variable while nobody knows its value: a word, numbers, a URI, a substitution, an AVP, an address.
_SOMETHING: Final = ("x", "1", "200", "sip:x@x", "/x/x/", "i:1", "192.0.2.1")


def stand_ins(text: str) -> tuple[str, ...]:
    """The text as it could be in some environment; itself if it names no variable."""
    if not names_in(text):
        return (text,)
    return tuple(_NAME.sub(something, text) for something in _SOMETHING)


def environment(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """The text with the values of its variables. Raises BadEnvironment."""
    for name in names_in(text):
        if name not in variables:
            raise BadEnvironment(f'the environment variable {name} is not set, which "{text}" in ser.cfg needs')
    # As if it stood in ser.cfg, which is read as Latin-1 so that no byte is lost.
    return _NAME.sub(lambda found: os.fsencode(variables[found[1]]).decode("latin-1"), text)
