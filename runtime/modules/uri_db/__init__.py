"""uri_db: URIs in a database. Reference modules-main, chapter 11."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, switch_param
from runtime.spec.effects import Does
from runtime.spec.params import READ_ONLY_URL, column_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="uri_db",
    summary="Compares From and To with the credentials, finds out whether a user exists.",
    database=True,
    functions=(
        function(
            "check_to",
            None,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if To belongs to the authenticated user.",
        ),
        function(
            "check_from",
            None,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if From belongs to the authenticated user.",
        ),
        function(
            "does_uri_exist",
            None,
            routes=REQUEST,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the URI's user exists.",
        ),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("uri_table", "uri", "Table of URIs."),
        column_param("uri_user_column", "username"),
        column_param("uri_domain_column", "domain"),
        column_param("uri_uriuser_column", "uri_user"),
        table_param("subscriber_table", "subscriber", "Table of subscribers."),
        column_param("subscriber_user_column", "username"),
        column_param("subscriber_domain_column", "domain"),
        switch_param("use_uri_table", 0, "Look into the table of URIs."),
        switch_param("use_domain", 0, "Users are told apart by their domains, too, in does_uri_exist."),
    ),
)
