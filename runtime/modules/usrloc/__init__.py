"""usrloc: the table of who is where. Reference modules-main, chapter 5."""

from typing import Final

from runtime.spec.declare import ModuleSpec, integer_param, switch_param
from runtime.spec.params import column_param, seconds_param, url_param

EXPORTS: Final = ModuleSpec(
    name="usrloc",
    summary="User locations, in memory and on request in a database; for registrar and others.",
    params=(
        column_param("user_column", "username"),
        column_param("domain_column", "domain"),
        column_param("contact_column", "contact"),
        column_param("expires_column", "expires"),
        column_param("q_column", "q"),
        column_param("callid_column", "callid"),
        column_param("cseq_column", "cseq"),
        column_param("method_column", "method", "Column for the method, which is never written."),
        column_param("replicate_column", "replicate"),
        column_param("state_column", "state"),
        column_param("flags_column", "flags"),
        column_param("user_agent_column", "user_agent"),
        column_param("received_column", "received"),
        url_param(),
        seconds_param("timer_interval", 60, "Period of the search for expired contacts and of write-back."),
        integer_param("db_mode", 0, "0 memory alone, 1 write through, 2 write back.", low=0, high=2),
        switch_param("use_domain", 0, "Users are told apart by their domains, too."),
        switch_param("desc_time_order", 0, "Newest contacts first, whatever their q."),
    ),
    fifo_commands=("ul_stats", "ul_rm", "ul_rm_contact", "ul_dump", "ul_flush", "ul_add", "ul_show_contact"),
)
