"""A compiled ser.cfg: what routes.py hands to the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.destination import Destination
from runtime.routing.module import Module
from runtime.routing.prepared import Prepared
from runtime.routing.sockets import SocketName
from runtime.version import FORMAT

Route = Callable[[Context], int]


class Program:
    """Global parameters, modules in the order of loadmodule, and the routes.

    `request` None: ser.cfg has no main route. `destinations` and `socket_names` are resolved when the server starts, and
    `prepared` is made ready.
    `format` is what the compiler has written down: another one than this package's FORMAT cannot be served.
    `source` is the path of ser.cfg as serc was given it, `lines` maps lines of routes.py to lines of ser.cfg.
    """

    def __init__(
        self,
        *,
        config: Config,
        modules: tuple[Module, ...] = (),
        request: Route | None = None,
        failure: dict[int, Route] | None = None,
        onreply: dict[int, Route] | None = None,
        destinations: tuple[Destination, ...] = (),
        socket_names: tuple[SocketName, ...] = (),
        prepared: tuple[Prepared, ...] = (),
        source: str = "ser.cfg",
        lines: dict[int, int] | None = None,
        format: int = FORMAT,
    ) -> None:
        self.config: Final = config
        self.modules: Final = modules
        self.request: Final = request
        self.failure: Final = failure or {}
        self.onreply: Final = onreply or {}
        self.destinations: Final = destinations
        self.socket_names: Final = socket_names
        self.prepared: Final = prepared
        self.source: Final = source
        self.lines: Final = lines or {}
        self.format: Final = format
