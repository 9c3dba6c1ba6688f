"""gflags: flags that outlive a message. Reference modules-more, A.2.2."""

from __future__ import annotations

import mmap
from typing import Final, final

from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.routing.world import World
from runtime.spec.declare import EVERYWHERE, ModuleSpec, function, integer_param
from runtime.spec.kinds import integer

_FLAGS: Final = 32


@final
class Gflags(Module):
    """32 flags that all processes share and no message changes by itself; `initial` holds them at the start.

    A byte of shared memory for each, so that processes that change different flags at once do not undo one another.
    """

    def __init__(self, *, initial: int = 0) -> None:
        super().__init__("gflags")
        self.initial: Final = initial
        self._memory: mmap.mmap | None = None

    def bind(self, world: World) -> None:
        memory = mmap.mmap(-1, _FLAGS)
        memory[0:_FLAGS] = bytes([self.initial >> flag & 1 for flag in range(_FLAGS)])
        self._memory = memory

    def _put(self, flag: int, value: int) -> bool:
        assert self._memory is not None
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
        assert self._memory is not None
        return self._memory[flag] != 0


EXPORTS: Final = ModuleSpec(
    name="gflags",
    implementation="runtime.modules.gflags:Gflags",
    summary="Global flags that the FIFO can change.",
    functions=(
        function(
            "set_gflag", Gflags.set_gflag, integer("flag", 0, 31), routes=EVERYWHERE, summary="Set a global flag."
        ),
        function(
            "reset_gflag", Gflags.reset_gflag, integer("flag", 0, 31), routes=EVERYWHERE, summary="Reset a global flag."
        ),
        function("is_gflag", Gflags.is_gflag, integer("flag", 0, 31), routes=EVERYWHERE, summary="True if it is set."),
    ),
    params=(integer_param("initial", 0, "All flags at the start, as one number."),),
    fifo_commands=("set_gflag", "reset_gflag", "is_gflag"),
)
