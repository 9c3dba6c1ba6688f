"""avp_db: preferences of users as AVPs. Reference modules-main, chapter 16."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds_words import keyword
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="avp_db",
    summary="Loads preferences of users into AVPs.",
    database=True,
    functions=(
        function(
            "avp_load",
            None,
            keyword("party", "caller", "callee", "caller_uuid", "callee_uuid"),
            routes=REQUEST | FAILURE,
            does=Does.NOTHING,
            summary="Load all preferences of the caller or callee.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("pref_table", "usr_preferences", "Table of preferences."),
        column_param("uuid_column", "uuid"),
        column_param("username_column", "username"),
        column_param("domain_column", "domain"),
        column_param("attr_column", "attribute"),
        # SER declares it an integer by mistake: nobody could set it (reference modules-main, appendix C).
        column_param("val_column", "value"),
        integer_param("caller_uuid_avp", 1, "Integer AVP with the caller's uuid.", low=1),
        integer_param("callee_uuid_avp", 2, "Integer AVP with the callee's uuid.", low=1),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
