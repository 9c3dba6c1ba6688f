"""exec: shell commands. Reference modules-main, chapter 23."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, switch_param
from runtime.spec.kinds import command
from runtime.spec.params import seconds_param

EXPORTS: Final = ModuleSpec(
    name="exec",
    summary="Runs shell commands that see the message.",
    functions=(
        function("exec_dset", None, command(), routes=REQUEST | FAILURE, summary="The output becomes the URIs."),
        function("exec_msg", None, command(), routes=REQUEST | FAILURE, summary="The command reads the message."),
    ),
    params=(
        seconds_param("time_to_kill", 0, "Longest run of a command; 0 is no limit."),
        switch_param("setvars", 1, "The message goes into environment variables, too."),
    ),
)
