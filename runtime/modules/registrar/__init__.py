"""registrar: REGISTER requests and lookups. Reference modules-main, chapter 6."""

from typing import Final

from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import location
from runtime.spec.params import flag_param, seconds_param
from runtime.spec.values import Doubt


def _q_doubt(value: int) -> Doubt | None:
    if -1 <= value <= 1000:
        return None
    return Doubt(f"{value} is no q value and becomes {0 if value < 0 else 1000}", "write q times 1000, or -1 for none")


EXPORTS: Final = ModuleSpec(
    name="registrar",
    summary="Takes REGISTER requests into usrloc and finds users there.",
    needs=("sl", "usrloc"),
    functions=(
        function(
            "save", None, location(), routes=REQUEST, does=Does.SAVE, may_stop=True, summary="Register, and answer."
        ),
        function(
            "save_noreply",
            None,
            location(),
            routes=REQUEST,
            does=Does.NOTHING,
            may_stop=True,
            summary="Register, answer nothing.",
        ),
        function(
            "save_memory",
            None,
            location(),
            routes=REQUEST,
            does=Does.SAVE,
            may_stop=True,
            summary="Register, without database.",
        ),
        function(
            "lookup",
            None,
            location(),
            routes=REQUEST | FAILURE,
            does=Does.LOOKUP,
            summary="Rewrite the URI to where the user is.",
        ),
        function(
            "registered",
            None,
            location(),
            routes=REQUEST | FAILURE,
            does=Does.VOUCH,
            alone="nothing else",
            summary="True if the user has a contact.",
        ),
    ),
    params=(
        seconds_param("default_expires", 3600, "Life of a contact that names none."),
        seconds_param("min_expires", 60, "Shorter lives are raised to this; 0 is off."),
        seconds_param("max_expires", 0, "Longer lives are cut to this; 0 is off."),
        integer_param("default_q", -1, "q of a contact that names none, times 1000; -1 unspecified.", doubt=_q_doubt),
        switch_param("append_branches", 1, "lookup appends all further contacts as branches."),
        switch_param("case_sensitive", 0, "Users are told apart by capitals."),
        switch_param("desc_time_order", 0, "A refreshed contact comes first."),
        flag_param("nat_flag", 4, "Message flag that marks a contact behind a NAT."),
        string_param("realm_prefix", "", "Beginning of a domain that does not count."),
        string_param("received_param", "received", "Contact parameter of replies with the address of a NAT."),
        integer_param("received_avp", 42, "Integer AVP with the address of a NAT, as nathelper sets it.", low=1),
        switch_param("use_domain", 0, "Users are told apart by their domains; must equal usrloc's."),
        integer_param("max_contacts", 0, "Most contacts of a user; 0 is no limit.", low=0),
        seconds_param("retry_after", 0, "Retry-After of replies 5xx; 0 is none."),
    ),
)
