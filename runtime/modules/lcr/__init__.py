"""lcr: gateways by cost, and serial forking. Reference modules-main, chapter 27."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_avp import avp_name_mistake
from runtime.spec.params import READ_ONLY_URL, column_param, seconds_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="lcr",
    summary="Chooses gateways by cost, tries contacts by their q.",
    needs=("tm",),
    database=True,
    functions=(
        function("load_gws", None, routes=REQUEST, does=Does.NOTHING, summary="Load the gateways for this call."),
        function(
            "next_gw",
            None,
            routes=REQUEST | FAILURE,
            does=Does.REWRITE,
            summary="Take the next gateway; false when none is left.",
        ),
        function(
            "from_gw",
            None,
            routes=REQUEST | FAILURE,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the source is a gateway.",
        ),
        function(
            "to_gw",
            None,
            routes=REQUEST | FAILURE,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the request URI is at a gateway.",
        ),
        function("load_contacts", None, routes=REQUEST, does=Does.NOTHING, summary="Sort the branches by q."),
        function("next_contacts", None, routes=REQUEST | FAILURE, does=Does.REWRITE, summary="Take the next branches."),
    ),
    params=(
        url_param("db_url", READ_ONLY_URL),
        table_param("gw_table", "gw", "Table of gateways."),
        column_param("gw_name_column", "gw_name"),
        column_param("ip_addr_column", "ip_addr"),
        column_param("port_column", "port"),
        column_param("uri_scheme_column", "uri_scheme"),
        column_param("transport_column", "transport"),
        column_param("grp_id_column", "grp_id"),
        table_param("lcr_table", "lcr", "Table of routes."),
        column_param("prefix_column", "prefix"),
        column_param("from_uri_column", "from_uri"),
        column_param("priority_column", "priority"),
        string_param("gw_uri_avp", "1400", "AVP of gateways; digits are an integer name.", check=avp_name_mistake),
        string_param("contact_avp", "1401", "AVP of contacts; digits are an integer name.", check=avp_name_mistake),
        string_param("fr_inv_timer_avp", "fr_inv_timer_avp", "AVP that tm reads.", check=avp_name_mistake),
        seconds_param("fr_inv_timer", 90, "Time for the last contacts."),
        seconds_param("fr_inv_timer_next", 30, "Time for all contacts before."),
        string_param("rpid_avp", "rpid", "AVP of the caller's identity.", check=avp_name_mistake),
    ),
    fifo_commands=("lcr_reload", "lcr_dump"),
)
