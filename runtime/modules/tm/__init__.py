"""tm: stateful transactions. Reference modules-main, chapter 1."""

from typing import Final

from runtime.modules.tm.kinds import append_mistake, request_action
from runtime.spec.declare import (
    EVERYWHERE,
    FAILURE,
    REQUEST,
    Argument,
    Function,
    ModuleSpec,
    RouteKind,
    function,
    integer_param,
    string_param,
    switch_param,
)
from runtime.spec.kinds import code, reason, regex, some_text
from runtime.spec.kinds_avp import avp_name_mistake
from runtime.spec.kinds_sip import host, port, sip_uri_doubt
from runtime.spec.kinds_words import failure_route, onreply_route
from runtime.spec.params import seconds_param

_SOCKET: Final = some_text("socket", "the path of a Unix socket")
_FIFO: Final = some_text("fifo", "the path of a FIFO")


def _to(name: str, routes: RouteKind, summary: str, may_stop: bool = False) -> Function:
    return function(name, None, host(), port(), routes=routes, may_stop=may_stop, summary=summary)


EXPORTS: Final = ModuleSpec(
    name="tm",
    summary="Transactions: forking, retransmission, time-outs, failure and reply routes.",
    stateful=True,
    functions=(
        function("t_newtran", None, routes=REQUEST, may_stop=True, summary="Open a transaction; stops at repetitions."),
        function("t_lookup_request", None, routes=REQUEST, summary="True if the request's transaction exists."),
        function("t_reply", None, code(), reason(), routes=REQUEST | FAILURE, summary="Answer statefully."),
        function("t_retransmit_reply", None, routes=REQUEST, summary="Send the last reply again."),
        function("t_release", None, routes=REQUEST, summary="Let the transaction end."),
        function("t_relay", None, routes=REQUEST | FAILURE, may_stop=True, summary="Forward statefully by URI."),
        _to("t_relay_to_udp", REQUEST | FAILURE, "Forward statefully to this next hop over UDP.", True),
        _to("t_relay_to_tcp", REQUEST | FAILURE, "Forward statefully to this next hop over TCP.", True),
        _to("t_relay_to_tls", REQUEST | FAILURE, "Forward statefully to this next hop over TLS.", True),
        _to("t_replicate", REQUEST, "Send a copy there, over the protocol of the request."),
        _to("t_replicate_udp", REQUEST, "Send a copy there over UDP."),
        _to("t_replicate_tcp", REQUEST, "Send a copy there over TCP."),
        _to("t_replicate_tls", REQUEST, "Send a copy there over TLS."),
        _to("t_forward_nonack", REQUEST, "Forward in the open transaction, over the protocol of the request."),
        _to("t_forward_nonack_udp", REQUEST, "Forward in the open transaction over UDP."),
        _to("t_forward_nonack_tcp", REQUEST, "Forward in the open transaction over TCP."),
        _to("t_forward_nonack_tls", REQUEST, "Forward in the open transaction over TLS."),
        function("t_forward_nonack_uri", None, routes=REQUEST, summary="Forward in the open transaction by URI."),
        function("t_on_failure", None, failure_route(), routes=EVERYWHERE, summary="Arm a failure_route; 0 disarms."),
        function("t_on_reply", None, onreply_route(), routes=EVERYWHERE, summary="Arm an onreply_route; 0 disarms."),
        function("t_check_status", None, regex(), routes=EVERYWHERE, summary="True if the reply's code matches."),
        function(
            "t_write_req",
            None,
            Argument("fifo", _FIFO),
            request_action(),
            routes=REQUEST | FAILURE,
            summary="Hand the request to the application behind a FIFO.",
        ),
        function(
            "t_write_unix",
            None,
            Argument("socket", _SOCKET),
            request_action(),
            routes=REQUEST | FAILURE,
            summary="Hand the request to the application behind a Unix socket.",
        ),
    ),
    params=(
        switch_param("ruri_matching", 1, "Requests without an RFC 3261 branch match by their URI, too."),
        switch_param("via1_matching", 1, "Requests without an RFC 3261 branch match by their Via, too."),
        seconds_param("fr_timer", 30, "Wait for a final reply, and for the ACK to a negative one."),
        seconds_param("fr_inv_timer", 120, "Wait for the final reply to an INVITE that rings."),
        seconds_param("wt_timer", 5, "Life of a transaction that is over."),
        seconds_param("delete_timer", 2, "Delay before a transaction in use is deleted again."),
        seconds_param("retr_timer1p1", 1, "Delay before the first repetition."),
        seconds_param("retr_timer1p2", 2, "Delay before the second repetition."),
        seconds_param("retr_timer1p3", 4, "Delay before the third repetition."),
        seconds_param("retr_timer2", 4, "Delay before all later repetitions."),
        switch_param("noisy_ctimer", 0, "Taken for compatibility; time-outs always answer 408."),
        switch_param("restart_fr_on_each_reply", 1, "Every provisional reply starts fr_inv_timer again."),
        switch_param("pass_provisional_replies", 0, "Provisional replies reach the FIFO application, too."),
        string_param("uac_from", "sip:foo@foo.bar", "From of own requests.", doubt=sip_uri_doubt),
        seconds_param("unix_tx_timeout", 2, "Time-out of t_write_unix."),
        string_param("fr_timer_avp", "callee_fr_timer", "AVP that overrides fr_timer.", check=avp_name_mistake),
        string_param("fr_inv_timer_avp", "callee_fr_inv_timer", "Same for fr_inv_timer.", check=avp_name_mistake),
        switch_param("var_timers", 1, "The two AVPs count."),
        string_param(
            "tw_append",
            None,
            "name:element;… that t_write_req and t_write_unix append for action/name.",
            check=append_mistake,
            repeatable=True,
        ),
    ),
    fifo_commands=("t_uac_dlg", "t_uac_cancel", "t_reply", "t_hash", "t_stats"),
)
