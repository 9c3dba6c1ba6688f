"""permissions: rules of who may call and register. Reference modules-main, chapter 20."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.kinds import file
from runtime.spec.params import column_param, table_param, url_param

_ROUTES: Final = REQUEST | FAILURE

EXPORTS: Final = ModuleSpec(
    name="permissions",
    summary="Allows and denies calls and registrations by rule files, and trusts peers out of a table.",
    functions=(
        function("allow_routing", None, routes=_ROUTES, summary="True if the default rule files allow the call."),
        function("allow_routing", None, file("basename"), routes=_ROUTES, summary="Same, basename.allow and .deny."),
        function("allow_routing", None, file("allow_file"), file("deny_file"), routes=_ROUTES, summary="Same, files."),
        function(
            "allow_register",
            None,
            file("basename"),
            routes=_ROUTES,
            summary="True if basename.allow and .deny allow the registration.",
        ),
        function("allow_register", None, file("allow_file"), file("deny_file"), routes=_ROUTES, summary="Same, files."),
        function("allow_trusted", None, routes=_ROUTES, summary="True if the source is in the table of peers."),
    ),
    params=(
        string_param("default_allow_file", "permissions.allow", "Rule file of allow_routing()."),
        string_param("default_deny_file", "permissions.deny", "Rule file of allow_routing()."),
        switch_param("check_all_branches", 1, "All branches must be allowed, too."),
        string_param("allow_suffix", ".allow", "Appended to a basename."),
        string_param("deny_suffix", ".deny", "Appended to a basename."),
        url_param("db_url", None, "Database; without it nobody is trusted."),
        integer_param("db_mode", 0, "0 a query for each call, 1 the table is kept in memory.", low=0, high=1),
        table_param("trusted_table", "trusted", "Table of peers."),
        column_param("source_col", "src_ip"),
        column_param("proto_col", "proto"),
        column_param("from_col", "from_pattern"),
    ),
    fifo_commands=("trusted_reload", "trusted_dump"),
)
