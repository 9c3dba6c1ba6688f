"""A contact: where a user can be reached, for how long, and who said so. Reference modules-main, chapter 5."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.context import MAX_URI_SIZE
from runtime.sip.uri import separator_in

# Flags, as the database has them.
NAT: Final = 1
PERMANENT: Final = 128
MEMORY_ONLY: Final = 256

# States: what the database knows of a contact. A zombie is deleted, and stays where somebody still has to hear of it.
NEW: Final = 0
SYNCED: Final = 1
DIRTY: Final = 2
ZOMBIE_NEW: Final = 3
ZOMBIE_SYNCED: Final = 4
ZOMBIE_DIRTY: Final = 5

Q_UNSPECIFIED: Final = -1
# Later times cannot be written down: 32 bits.
LAST_TIME: Final = 0xFFFFFFFE


def can_be_contact(uri: bytes) -> bool:
    """True for what can stand in angle brackets and become a Request-URI, whoever has written it down."""
    return len(uri) <= MAX_URI_SIZE and separator_in(uri, 0, len(uri)) < 0


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Contact:
    """One contact of a user. `expires_s` is in seconds of `Locations.now_s`, `q` 0…1000 or -1, `received` b"" where it is not needed.

    `path` is what the Path headers of the REGISTER said, b"" for none (RFC 3327).
    """

    def __init__(
        self,
        uri: bytes,
        expires_s: i64,
        q: i64,
        call_id: bytes,
        cseq: i64,
        flags: i64,
        user_agent: bytes,
        received: bytes,
        path: bytes = b"",
        replicate: i64 = 0,
        state: i64 = NEW,
    ) -> None:
        self.uri: Final = uri
        self.expires_s: i64 = expires_s
        self.q: i64 = q
        self.call_id = call_id
        self.cseq: i64 = cseq
        self.flags: i64 = flags
        self.user_agent = user_agent
        self.received = received
        self.path = path
        self.replicate: i64 = replicate
        self.state: i64 = state

    def is_valid(self, now_s: i64) -> bool:
        """True if the user can be reached here: neither expired nor deleted."""
        return self.state < ZOMBIE_NEW and (self.expires_s > now_s or self.flags & PERMANENT != 0)

    def is_over(self, now_s: i64) -> bool:
        """True if nobody needs it any more."""
        return self.expires_s <= now_s and self.flags & PERMANENT == 0

    def revive(self) -> None:
        """It is wanted again, if it was deleted."""
        if self.state == ZOMBIE_NEW:
            self.state = NEW
        elif self.state >= ZOMBIE_SYNCED:
            self.state = DIRTY

    def equals(self, other: Contact) -> bool:
        """True if a database would see no difference."""
        return (
            self.expires_s == other.expires_s
            and self.q == other.q
            and self.cseq == other.cseq
            and self.flags == other.flags
            and self.replicate == other.replicate
            and self.uri == other.uri
            and self.call_id == other.call_id
            and self.user_agent == other.user_agent
            and self.received == other.received
        )
