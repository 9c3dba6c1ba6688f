"""msilo: messages for those who are away. Reference modules-main, chapter 22."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import integer
from runtime.spec.kinds_sip import sip_uri_doubt
from runtime.spec.params import column_param, seconds_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="msilo",
    summary="Keeps MESSAGEs for users who are away.",
    needs=("tm",),
    database=True,
    functions=(
        function(
            "m_store",
            None,
            integer("recipient", 0, 2),
            routes=REQUEST | FAILURE,
            does=Does.COPY,
            summary="Keep the message for the user of: 0 the URI, 1 the original URI, 2 To.",
        ),
        function(
            "m_dump", None, routes=REQUEST, does=Does.NOTHING, summary="Send what was kept for the user who registers."
        ),
    ),
    params=(
        url_param(),
        table_param("db_table", "silo", "Table of messages."),
        string_param("registrar", None, "From of notifications; none if not set.", doubt=sip_uri_doubt),
        seconds_param("expire_time", 259200, "Life of a message."),
        seconds_param("check_time", 30, "Period of deletion of what was delivered."),
        integer_param("clean_period", 5, "Expired messages are deleted every so many check_times.", low=1),
        switch_param("use_contact", 1, "Notifications go to the sender's Contact."),
        column_param("sc_mid", "mid", "Column for the number."),
        column_param("sc_from", "src_addr", "Column for the sender."),
        column_param("sc_to", "dst_addr", "Column for the recipient."),
        column_param("sc_uri_user", "username", "Column for the recipient's user name."),
        column_param("sc_uri_host", "domain", "Column for the recipient's domain."),
        column_param("sc_body", "body", "Column for the text."),
        column_param("sc_ctype", "ctype", "Column for the content type."),
        column_param("sc_exp_time", "exp_time", "Column for the time of expiry."),
        column_param("sc_inc_time", "inc_time", "Column for the time of arrival."),
    ),
)
