"""What was changed in a Contact before the module that keeps it has looked."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64


@final
class FixedContact:
    """The Contact whose URI begins at `uri_start` of the message stands for `uri` from now on."""

    def __init__(self, uri_start: i64, uri: bytes) -> None:
        self.uri_start: Final = uri_start
        self.uri: Final = uri
