"""Why a start fails."""

from __future__ import annotations


class StartError(Exception):
    """The server cannot start: `str()` is one sentence for the administrator, why and what he can do about it."""


class PathError(StartError):
    """A file could not be made. Behind a change of the root directory its path means another place."""
