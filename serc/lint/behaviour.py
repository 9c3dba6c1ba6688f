"""What actions and functions do to a request, as far as flow checks ask. What is not here may do anything.

Reference core 5.5, modules-main.
"""

from __future__ import annotations

import enum
from typing import Final


class Does(enum.Enum):
    """The one thing that matters about a call."""

    NOTHING = enum.auto()  # looks, logs, changes headers: the request still waits for its fate
    REPLY = enum.auto()  # the first argument is the code
    ERROR_REPLY = enum.auto()  # replies with what the last error suggests
    CHALLENGE_WWW = enum.auto()
    CHALLENGE_PROXY = enum.auto()
    RELAY = enum.auto()
    COPY = enum.auto()  # sends a copy; the request itself still waits
    SAVE = enum.auto()  # answers a REGISTER, whether it succeeds or not
    LOOKUP = enum.auto()
    REWRITE = enum.auto()  # a new host in the request URI
    LOOSE_ROUTE = enum.auto()
    AUTH_WWW = enum.auto()
    AUTH_PROXY = enum.auto()
    CONSUME_CREDENTIALS = enum.auto()
    APPEND_BRANCH = enum.auto()
    VOUCH = enum.auto()  # true: somebody who may send this
    END = enum.auto()  # break, drop


_TABLE: Final[dict[Does, str]] = {
    Does.NOTHING: """
        log setflag resetflag isflagset force_rport add_rport prefix strip strip_tail setuser rewriteuser setu
        setuserpass rewriteuserpass setup setport rewriteport setp error force_tcp_alias add_tcp_alias
        set_advertised_address set_advertised_port force_send_socket
        mf_process_maxfwd_header record_route record_route_preset record_route_strict add_rr_param
        append_hf append_urihf append_to_reply remove_hf is_present_hf search search_append replace replace_all subst
        subst_uri subst_user subst_hf append_time
        xlog xdbg print t_on_failure t_on_reply t_check_status t_newtran t_lookup_request
        check_to check_from nat_uac_test fix_nated_contact fix_nated_register force_rtp_proxy unforce_rtp_proxy
        fix_nated_sdp add_rcv_param acc_log_request acc_db_request append_rpid_hf has_totag
    """,
    Does.REPLY: "sl_send_reply t_reply",
    Does.ERROR_REPLY: "sl_reply_error",
    Does.CHALLENGE_WWW: "www_challenge",
    Does.CHALLENGE_PROXY: "proxy_challenge",
    Does.RELAY: """
        t_relay t_relay_to_udp t_relay_to_tcp t_relay_to_tls t_forward_nonack t_forward_nonack_udp t_forward_nonack_tcp
        t_forward_nonack_tls t_forward_nonack_uri forward forward_udp forward_tcp forward_tls
    """,
    Does.COPY: "send send_tcp t_replicate t_replicate_udp t_replicate_tcp t_replicate_tls exec",
    Does.SAVE: "save save_memory",
    Does.LOOKUP: "lookup",
    Does.REWRITE: "sethost rewritehost seth sethostport rewritehostport sethp seturi rewriteuri",
    Does.LOOSE_ROUTE: "loose_route",
    Does.AUTH_WWW: "www_authorize radius_www_authorize",
    Does.AUTH_PROXY: "proxy_authorize radius_proxy_authorize",
    Does.CONSUME_CREDENTIALS: "consume_credentials",
    Does.APPEND_BRANCH: "append_branch",
    Does.VOUCH: "is_user_in allow_trusted allow_routing is_from_local is_uri_host_local",
    Does.END: "break drop",
}

BEHAVIOUR: Final[dict[str, Does]] = {name: does for does, names in _TABLE.items() for name in names.split()}

# Tests that are done for nothing else but their result.
TESTS: Final = frozenset("""
    proxy_authorize www_authorize radius_proxy_authorize radius_www_authorize check_to check_from is_user_in
    allow_routing allow_register allow_trusted mf_process_maxfwd_header loose_route is_present_hf is_from_local
    is_uri_host_local does_uri_exist
    """.split())

TRANSACTIONAL: Final = frozenset(name for name, does in BEHAVIOUR.items() if does is Does.RELAY and name[:2] == "t_")
