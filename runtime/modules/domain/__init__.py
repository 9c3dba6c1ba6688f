"""domain: our domains, in a table. Reference modules-main, chapter 18."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param
from runtime.spec.effects import Does
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="domain",
    summary="Finds out whether a domain is ours, from a table.",
    database=True,
    functions=(
        function(
            "is_from_local",
            None,
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the domain of From is ours.",
        ),
        function(
            "is_uri_host_local",
            None,
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the domain of the request URI is ours.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        integer_param("db_mode", 0, "0 a query for each call, 1 the table is kept in memory.", low=0, high=1),
        table_param("domain_table", "domain", "Table of domains."),
        column_param("domain_col", "domain"),
    ),
    fifo_commands=("domain_reload", "domain_dump"),
)
