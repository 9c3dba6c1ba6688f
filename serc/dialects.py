"""Constructs of SER 0.8 and 2.0, OpenSER and Kamailio, with what 0.9 writes instead. Reference core, chapter 10."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Foreign:
    """`origin`: whose it is; `instead`: the 0.9 spelling, completing "write …" or a sentence of its own."""

    origin: str
    instead: str


_OPENSER: Final = "OpenSER / Kamailio"
_LATER: Final = "SER 2.0, OpenSER and Kamailio"

# What a route block of another dialect is nearest to; None where 0.9 has nothing like it.
ROUTES: Final[dict[str, tuple[Foreign, Literal["route", "failure_route", "onreply_route"] | None]]] = {
    "reply_route": (
        Foreign("SER 0.8 and Kamailio", 'write onreply_route[1], and t_on_reply("1") to use it'),
        "onreply_route",
    ),
    "request_route": (Foreign("Kamailio", "write route without a number"), "route"),
    "branch_route": (Foreign(_OPENSER, "0.9 has no routes per branch: do it in route before t_relay()"), None),
    "error_route": (Foreign(_OPENSER, "0.9 has no error routes"), None),
    "local_route": (Foreign(_OPENSER, "0.9 runs no route for its own requests"), None),
    "startup_route": (Foreign("OpenSIPS", "0.9 runs no route at its start"), None),
    "timer_route": (Foreign("OpenSIPS", "0.9 runs no routes by the clock"), None),
    "event_route": (Foreign("Kamailio", "0.9 has no event routes"), None),
    "onsend_route": (Foreign("SER 2.0 and Kamailio", "0.9 has no routes on sending"), None),
}

STATEMENTS: Final[dict[str, Foreign]] = {
    "exit": Foreign(_LATER, "write break, which ends the route; called routes return to their caller"),
    "return": Foreign(_LATER, "write break, which ends the route and returns to the caller"),
    "while": Foreign(_LATER, "0.9 has no loops: unroll it, or let a route call itself"),
    "switch": Foreign(_OPENSER, "write if … else if …"),
    "case": Foreign(_OPENSER, "write if … else if …"),
    "goto": Foreign("other dialects", "call a route: route(1)"),
}
