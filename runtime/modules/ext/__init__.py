"""ext: URIs from programs. Reference modules-more, A.2.7."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, switch_param
from runtime.spec.kinds import command

EXPORTS: Final = ModuleSpec(
    name="ext",
    summary="Lets programs rewrite the URI; exec does more.",
    functions=(
        function("ext_rewriteuri", None, command(), routes=REQUEST, summary="The program rewrites the URI."),
        function("ext_rewriteuser", None, command(), routes=REQUEST, summary="The program rewrites its user part."),
    ),
    params=(
        switch_param("check_new_uri", 1, "Refuse what is no URI."),
        integer_param("max_branches", 0, "Further URIs that become branches.", low=0, high=11),
    ),
)
