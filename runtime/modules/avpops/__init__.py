"""avpops: operations on AVPs. Reference modules-main, chapter 17."""

from typing import Final

from runtime.modules.avpops.kinds import (
    aliases_mistake,
    comparison,
    database_name,
    database_or_scheme_name,
    database_source,
    deleted,
    destination,
    pushed,
    scheme_mistake,
    value,
)
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, string_param, switch_param
from runtime.spec.kinds_avp import avp
from runtime.spec.params import column_param, table_param, url_param

_ROUTES: Final = REQUEST | FAILURE

EXPORTS: Final = ModuleSpec(
    name="avpops",
    summary="Loads, stores, writes, tests and pushes AVPs.",
    functions=(
        function(
            "avp_db_load",
            None,
            database_source(),
            database_or_scheme_name(),
            routes=_ROUTES,
            summary="Load AVPs from the database.",
        ),
        function("avp_db_store", None, database_source(), database_name(), routes=_ROUTES, summary="Store AVPs there."),
        function(
            "avp_db_delete", None, database_source(), database_name(), routes=_ROUTES, summary="Delete AVPs there."
        ),
        function("avp_write", None, value(), avp(), routes=_ROUTES, summary="Add an AVP with this value."),
        function("avp_delete", None, deleted(), routes=_ROUTES, summary="Remove AVPs."),
        function("avp_pushto", None, destination(), pushed(), routes=_ROUTES, summary="Put an AVP into the message."),
        function("avp_check", None, avp(), comparison(), routes=_ROUTES, summary="Compare an AVP with a value."),
        function("avp_print", None, routes=_ROUTES, summary="Log all AVPs for debugging."),
    ),
    params=(
        url_param("avp_url", None, "Database; without it the functions avp_db_* keep the server from starting."),
        table_param("avp_table", None, "Table of AVPs; needed with avp_url."),
        string_param("avp_aliases", None, "alias=name;…: aliases of AVPs.", check=aliases_mistake, repeatable=True),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
        column_param("uuid_column", "uuid"),
        column_param("attribute_column", "attribute"),
        column_param("value_column", "value"),
        column_param("type_column", "type"),
        column_param("username_column", "username"),
        column_param("domain_column", "domain"),
        string_param(
            "db_scheme",
            None,
            "name:key=value;…: a table in which one column is a value.",
            check=scheme_mistake,
            repeatable=True,
        ),
    ),
)
