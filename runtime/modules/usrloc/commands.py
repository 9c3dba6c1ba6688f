"""usrloc's commands of the FIFO and of the Unix socket. Reference modules-main, chapter 5, and modules-more, part D.

They run in the control process, and so reach the store in their own way there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import LAST_TIME, PERMANENT, Contact, can_be_contact
from runtime.modules.usrloc.dump import dump
from runtime.modules.usrloc.expiring import Expiry
from runtime.modules.usrloc.locations import Change, Locations, Table, TooManyContacts
from runtime.modules.usrloc.pacing import Pace
from runtime.modules.usrloc.qvalue import BadQ, parse_q, q_text
from runtime.modules.usrloc.store import KEY_LIMIT, StoreError
from runtime.routing.command import Command, Inquiry
from runtime.routing.database import DatabaseError
from runtime.sip.scan import decimal

_CALL_ID: Final = b"The-Answer-To-The-Ultimate-Question-Of-Life-Universe-And-Everything"
_CSEQ: Final = 42
_USER_AGENT: Final = b"SIP Express Router FIFO"

# Any number of 32 bits names flags; the lower half of them is there.
_FLAGS_LIMIT: Final = 0xFFFFFFFF


class Refused(Exception):
    """The command cannot be done: `answer` is the whole answer."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.answer: Final = answer


@final
class Words:
    """What the command called `name` was given."""

    def __init__(self, inquiry: Inquiry, name: bytes) -> None:
        self.now_ms: Final[i64] = inquiry.now_ms
        self.by_fifo: Final[bool] = inquiry.by_fifo
        self._inquiry: Final = inquiry
        self._name: Final = name

    def word(self, place: int) -> bytes:
        """The word at this place without blanks behind it, b"" where there is none."""
        return self._inquiry.word(place).rstrip()

    def given(self, place: int, what: bytes, shown: bytes = b"") -> bytes:
        """The word at this place. Raises Refused if there is none: `shown` is how the Unix socket calls it, if not as the FIFO does."""
        word = self.word(place)
        if not word:
            raise self.refusal(b"%s expected" % what, b"%s expected" % (shown or what.capitalize()))
        return word

    def refusal(self, fifo: bytes, socket: bytes) -> Refused:
        """An answer 400: the FIFO and the Unix socket say it in different ways."""
        return Refused(b"400 %s: %s\n" % (self._name, fifo) if self.by_fifo else b"400 %s\n" % socket)


@final
class Commands:
    """ul_*: one method each."""

    def __init__(self, locations: Locations) -> None:
        self._locations: Final = locations

    def all(self) -> list[Command]:
        return [
            Command("ul_stats", self.ul_stats),
            Command("ul_rm", self.ul_rm, "ll"),
            Command("ul_rm_contact", self.ul_rm_contact, "lll"),
            Command("ul_dump", self.ul_dump),
            Command("ul_flush", self.ul_flush),
            Command("ul_add", self.ul_add, "lllllll"),
            Command("ul_show_contact", self.ul_show_contact, "ll"),
        ]

    # --- what each of them does --------------------------------------------------------------------------------------

    def ul_stats(self, inquiry: Inquiry) -> None:
        """Users of each table, and how many contacts have expired since the start."""
        store = self._locations.store
        store.enter()
        lines = [inquiry.ok, b"Domain Registered Expired"]
        try:
            for table in self._locations.listed():
                lines.append(b"'%s' %d %d" % (table.name, table.count(), table.expired()))
        except (StoreError, DatabaseError) as e:
            inquiry.answer(_failed(e))
            return
        inquiry.answer(b"\n".join(lines) + b"\n")

    def ul_dump(self, inquiry: Inquiry) -> None:
        """All tables with all users and contacts."""
        locations = self._locations
        locations.store.enter()
        try:
            inquiry.answer(b"".join([inquiry.ok, b"\n", *dump(locations, locations.now_s(inquiry.now_ms), Pace())]))
        except (StoreError, DatabaseError) as e:
            inquiry.answer(_failed(e))

    def ul_flush(self, inquiry: Inquiry) -> None:
        """Do now what the timer does."""
        locations = self._locations
        locations.store.enter()
        pace = Pace()
        try:
            for table in locations.tables:
                expiry = Expiry(table)
                while not expiry.work(locations.now_s(inquiry.now_ms), pace):
                    pass
        except (StoreError, DatabaseError) as e:
            inquiry.answer(_failed(e))
            return
        inquiry.answer(b"200 ul_flush completed" + (b"" if inquiry.by_fifo else b"\n"))

    def ul_rm(self, inquiry: Inquiry) -> None:
        """Remove a user with all contacts."""
        self._run(inquiry, b"ul_rm", self._rm)

    def ul_rm_contact(self, inquiry: Inquiry) -> None:
        """Remove one contact of a user."""
        self._run(inquiry, b"ul_rm_contact", self._rm_contact)

    def ul_add(self, inquiry: Inquiry) -> None:
        """Add a contact, or change it."""
        self._run(inquiry, b"ul_add", self._add)

    def ul_show_contact(self, inquiry: Inquiry) -> None:
        """The contacts of a user that are valid."""
        self._run(inquiry, b"ul_show_contact", self._show)

    # --- their insides -----------------------------------------------------------------------------------------------

    def _run(self, inquiry: Inquiry, name: bytes, body: Callable[[Words], bytes]) -> None:
        self._locations.store.enter()
        try:
            inquiry.answer(body(Words(inquiry, name)))
        except Refused as refused:
            inquiry.answer(refused.answer)
        except (StoreError, DatabaseError) as e:
            inquiry.answer(_failed(e))

    def _rm(self, words: Words) -> bytes:
        name = words.given(0, b"table name")
        given = words.given(1, b"user name")
        aor = self._aor(words, given, b"Domain missing")
        table = self._table(name)
        self._edit(table, aor, words, Change.delete_all)
        return b"200 user (%s, %s) deleted\n" % (name, _shown_user(words, given, aor))

    def _rm_contact(self, words: Words) -> bytes:
        name = words.given(0, b"table name")
        given = words.given(1, b"user name", b"Username")
        aor = self._aor(words, given, b"Domain missing", b"user")
        shown = _shown_user(words, given, aor)
        uri = words.given(2, b"contact")

        def remove(change: Change) -> None:
            if not change.existed:
                raise Refused(b"404 Username %s in table %s not found\n" % (shown, name))
            contact = change.find(uri)
            if contact is None:
                raise Refused(b"404 Contact %s in table %s not found\n" % (uri, name))
            change.delete(contact)

        self._edit(self._table(name), aor, words, remove)
        return b"200 Contact (%s, %s) deleted from table %s\n" % (shown, uri, name)

    def _add(self, words: Words) -> bytes:
        name = words.given(0, b"table name")
        given = words.given(1, b"aor name", b"AOR name")
        aor = self._aor(words, given, b"Username@domain expected")
        uri = words.given(2, b"contact")
        words.given(3, b"expires")
        words.given(4, b"q", b"q value")
        words.given(5, b"replicate")
        words.given(6, b"flags")
        table = self._locations.find_table(name)
        if table is None:
            used = b'use save("%s") or lookup("%s") in the configuration script first' % (name, name)
            raise Refused(b"400 Table '%s' not found in memory, %s\n" % (name, used))
        lasts_s = _number(words.word(3), b"expires")
        try:
            q = parse_q(words.word(4))
        except BadQ as e:
            raise Refused(b"400 Invalid q value\n" if words.by_fifo else b"400 invalid q value\n") from e
        replicate = _number(words.word(5), b"replicate")
        flags = _number(words.word(6), b"flags", _FLAGS_LIMIT) & 0xFFFF
        if (lasts_s == 0 and flags & PERMANENT == 0) or not can_be_contact(uri) or len(aor) > KEY_LIMIT:
            raise Refused(_not_added(aor, uri, name))
        now_s = self._locations.now_s(words.now_ms)
        expires_s = min(now_s + lasts_s, LAST_TIME)
        try:
            self._edit(table, aor, words, lambda change: _put(change, uri, expires_s, q, replicate, flags))
        except TooManyContacts as full:
            raise Refused(_not_added(aor, uri, name)) from full
        return b"200 Added to table\n('%s','%s') to '%s'\n" % (aor, uri, name)

    def _edit(self, table: Table, aor: bytes, words: Words, edit: Callable[[Change], None]) -> None:
        """Change a user's contacts, first in the database, if there is one to be written through to.

        Raises what `edit` does, StoreError, DatabaseError, TooManyContacts.
        """
        locations = self._locations
        if locations.writes_through and locations.rows is not None:
            plan = table.plan(aor)
            edit(plan)
            # Raises what is too much before the database hears of it.
            plan.record(locations.now_s(words.now_ms))
            locations.rows.write(None, plan.row_changes())
            try:
                self._change(table, aor, words, edit)
            except (StoreError, TooManyContacts, Refused):
                locations.rows.write(None, plan.undoing(locations.store.get(table.number, aor)))
                raise
        else:
            self._change(table, aor, words, edit)
        locations.await_disk(None)

    def _change(self, table: Table, aor: bytes, words: Words, edit: Callable[[Change], None]) -> None:
        change = table.change(aor)
        try:
            edit(change)
            change.keep(self._locations.now_s(words.now_ms))
        finally:
            change.drop()

    def _show(self, words: Words) -> bytes:
        name = words.given(0, b"table name")
        given = words.given(1, b"user name", b"Address of Record")
        aor = self._aor(words, given, b"User@domain expected", b"user")
        contacts = self._table(name).contacts(aor)
        if not contacts:
            raise Refused(b"404 Username %s in table %s not found\n" % (_shown_user(words, given, aor), name))
        now_s = self._locations.now_s(words.now_ms)
        lines = [_shown(contact, now_s) for contact in contacts if contact.is_valid(now_s)]
        if not lines:
            raise Refused(b"404 No registered contacts found\n")
        return b"".join([b"200 OK\n", *lines])

    def _table(self, name: bytes) -> Table:
        table = self._locations.find_table(name)
        if table is None:
            raise Refused(b"400 table (%s) not found\n" % name)
        return table

    def _aor(self, words: Words, given: bytes, missing: bytes, called: bytes = b"username") -> bytes:
        """The user's key: in lower case; what is behind the @ counts only with use_domain, and must be there then. `missing` is
        what the Unix socket says else, `called` how the FIFO calls the part before it."""
        user, at, _ = given.partition(b"@")
        if not self._locations.use_domain:
            return user.lower()
        if not at:
            raise words.refusal(called + b"@domain expected", missing)
        return given.lower()


def _shown_user(words: Words, given: bytes, aor: bytes) -> bytes:
    """How an answer names the user: the FIFO as it was given, but for the key's letters."""
    return aor + given[len(aor) :] if words.by_fifo else aor


def _put(change: Change, uri: bytes, expires_s: i64, q: i64, replicate: i64, flags: i64) -> None:
    contact = change.find(uri)
    if contact is None:
        fresh = Contact(uri, expires_s, q, _CALL_ID, _CSEQ, flags, _USER_AGENT, b"", b"", replicate)
        change.insert(fresh)
        return
    contact.expires_s = expires_s
    contact.q = q
    contact.replicate = replicate
    contact.flags = flags
    contact.call_id = _CALL_ID
    contact.cseq = _CSEQ
    contact.user_agent = _USER_AGENT
    change.touch(contact)


def _shown(contact: Contact, now_s: i64) -> bytes:
    return b"<%s>;q=%s;expires=%d\n" % (contact.uri, q_text(contact.q), contact.expires_s - now_s)


def _number(word: bytes, what: bytes, limit: i64 = LAST_TIME) -> i64:
    value = decimal(word, 0, len(word))
    if value < 0 or value > limit:
        raise Refused(b"400 Invalid %s format\n" % what)
    return value


def _not_added(aor: bytes, uri: bytes, name: bytes) -> bytes:
    return b"500 Error while adding contact\n ('%s','%s') in table '%s'\n" % (aor, uri, name)


def _failed(why: Exception) -> bytes:
    return b"500 %s\n" % str(why).encode("latin-1", "replace")
