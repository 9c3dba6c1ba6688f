"""Who a request comes from, once digest authentication has found out."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.digest import part_before_at


@final
class Authorized:
    """Credentials that were checked and found right. `username` as the client wrote it, `user` its part before an @.

    `header` is the record of the header that they stand in, 0 for none.
    """

    def __init__(self, username: bytes, realm: bytes, header: i64 = 0) -> None:
        self.username: Final = username
        self.user: Final = part_before_at(username)
        self.realm: Final = realm
        self.header: Final = header


@final
class Authentication:
    """What digest authentication has found out about a request: by its Authorization (`www`) and its Proxy-Authorization.

    The `…_is_stale` tell of credentials that were right but for a nonce that is too old, or used before. `rpid` is the identity
    that the user's database has, b"" for none.
    """

    def __init__(self) -> None:
        self.www: Authorized | None = None
        self.proxy: Authorized | None = None
        self.www_is_stale = False
        self.proxy_is_stale = False
        self.rpid = b""
