"""auth_db: digest authentication from a database. Reference modules-main, chapter 9."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, string_param, switch_param
from runtime.spec.kinds import string, table
from runtime.spec.params import READ_ONLY_URL, column_param, url_param

EXPORTS: Final = ModuleSpec(
    name="auth_db",
    summary="Verifies digest credentials against a table of subscribers.",
    needs=("sl", "auth"),
    database=True,
    functions=(
        function(
            "www_authorize",
            None,
            string("realm"),
            table(),
            routes=REQUEST,
            may_stop=True,
            summary='True if Authorization is right; realm "" is taken from the request.',
        ),
        function(
            "proxy_authorize",
            None,
            string("realm"),
            table(),
            routes=REQUEST,
            may_stop=True,
            summary='True if Proxy-Authorization is right; realm "" is taken from the request.',
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("password_column", "ha1", "Column for HA1, or for the password if calculate_ha1 is set."),
        column_param("password_column_2", "ha1b", "Column for HA1 of user@domain."),
        string_param("avps_column_int", "domn", "Columns, separated by |, that become integer AVPs."),
        string_param("avps_column_str", "uuid|rpid", "Columns, separated by |, that become string AVPs."),
        switch_param("calculate_ha1", 0, "The password column holds passwords."),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
    ),
)
