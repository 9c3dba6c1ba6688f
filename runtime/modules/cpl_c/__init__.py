"""cpl-c: call processing scripts of users. Reference modules-more, A.3."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds_words import keyword
from runtime.spec.params import flag_param, table_param, url_param

EXPORTS: Final = ModuleSpec(
    name="cpl-c",
    summary="Runs the scripts that users wrote in the Call Processing Language.",
    needs=("sl", "tm"),
    database=True,
    functions=(
        function(
            "cpl_run_script",
            None,
            keyword("direction", "incoming", "outgoing"),
            keyword("mode", "is_stateless", "is_stateful", "force_stateful"),
            routes=REQUEST,
            does=Does.TAKE_OVER,
            may_stop=True,
            summary="Run the user's script; true when the call goes on as if there were none.",
        ),
        function(
            "cpl_process_register",
            None,
            routes=REQUEST,
            does=Does.ANSWER,
            may_stop=True,
            summary="Take or give a script that comes with REGISTER.",
        ),
        function(
            "cpl_process_register_norpl",
            None,
            routes=REQUEST,
            does=Does.NOTHING,
            may_stop=True,
            summary="Same, without an answer of its own on success.",
        ),
    ),
    params=(
        url_param("cpl_db", None, "Database of scripts.", mandatory=True),
        table_param("cpl_table", None, "Table of scripts.", mandatory=True),
        string_param("cpl_dtd_file", None, "File with the grammar of CPL.", mandatory=True),
        integer_param("proxy_recurse", 0, "Redirections that a proxy node follows.", low=0, high=10),
        integer_param("proxy_route", 0, "Route that runs before each forwarding; 0 is none.", low=0, high=19),
        flag_param("nat_flag", 6, "Message flag that marks a contact behind a NAT."),
        string_param("log_dir", None, "Folder for log nodes; without it they do nothing."),
        switch_param("case_sensitive", 0, "Users are told apart by capitals."),
        string_param("realm_prefix", None, "Beginning of a domain that does not count."),
        string_param("lookup_domain", None, "Location table for lookup nodes."),
        switch_param("lookup_append_branches", 0, "A lookup node adds all contacts, not the first alone."),
    ),
    fifo_commands=("LOAD_CPL", "REMOVE_CPL", "GET_CPL"),
)
