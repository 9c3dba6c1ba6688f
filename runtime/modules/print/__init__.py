"""print: an example module. Reference modules-more, A.2.1."""

from __future__ import annotations

import sys
from typing import Final, final

from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string
from runtime.spec.params import idle


@final
class Print(Module):
    """Writes to the standard output. Both parameters do nothing in SER either: the module shows how to write one."""

    def __init__(self, *, str_param: str = "", int_param: int = 0) -> None:
        super().__init__("print")
        self.str_param: Final = str_param
        self.int_param: Final = int_param

    def print(self, ctx: Context, text: bytes) -> bool:
        """Write the text and a newline to stdout."""
        sys.stdout.write(text.decode("latin-1") + "\n")
        sys.stdout.flush()
        return True


EXPORTS: Final = ModuleSpec(
    name="print",
    export_name="print_stdout",
    implementation="runtime.modules.print:Print",
    summary="Example module that writes to the standard output.",
    functions=(
        function(
            "print",
            Print.print,
            string("text"),
            routes=REQUEST,
            does=Does.LOG,
            summary="Write the text and a newline to stdout.",
        ),
    ),
    params=(
        idle(string_param("str_param", None, "Taken and not used, as in SER.")),
        idle(integer_param("int_param", 0, "Taken and not used, as in SER.")),
    ),
)
