"""acc: accounting. Reference modules-main, chapter 12."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import string, table
from runtime.spec.kinds_sip import host_mistake
from runtime.spec.params import column_param, flag_param, radius_config_param, table_param, url_param

_LETTERS: Final = "miocftsSFTrduUpD01Xn"
_MOST_LETTERS: Final = 20


def _format_mistake(text: str) -> str:
    if not text:
        return "log_fmt may not be empty"
    if len(text) > _MOST_LETTERS:
        return f"log_fmt takes {_MOST_LETTERS} letters at most"
    unknown = next((letter for letter in text if letter not in _LETTERS), "")
    return f'"{unknown}" is no attribute of log_fmt, which are the letters {_LETTERS}' if unknown else ""


EXPORTS: Final = ModuleSpec(
    name="acc",
    summary="Reports transactions to syslog, a database, RADIUS or DIAMETER.",
    needs=("tm",),
    functions=(
        function(
            "acc_log_request",
            None,
            string("comment"),
            routes=REQUEST,
            does=Does.NOTHING,
            summary="Report the request to syslog.",
        ),
        function(
            "acc_db_request",
            None,
            string("comment"),
            table(),
            routes=REQUEST,
            does=Does.NOTHING,
            summary="Report the request to a database table.",
        ),
    ),
    params=(
        switch_param("early_media", 0, "Report 183, too."),
        switch_param("failed_transactions", 0, "Report failures, too."),
        switch_param("report_ack", 1, "Report ACKs, too."),
        switch_param("report_cancels", 0, "Report CANCELs, too."),
        flag_param("log_flag", 0, "Message flag that asks for syslog; 0 is off."),
        flag_param("log_missed_flag", 0, "Message flag that asks for missed calls in syslog; 0 is off."),
        integer_param("log_level", 2, "Level of the reports, as in log(): 1 warning, 2 notice, 3 information."),
        string_param("log_fmt", "miocfs", "Letters of the attributes.", check=_format_mistake),
        flag_param("db_flag", 0, "Message flag that asks for the database; 0 is off."),
        flag_param("db_missed_flag", 0, "Message flag that asks for missed calls in the database; 0 is off."),
        url_param(),
        table_param("db_table_acc", "acc", "Table of calls."),
        table_param("db_table_missed_calls", "missed_calls", "Table of missed calls."),
        switch_param("db_localtime", 0, "Local times in place of UTC."),
        column_param("acc_sip_from_column", "sip_from"),
        column_param("acc_sip_to_column", "sip_to"),
        column_param("acc_sip_status_column", "sip_status"),
        column_param("acc_sip_method_column", "sip_method"),
        column_param("acc_i_uri_column", "i_uri"),
        column_param("acc_o_uri_column", "o_uri"),
        column_param("acc_sip_callid_column", "sip_callid"),
        column_param("acc_user_column", "username"),
        column_param("acc_time_column", "time"),
        column_param("acc_from_uri_column", "from_uri"),
        column_param("acc_to_uri_column", "to_uri"),
        column_param("acc_totag_column", "totag"),
        column_param("acc_fromtag_column", "fromtag"),
        column_param("acc_domain_column", "domain"),
        radius_config_param(),
        flag_param("radius_flag", 0, "Message flag that asks for RADIUS; 0 is off."),
        flag_param("radius_missed_flag", 0, "Message flag that asks for missed calls in RADIUS; 0 is off."),
        integer_param("service_type", -1, "Service-Type of RADIUS; -1 is Sip-Session."),
        flag_param("diameter_flag", 1, "Message flag that asks for DIAMETER."),
        flag_param("diameter_missed_flag", 2, "Message flag that asks for missed calls in DIAMETER."),
        string_param("diameter_client_host", "localhost", "Host of the DIAMETER client.", check=host_mistake),
        integer_param("diameter_client_port", 3000, "Its port.", low=1, high=65535),
    ),
)
