"""Why a start fails."""

from __future__ import annotations


class StartError(Exception):
    """The server cannot start: `str()` is one sentence for the administrator, with the reason and the cure."""


class PathError(StartError):
    """A file could not be made. Behind a change of the root directory its path means another place."""
