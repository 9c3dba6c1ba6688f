"""Why a start fails."""

from __future__ import annotations


class StartError(Exception):
    """The server cannot start: `str()` is one sentence for the administrator."""
