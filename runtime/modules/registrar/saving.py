"""save(): what a REGISTER does to the contacts of a user, and the answer. RFC 3261 10.3, reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.registrar.aor import aor_of
from runtime.modules.registrar.applying import Wish
from runtime.modules.registrar.refusals import NO_TO, NOT_READ, NOT_WRITTEN, PARSE_ERROR, TOO_MANY, Refused
from runtime.modules.registrar.reply import contact_line
from runtime.modules.registrar.request import read_registration
from runtime.modules.registrar.settings import Settings
from runtime.modules.sl import Sl
from runtime.modules.usrloc.batch import Staged
from runtime.modules.usrloc.contact import MEMORY_ONLY, Contact
from runtime.modules.usrloc.locations import Change, Locations, Table, TooManyContacts
from runtime.modules.usrloc.store import StoreError
from runtime.routing.context import L_ERR, L_INFO, Context
from runtime.routing.database import DatabaseError
from runtime.routing.replying import broken_in
from runtime.routing.verdict import FALSE, STOP, TRUE
from runtime.sip.scan import BadMessage
from runtime.sip.transport import Send

_REASONS: Final = {200: b"OK", 400: b"Bad Request", 500: b"Server Internal Error", 503: b"Service Unavailable"}


@final
class Counts:
    """What has become of the REGISTERs of a process."""

    def __init__(self) -> None:
        self.saved: i64 = 0
        self.refused: i64 = 0


@final
class Saving(Staged):
    """A registration on its way into the table `of`. `contacts` are those of the user afterwards, if there is no `refusal`.

    `sent` is the answer, which has not left yet; before it the request had `headers` for its answer. None: it has no answer so far.
    `written` is what a database was told already.
    """

    def __init__(self, saver: Saver, ctx: Context, table: Table, aor: bytes, wish: Wish, path: bytes) -> None:
        super().__init__(table.number, aor)
        self._saver: Final = saver
        self.of: Final = table
        self.ctx: Final = ctx
        self.wish: Final = wish
        self.path: Final = path
        self.contacts: list[Contact] = []
        self.refusal: Refused | None = None
        self.sent: Send | None = None
        self.headers: list[bytes] | None = None
        self.written: Change | None = None

    def decide(self, record: bytes) -> None:
        self.before = record
        self.after = record
        self.refusal = None
        try:
            change = self.of.changed(self.key, record)
            self.wish.apply(change)
            self.after = change.record(self.wish.now_s)
            self.contacts = change.contacts
        except Refused as refused:
            self.refusal = refused
        except TooManyContacts:
            self.refusal = Refused(TOO_MANY)
        except StoreError as broken:
            self.fail(str(broken))

    def fail(self, why: str) -> None:
        self.ctx.log(L_ERR, f"ERROR: save: cannot write contacts: {why}")
        self.refusal = Refused(NOT_WRITTEN)

    def undo(self, ctx: Context | None) -> None:
        """It is refused: what the database was told is not true. The run of `ctx` waits, with None the process does."""
        written = self.written
        rows = self.of.locations.rows
        self.written = None
        if written is not None and rows is not None:
            try:
                rows.write(ctx, written.undoing(self.before))
            except (StoreError, DatabaseError) as e:
                self.ctx.log(L_ERR, f"ERROR: save: the database may have contacts that were refused: {e}")

    def tell(self) -> None:
        if self.refusal is not None:
            self.undo(None)
        if self.sent is not None:
            log = self.ctx.world.log
            log.about = self.ctx
            self._saver.answer_again(self, self.sent)
            log.about = None


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
        aor: bytes | None = None
        contacts: list[Contact] = []
        path = b""
        saving: Saving | None = None
        try:
            wanted = read_registration(ctx, self._settings)
            aor = self._aor(ctx)
            if wanted.refusal is not None:
                raise wanted.refusal
            if len(broken_in(ctx)) > 0:
                # The answer would be 400: nothing may have changed then.
                raise Refused(PARSE_ERROR)
            if wanted.star or len(wanted.contacts) > 0:
                wish = Wish(ctx, wanted, self._settings, now_s, MEMORY_ONLY if memory_only else 0)
                if len(wanted.paths) > 0:
                    path = b"".join([b"Path: %s\r\n" % value for value in wanted.paths])
                if self._locations.direct is None:
                    saving = Saving(self, ctx, table, aor, wish, path)
                    self._stage(ctx, table, saving, answers)
                    contacts = saving.contacts
                else:
                    contacts = self._change_directly(ctx, table, aor, wish)
            else:
                contacts = _read(ctx, table, aor)
        except Refused as refused:
            # What there is stays as it was, and the client is told.
            self._refuse(ctx, refused, self._before(ctx, table, aor), now_s, answers)
            return STOP
        self._counts.saved += 1
        if not answers:
            return TRUE
        if saving is not None:
            saving.headers = list(ctx.reply_headers) if ctx.has_reply_headers() else None
        self._add_lines(ctx, contacts, now_s, path)
        if not self._sl.sl_send_reply(ctx, 200, b"OK"):
            return FALSE
        if saving is not None:
            saving.sent = ctx.sends[-1]
        return TRUE

    def _aor(self, ctx: Context) -> bytes:
        try:
            to = ctx.to_value()
        except BadMessage as e:
            raise Refused(PARSE_ERROR if ctx.message.to != 0 else NO_TO) from e
        return aor_of(ctx.message.buf, to.uri_start, to.uri_end, self._settings)

    # --- the answer --------------------------------------------------------------------------------------------------

    def _add_lines(self, ctx: Context, contacts: list[Contact], now_s: i64, path: bytes) -> None:
        line = contact_line(contacts, now_s, self._settings.received_param)
        if len(line) > 0:
            ctx.reply_headers.append(line)
        if len(path) > 0:
            ctx.reply_headers.append(path)

    def _refuse(self, ctx: Context, why: Refused, contacts: list[Contact], now_s: i64, answers: bool) -> None:
        self._note(ctx, why)
        if answers:
            self._add_refusal(ctx, why, contacts, now_s)
            self._sl.sl_send_reply(ctx, why.status, _REASONS[why.status])

    def _note(self, ctx: Context, why: Refused) -> None:
        self._counts.refused += 1
        ctx.log(L_ERR if why.status == 500 else L_INFO, f"save: {why.status}: {why.text.decode('latin-1')}")

    def _add_refusal(self, ctx: Context, why: Refused, contacts: list[Contact], now_s: i64) -> None:
        self._add_lines(ctx, contacts, now_s, b"")
        ctx.reply_headers.append(b"P-Registrar-Error: %s\r\n" % why.text)
        if why.status >= 500 and self._settings.retry_after > 0:
            ctx.reply_headers.append(b"Retry-After: %d\r\n" % self._settings.retry_after)

    def answer_again(self, saving: Saving, sent: Send) -> None:
        """It has come out otherwise than was thought when it was answered."""
        ctx = saving.ctx
        ctx.reply_headers.clear()
        if saving.headers is not None:
            ctx.reply_headers.extend(saving.headers)
        refusal = saving.refusal
        if refusal is None:
            self._add_lines(ctx, saving.contacts, saving.wish.now_s, saving.path)
            self._sl.answer_instead(ctx, sent, 200, b"OK")
            return
        self._counts.saved -= 1
        self._note(ctx, refusal)
        self._add_refusal(ctx, refusal, self._before(ctx, saving.of, saving.key), saving.wish.now_s)
        self._sl.answer_instead(ctx, sent, refusal.status, _REASONS[refusal.status])

    def _before(self, ctx: Context, table: Table, aor: bytes | None) -> list[Contact]:
        if aor is None:
            return []
        try:
            return table.contacts(aor, ctx)
        except (StoreError, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: save: cannot read the contacts: {e}")
            return []

    # --- the change --------------------------------------------------------------------------------------------------

    def _stage(self, ctx: Context, table: Table, saving: Saving, answers: bool) -> None:
        """Decide it; it is written with all that the batch has. Who does not answer here is told how it ends. Raises Refused."""
        locations = self._locations
        try:
            if locations.writes_through:
                self._write_through(ctx, table, saving)
            table.stage(saving, ctx)
            if saving.refusal is None:
                if not answers:
                    ctx.world.asking.deferrals.finish(ctx.now_ms)
                locations.await_disk(ctx)
        except (StoreError, DatabaseError) as e:
            saving.undo(ctx)
            ctx.log(L_ERR, f"ERROR: save: cannot write contacts: {e}")
            raise Refused(NOT_WRITTEN) from e
        if saving.refusal is not None:
            saving.undo(ctx)
            raise saving.refusal

    def _write_through(self, ctx: Context, table: Table, saving: Saving) -> None:
        """Have the database take what is wanted, before anybody sees it. Raises Refused, StoreError, DatabaseError.

        Nobody is kept from writing meanwhile: what is wanted is applied once more to what there is then, and may be refused then.
        """
        rows = self._locations.rows
        assert rows is not None
        plan = table.plan(saving.key, ctx)
        saving.wish.apply(plan)
        try:
            plan.record(saving.wish.now_s)
        except TooManyContacts as more:
            raise Refused(TOO_MANY) from more
        rows.write(ctx, plan.row_changes())
        saving.written = plan

    def _change_directly(self, ctx: Context, table: Table, aor: bytes, wish: Wish) -> list[Contact]:
        """In the database alone; the contacts as they are afterwards. Raises Refused."""
        try:
            change = table.change(aor, ctx)
            wish.apply(change)
            change.keep(wish.now_s, ctx)
        except TooManyContacts as more:
            raise Refused(TOO_MANY) from more
        except (StoreError, DatabaseError) as e:
            ctx.log(L_ERR, f"ERROR: save: cannot write contacts: {e}")
            raise Refused(NOT_WRITTEN) from e
        return change.contacts


def _read(ctx: Context, table: Table, aor: bytes) -> list[Contact]:
    try:
        return table.contacts(aor, ctx)
    except (StoreError, DatabaseError) as e:
        ctx.log(L_ERR, f"ERROR: save: cannot read the contacts: {e}")
        raise Refused(NOT_READ) from e
