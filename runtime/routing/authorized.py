"""Who a request comes from, once digest authentication has found out."""

from __future__ import annotations

from typing import Final, final


@final
class Authorized:
    """Credentials that were checked and found right. `username` as the client wrote it, `user` its part before an @."""

    def __init__(self, username: bytes, realm: bytes) -> None:
        self.username: Final = username
        self.user: Final = username.partition(b"@")[0]
        self.realm: Final = realm
