"""Which channel the connections of each transport have; compiled in the native build."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.server.streams.channel import Channel, PlainChannel
from runtime.sip.address import TCP

# Makes the channel of a new connection; the argument says whether it was opened from here.
NewChannel = Callable[[bool], Channel]


def plain(is_ours: bool) -> Channel:
    return PlainChannel()


# By the protocol of the listener (runtime.sip.address).
CHANNELS: Final[dict[int, NewChannel]] = {TCP: plain}
