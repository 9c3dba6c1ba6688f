"""gflags: flags that outlive a message. Reference modules-more, A.2.2."""

from __future__ import annotations

import mmap
from typing import Final, final

from runtime.routing.command import LINE, Command, Inquiry
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.routing.world import World
from runtime.spec.declare import EVERYWHERE, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.kinds import integer

_FLAGS: Final = 32


@final
class Gflags(Module):
    """32 flags that all processes share and no message changes by itself; `initial` holds them at the start.

    A byte of shared memory for each, so that processes that change different flags at once do not undo one another.
    """

    _memory: mmap.mmap

    def __init__(self, *, initial: int = 0) -> None:
        super().__init__("gflags")
        self.initial: Final = initial

    def bind(self, world: World) -> None:
        self._memory = world.keep("gflags", mmap.mmap, lambda: self._made(world))

    def _made(self, world: World) -> mmap.mmap:
        memory = world.shared.take(_FLAGS, "gflags")
        memory[0:_FLAGS] = bytes([self.initial >> flag & 1 for flag in range(_FLAGS)])
        return memory

    def _put(self, flag: int, value: int) -> bool:
        self._memory[flag] = value
        return True

    def set_gflag(self, ctx: Context, flag: int) -> bool:
        """Set a global flag, 0…31."""
        return self._put(flag, 1)

    def reset_gflag(self, ctx: Context, flag: int) -> bool:
        """Clear a global flag, 0…31."""
        return self._put(flag, 0)

    def is_gflag(self, ctx: Context, flag: int) -> bool:
        """True if the global flag is set."""
        return self._memory[flag] != 0

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """SER has them on the FIFO only."""
        return [
            Command("set_gflag", self.fifo_set_gflag, LINE, by_socket=False),
            Command("reset_gflag", self.fifo_reset_gflag, LINE, by_socket=False),
            Command("is_gflag", self.fifo_is_gflag, LINE, by_socket=False),
        ]

    def fifo_set_gflag(self, inquiry: Inquiry) -> None:
        flag = _flag_of(inquiry)
        if flag >= 0:
            self._put(flag, 1)
            inquiry.answer(b"200 OK\n")

    def fifo_reset_gflag(self, inquiry: Inquiry) -> None:
        flag = _flag_of(inquiry)
        if flag >= 0:
            self._put(flag, 0)
            inquiry.answer(b"200 OK\n")

    def fifo_is_gflag(self, inquiry: Inquiry) -> None:
        flag = _flag_of(inquiry)
        if flag >= 0:
            inquiry.answer(b"200 OK\nTRUE\n" if self._memory[flag] else b"200 OK\nFALSE\n")


def _flag_of(inquiry: Inquiry) -> int:
    """The flag that the command names; -1 where it is none, which has been answered then."""
    word = inquiry.word(0)
    if word and not word.isdigit():
        inquiry.answer(b"400: gflags: invalid flag format\n")
        return -1
    if not word or len(word) > 9 or int(word) >= _FLAGS:
        inquiry.answer(b"400: gflags: invalid flag number\n")
        return -1
    return int(word)


EXPORTS: Final = ModuleSpec(
    name="gflags",
    implementation="runtime.modules.gflags:Gflags",
    summary="Global flags that the FIFO can change.",
    functions=(
        function(
            "set_gflag",
            Gflags.set_gflag,
            integer("flag", 0, 31),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            summary="Set a global flag.",
        ),
        function(
            "reset_gflag",
            Gflags.reset_gflag,
            integer("flag", 0, 31),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            summary="Reset a global flag.",
        ),
        function(
            "is_gflag",
            Gflags.is_gflag,
            integer("flag", 0, 31),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if it is set.",
        ),
    ),
    params=(integer_param("initial", 0, "All flags at the start, as one number."),),
    fifo_commands=("set_gflag", "reset_gflag", "is_gflag"),
)
