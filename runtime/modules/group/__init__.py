"""group: groups of users. Reference modules-main, chapter 19."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string
from runtime.spec.kinds_words import identity
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="group",
    summary="Finds out whether a user is in a group, from a table.",
    database=True,
    functions=(
        function(
            "is_user_in",
            None,
            identity(),
            string("group"),
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the user is in it.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("table", "grp", "Table of groups."),
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("group_column", "grp"),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
