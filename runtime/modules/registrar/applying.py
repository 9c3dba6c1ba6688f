"""What a REGISTER does to the contacts of a user. RFC 3261 10.3, reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.modules.registrar.refusals import OUT_OF_ORDER, TOO_MANY, Refused
from runtime.modules.registrar.request import Registration, Wanted
from runtime.modules.registrar.settings import Settings
from runtime.modules.usrloc.contact import LAST_TIME, MEMORY_ONLY, NAT, Contact
from runtime.modules.usrloc.locations import Change
from runtime.routing.avps import text_of
from runtime.routing.context import Context


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Wish:
    """A registration with all that its effect depends on beside the contacts that there are: it can be applied to others again.

    `flags` are those of contacts; `received` is what nathelper has found out of the address behind a NAT.
    """

    def __init__(self, ctx: Context, wanted: Registration, settings: Settings, now_s: i64, flags: i64) -> None:
        self._wanted: Final = wanted
        self._settings: Final = settings
        self.now_s: Final = now_s
        self._flags: Final[i64] = flags | NAT if ctx.flags & settings.nat_flag != 0 else flags
        avp = ctx.avps.first(settings.received_avp) if ctx.has_avps() else None
        self._received: Final = b"" if avp is None else text_of(avp)
        self._path: Final = b", ".join(wanted.paths) if wanted.takes_path and len(wanted.paths) > 0 else b""

    def apply(self, change: Change) -> None:
        """All that is wanted, or nothing: RFC 3261 10.3, 7. Raises Refused."""
        wanted = self._wanted
        _check_order(change, wanted)
        if wanted.star:
            change.delete_all()
            return
        if self._settings.max_contacts != 0:
            self._check_number(change)
        for contact in wanted.contacts:
            self._put(change, contact)

    def _check_number(self, change: Change) -> None:
        """Over the whole request, before anything is changed."""
        now_s = self.now_s
        number: i64 = 0
        for contact in change.contacts:
            if contact.is_valid(now_s):
                number += 1
        for each in self._wanted.contacts:
            known = change.find(each.uri)
            is_there = known is not None and known.is_valid(now_s)
            if each.lasts_s > 0 and not is_there:
                number += 1
            elif each.lasts_s == 0 and is_there:
                number -= 1
        if number > self._settings.max_contacts:
            raise Refused(TOO_MANY)

    def _put(self, change: Change, each: Wanted) -> None:
        wanted = self._wanted
        contact = change.find(each.uri)
        if each.lasts_s == 0:
            if contact is not None:
                change.delete(contact)
            return
        expires_s = min(self.now_s + each.lasts_s, LAST_TIME)
        received = each.received or self._received
        if contact is None:
            change.insert(
                Contact(
                    each.uri,
                    expires_s,
                    each.q,
                    wanted.call_id,
                    wanted.cseq,
                    self._flags,
                    wanted.user_agent,
                    received,
                    self._path,
                )
            )
            return
        contact.expires_s = expires_s
        contact.q = each.q
        contact.call_id = wanted.call_id
        contact.cseq = wanted.cseq
        contact.flags = contact.flags & ~(NAT | MEMORY_ONLY) | self._flags
        contact.user_agent = wanted.user_agent
        contact.received = received
        contact.path = self._path
        change.touch(contact)
        if self._settings.desc_time_order:
            change.move_first(contact)


def _check_order(change: Change, wanted: Registration) -> None:
    """A request that was sent before the last one of its Call-ID comes too late. RFC 3261 10.3, 6 and 7.

    One with the same CSeq is a repetition, whose answer was lost.
    """
    for contact in change.contacts:
        if contact.cseq > wanted.cseq and contact.call_id == wanted.call_id:
            if wanted.star or _names(wanted, contact.uri):
                raise Refused(OUT_OF_ORDER)


def _names(wanted: Registration, uri: bytes) -> bool:
    for each in wanted.contacts:
        if each.uri == uri:
            return True
    return False
