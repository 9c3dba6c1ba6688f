"""print: an example module. Reference modules-more, A.2.1."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.kinds import string

EXPORTS: Final = ModuleSpec(
    name="print",
    export_name="print_stdout",
    summary="Example module that writes to the standard output.",
    functions=(
        function("print", None, string("text"), routes=REQUEST, summary="Write the text and a newline to stdout."),
    ),
    params=(
        string_param("str_param", None, "Taken and not used, as in SER."),
        integer_param("int_param", 0, "Taken and not used, as in SER."),
    ),
)
