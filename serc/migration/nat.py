"""Phones behind NATs: the RTP proxy, and what a route finds out about where a message is."""

from __future__ import annotations

from typing import Final

from serc.migration.draft import Draft

# The three digits of a reply stand where a request has its URI. Reference core, 5.3.
_IS_REPLY: Final = '(status =~ "^[1-6][0-9][0-9]$")'
_OFFERS: Final = (
    "rtpproxy_offer rtpproxy_answer engage_rtp_proxy rtpproxy_engage rtpengine_offer rtpengine_answer".split()
)
_MANAGES: Final = ("rtpproxy_manage", "rtpengine_manage")
_ENDS: Final = ("rtpproxy_destroy", "rtpproxy_unforce", "unforce_rtpproxy", "rtpengine_delete")
_CONTACTS: Final = ("set_contact_alias", "add_contact_alias")


def rewrite_nat(draft: Draft) -> None:
    """What asks whether a message is a request, whether it comes from a phone, and what leads media over a proxy."""
    for at, end, _ in draft.calls():
        name, whole = draft.text_at(at), draft.between(at, end)
        if name == "is_reply":
            draft.replace(whole, _IS_REPLY)
        elif name == "is_request":
            draft.replace(whole, f"!{_IS_REPLY}")
        elif name == "is_first_hop":
            draft.replace(whole, '!search("^Record-Route[ ]*:")')
            draft.remark(at, "is_first_hop is a search for Record-Route now: a proxy that records no route passes, too")
        elif name in _OFFERS or name in _MANAGES:
            _lead(draft, at, end)
        elif name in _ENDS:
            draft.replace(whole, "unforce_rtp_proxy()")
        elif name in _CONTACTS:
            draft.replace(whole, "fix_nated_contact()")
            draft.remark(at, f"{name} is fix_nated_contact now: the old address in Contact is lost, and not restored")


def _lead(draft: Draft, at: int, end: int) -> None:
    """The same function for an offer and its answer; for the end of a call another one."""
    name = draft.text_at(at)
    is_statement = draft.is_sign(end + 1, ";")
    forced, ended = "force_rtp_proxy()", "unforce_rtp_proxy()"
    if name in _MANAGES and is_statement:
        written = f'if (method == "BYE" || method == "CANCEL") {ended}; else {forced}'
        alone = draft.text_at(at - 1) in (")", "else")
        draft.replace(draft.between(at, end + 1), f"{{ {written}; }}" if alone else f"{written};")
    else:
        draft.replace(draft.between(at, end), forced)
    protocol = ", which does not speak the protocol of rtpengine: it needs an rtpproxy" * name.startswith("rtpengine")
    draft.remark(at, f"{name} is force_rtp_proxy of nathelper now{protocol}")
