"""group_radius: groups of users by RADIUS. Reference modules-more, A.7.2."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string
from runtime.spec.kinds_words import identity
from runtime.spec.params import radius_config_param

EXPORTS: Final = ModuleSpec(
    name="group_radius",
    summary="Asks a RADIUS server whether a user is in a group.",
    functions=(
        function(
            "radius_is_user_in",
            None,
            identity(),
            string("group"),
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the user is in the group.",
        ),
    ),
    params=(
        radius_config_param(),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
