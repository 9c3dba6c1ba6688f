"""save(): what a REGISTER does to the contacts of a user, and the answer. RFC 3261 10.3, reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.registrar.aor import aor_of
from runtime.modules.registrar.refusals import (
    NO_TO,
    NOT_READ,
    NOT_WRITTEN,
    OUT_OF_ORDER,
    PARSE_ERROR,
    TOO_MANY,
    Refused,
)
from runtime.modules.registrar.reply import contact_line
from runtime.modules.registrar.request import Registration, Wanted, read_registration
from runtime.modules.registrar.settings import Settings
from runtime.modules.sl import Sl
from runtime.modules.usrloc.contact import LAST_TIME, MEMORY_ONLY, NAT, Contact
from runtime.modules.usrloc.locations import Change, Locations, Table, TooManyContacts
from runtime.modules.usrloc.store import StoreError
from runtime.routing.avps import text_of
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.database import DatabaseError
from runtime.routing.verdict import FALSE, STOP, TRUE
from runtime.sip.scan import BadMessage

_REASONS: Final = {200: b"OK", 400: b"Bad Request", 500: b"Server Internal Error", 503: b"Service Unavailable"}


@final
class Counts:
    """What has become of the REGISTERs of a process."""

    def __init__(self) -> None:
        self.saved: i64 = 0
        self.refused: i64 = 0


@final
class Saver:
    """Takes registrations into the tables of `locations`, and answers through `sl`."""

    def __init__(self, settings: Settings, locations: Locations, sl: Sl, counts: Counts) -> None:
        self._settings: Final = settings
        self._locations: Final = locations
        self._sl: Final = sl
        self._counts: Final = counts

    def save(self, ctx: Context, table: Table, memory_only: bool, answers: bool) -> int:
        """TRUE if the request was taken in and answered, FALSE if it could not be answered, STOP if it was refused."""
        now_s = self._locations.now_s(ctx.now_ms)
        aor = b""
        known = False
        contacts: list[Contact] = []
        path = b""
        try:
            wanted = read_registration(ctx, self._settings)
            aor = self._aor(ctx)
            known = True
            if wanted.star or len(wanted.contacts) > 0:
                contacts = self._change(ctx, table, aor, wanted, now_s, MEMORY_ONLY if memory_only else 0)
                path = b"".join([b"Path: %s\r\n" % value for value in wanted.paths])
            else:
                contacts = _read(ctx, table, aor)
        except Refused as refused:
            # What there is stays as it was, and the client is told.
            before = self._before(ctx, table, aor) if known else contacts
            self._refuse(ctx, refused, before, now_s, answers)
            return STOP
        self._counts.saved += 1
        if not answers:
            return TRUE
        line = contact_line(contacts, now_s, self._settings.received_param)
        if len(line) > 0:
            ctx.reply_headers.append(line)
        if len(path) > 0:
            ctx.reply_headers.append(path)
        return TRUE if self._sl.sl_send_reply(ctx, 200, b"OK") else FALSE

    def _aor(self, ctx: Context) -> bytes:
        try:
            to = ctx.to_value()
        except BadMessage as e:
            raise Refused(PARSE_ERROR if ctx.message.to != 0 else NO_TO) from e
        return aor_of(ctx.message.buf, to.uri_start, to.uri_end, self._settings)

    def _refuse(self, ctx: Context, why: Refused, contacts: list[Contact], now_s: i64, answers: bool) -> None:
        self._counts.refused += 1
        ctx.log(L_ERR if why.status == 500 else L_INFO, f"save: {why.status}: {why.text.decode('latin-1')}")
        if not answers:
            return
        line = contact_line(contacts, now_s, self._settings.received_param)
        if len(line) > 0:
            ctx.reply_headers.append(line)
        ctx.reply_headers.append(b"P-Registrar-Error: %s\r\n" % why.text)
        if why.status >= 500 and self._settings.retry_after > 0:
            ctx.reply_headers.append(b"Retry-After: %d\r\n" % self._settings.retry_after)
        self._sl.sl_send_reply(ctx, why.status, _REASONS[why.status])

    def _before(self, ctx: Context, table: Table, aor: bytes) -> list[Contact]:
        try:
            return table.contacts(aor, ctx)
        except (StoreError, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: save: cannot read the contacts: {e}")
            return []

    # --- the change --------------------------------------------------------------------------------------------------

    def _change(
        self, ctx: Context, table: Table, aor: bytes, wanted: Registration, now_s: i64, flags: i64
    ) -> list[Contact]:
        """The contacts as they are afterwards. All that is wanted is done, or nothing: RFC 3261 10.3, 7. Raises Refused."""
        try:
            if self._locations.writes_through:
                self._write_through(ctx, table, aor, wanted, now_s, flags)
            change = table.change(aor, ctx)
        except (StoreError, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: save: cannot write contacts: {e}")
            raise Refused(NOT_WRITTEN) from e
        try:
            try:
                self._apply(ctx, change, wanted, now_s, flags)
                change.keep(now_s, ctx)
            finally:
                change.drop()
            self._locations.await_disk(ctx)
        except TooManyContacts as more:
            raise Refused(TOO_MANY) from more
        except (StoreError, DatabaseError) as full:
            ctx.log(L_ERR, f"ERROR: save: cannot write contacts: {full}")
            raise Refused(NOT_WRITTEN) from full
        return change.contacts

    def _write_through(
        self, ctx: Context, table: Table, aor: bytes, wanted: Registration, now_s: i64, flags: i64
    ) -> None:
        """Have the database take what is wanted, before anybody sees it. Raises Refused, StoreError, DatabaseError.

        Nobody is kept from writing meanwhile: what is wanted is applied once more to what there is then.
        """
        rows = self._locations.rows
        assert rows is not None
        plan = table.plan(aor)
        self._apply(ctx, plan, wanted, now_s, flags)
        plan.tidy(now_s)
        rows.write(ctx, plan.row_changes())

    def _apply(self, ctx: Context, change: Change, wanted: Registration, now_s: i64, flags: i64) -> None:
        """Do what is wanted. Raises Refused."""
        _check_order(change, wanted)
        if wanted.star:
            change.delete_all()
            return
        self._check_number(change, wanted, now_s)
        if ctx.flags & self._settings.nat_flag != 0:
            flags |= NAT
        received = self._received(ctx)
        path = b", ".join(wanted.paths) if wanted.takes_path else b""
        for contact in wanted.contacts:
            self._put(change, wanted, contact, now_s, flags, contact.received or received, path)

    def _received(self, ctx: Context) -> bytes:
        """What nathelper has found out of the address behind a NAT."""
        value = ctx.avps.first(self._settings.received_avp)
        return b"" if value is None else text_of(value)

    def _check_number(self, change: Change, wanted: Registration, now_s: i64) -> None:
        """Over the whole request, before anything is changed."""
        most = self._settings.max_contacts
        if most == 0:
            return
        number: i64 = 0
        for contact in change.contacts:
            if contact.is_valid(now_s):
                number += 1
        for each in wanted.contacts:
            known = change.find(each.uri)
            is_there = known is not None and known.is_valid(now_s)
            if each.lasts_s > 0 and not is_there:
                number += 1
            elif each.lasts_s == 0 and is_there:
                number -= 1
        if number > most:
            raise Refused(TOO_MANY)

    def _put(
        self, change: Change, wanted: Registration, each: Wanted, now_s: i64, flags: i64, received: bytes, path: bytes
    ) -> None:
        contact = change.find(each.uri)
        if each.lasts_s == 0:
            if contact is not None:
                change.delete(contact)
            return
        expires_s = min(now_s + each.lasts_s, LAST_TIME)
        if contact is None:
            change.insert(
                Contact(
                    each.uri,
                    expires_s,
                    each.q,
                    wanted.call_id,
                    wanted.cseq,
                    flags,
                    wanted.user_agent,
                    received,
                    path,
                )
            )
            return
        contact.expires_s = expires_s
        contact.q = each.q
        contact.call_id = wanted.call_id
        contact.cseq = wanted.cseq
        contact.flags = contact.flags & ~(NAT | MEMORY_ONLY) | flags
        contact.user_agent = wanted.user_agent
        contact.received = received
        contact.path = path
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


def _read(ctx: Context, table: Table, aor: bytes) -> list[Contact]:
    try:
        return table.contacts(aor, ctx)
    except (StoreError, DatabaseError) as e:
        ctx.log(L_ERR, f"ERROR: save: cannot read the contacts: {e}")
        raise Refused(NOT_READ) from e
