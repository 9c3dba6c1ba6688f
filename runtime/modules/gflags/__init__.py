"""gflags: flags that outlive a message. Reference modules-more, A.2.2."""

from typing import Final

from runtime.spec.declare import EVERYWHERE, ModuleSpec, function, integer_param
from runtime.spec.kinds import integer

EXPORTS: Final = ModuleSpec(
    name="gflags",
    summary="Global flags that the FIFO can change.",
    functions=(
        function("set_gflag", None, integer("flag", 0, 31), routes=EVERYWHERE, summary="Set a global flag."),
        function("reset_gflag", None, integer("flag", 0, 31), routes=EVERYWHERE, summary="Reset a global flag."),
        function("is_gflag", None, integer("flag", 0, 31), routes=EVERYWHERE, summary="True if it is set."),
    ),
    params=(integer_param("initial", 0, "All flags at the start, as one number."),),
    fifo_commands=("set_gflag", "reset_gflag", "is_gflag"),
)
