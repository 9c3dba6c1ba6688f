"""pike: those who send too much. Reference modules-main, chapter 26."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param

EXPORTS: Final = ModuleSpec(
    name="pike",
    summary="Finds sources that send too many requests.",
    functions=(function("pike_check_req", None, routes=REQUEST, summary="False if the source sends too much."),),
    params=(
        integer_param("sampling_time_unit", 2, "Seconds of each count.", low=1),
        integer_param("reqs_density_per_unit", 30, "Requests in that time that are too many.", low=1),
        integer_param("remove_latency", 120, "Seconds until a silent source is forgotten.", low=1),
    ),
    fifo_commands=("print_ip_tree", "print_timer_list"),
)
