"""`${NAME}` in a string of ser.cfg: the value that the environment has for NAME when the server starts. Not in SER.

It is put in where modparam and global parameters have their values; what routes do is compiled, and stays as it is written.
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


def environment(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """The text with the values of its variables. Raises BadEnvironment."""
    for name in names_in(text):
        if name not in variables:
            raise BadEnvironment(f'the environment variable {name} is not set, which "{text}" in ser.cfg needs')
    # As if it stood in ser.cfg, which is read as Latin-1 so that no byte is lost.
    return _NAME.sub(lambda found: os.fsencode(variables[found[1]]).decode("latin-1"), text)
