"""mysql: MySQL and MariaDB databases. Reference modules-more, A.1.1."""

from __future__ import annotations

from typing import Final, final

from runtime.spec.declare import ModuleSpec, switch_param
from runtime.spec.params import seconds_param
from runtime.storage.driver import StoredDriver
from runtime.storage.url import Url


@final
class Mysql(StoredDriver):
    """MySQL. A connection that was lost is made anew, unless `auto_reconnect` is 0, and tried first after `ping_interval` seconds."""

    def __init__(self, *, ping_interval: int = 300, auto_reconnect: int = 1) -> None:
        super().__init__("mysql")
        self._ping_interval: Final = ping_interval
        self._auto_reconnect: Final = auto_reconnect

    def parse(self, url: str) -> Url:
        parsed = super().parse(url)
        parsed.ping_s = self._ping_interval
        parsed.reconnects = self._auto_reconnect != 0
        return parsed


EXPORTS: Final = ModuleSpec(
    name="mysql",
    implementation="runtime.modules.mysql:Mysql",
    summary="Database driver for mysql://user:password@host:port/database.",
    params=(
        seconds_param("ping_interval", 300, "Idleness after which the connection is tried first; 0 is never."),
        switch_param("auto_reconnect", 1, "Connect again when the connection is lost."),
    ),
)
