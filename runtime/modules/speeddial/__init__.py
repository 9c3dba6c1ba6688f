"""speeddial: short numbers of users. Reference modules-more, A.2.3."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import table
from runtime.spec.params import READ_ONLY_URL, column_param, url_param

EXPORTS: Final = ModuleSpec(
    name="speeddial",
    summary="Translates short numbers of users, from a table.",
    needs=("sl",),
    database=True,
    functions=(
        function(
            "sd_lookup",
            None,
            table(),
            routes=REQUEST,
            does=Does.REWRITE,
            may_stop=True,
            summary="Rewrite a short number.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("sd_user_column", "sd_username"),
        column_param("sd_domain_column", "sd_domain"),
        column_param("new_uri_column", "new_uri"),
        switch_param("use_domain", 0, "The domain of the request URI counts, too."),
        string_param("domain_prefix", None, "Beginning of a domain that does not count."),
    ),
)
