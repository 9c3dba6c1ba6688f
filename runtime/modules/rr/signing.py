"""What tells a Route that this server wrote from one that somebody invented. Not in SER; RFC 3261 16.6 item 4 leaves the parameters to us."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, final

from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.sip.nameaddr import tag_of
from runtime.sip.reply import to_tag_of

PARAMETER: Final = b"sig"
WAY: Final = b"way"
# Nobody guesses 64 bits by asking a server, and a Record-Route stays short.
_SIZE_BYTES: Final = 8
# Hexadecimal digits for one address: 48 bits, which have to be guessed within one dialog.
_WAY_DIGITS: Final = 12

# Bits of a side of the dialog: where its first request came from, and where it went to.
CALLER: Final = 1
CALLEE: Final = 2


@final
class Signer:
    """Signs the Record-Routes of a dialog, for all servers and processes that know the secret.

    A signature is a keyed hash of the Call-ID and the tag of whoever began the dialog, in hexadecimal digits: all that is known of a dialog when it
    begins, and stays as long as it lasts. It says that a request of this dialog has gone through here. Where it came from and went to
    is told by marks: keyed hashes of a signature and an IP address.
    """

    def __init__(self, secret: bytes) -> None:
        self._key: Final = hashlib.blake2b(secret, digest_size=32).digest()

    def signature(self, ctx: Context) -> bytes:
        """That of a request which begins a dialog. Raises BadMessage for a From that cannot be read."""
        return self._of(ctx, tag_of(ctx.message.buf, ctx.from_value()))

    def has_signed(self, ctx: Context, told: bytes) -> bool:
        """True if `told` is that of a dialog of which this is a request, whichever side sends it. Raises BadMessage as above."""
        told = told.lower()
        if hmac.compare_digest(told, self.signature(ctx)):
            return True
        return hmac.compare_digest(told, self._of(ctx, to_tag_of(ctx.message)))

    def mark(self, signature: bytes, ip: bytes) -> bytes:
        """That of the packed address `ip` in the dialog which `signature` belongs to."""
        text = b"%s %s" % (signature.lower(), ip)
        return hashlib.blake2b(text, key=self._key, digest_size=_SIZE_BYTES).hexdigest()[:_WAY_DIGITS].encode("ascii")

    def sides_at(self, signature: bytes, marks: bytes, ip: bytes) -> i64:
        """Which sides of the dialog are at `ip`, by the marks that `Signed` has written: CALLER, CALLEE, both or 0."""
        mark = self.mark(signature, ip)
        marks = marks.lower()
        sides: i64 = 0
        if hmac.compare_digest(marks[:_WAY_DIGITS], mark):
            sides |= CALLER
        if hmac.compare_digest(marks[_WAY_DIGITS:], mark):
            sides |= CALLEE
        return sides

    def _of(self, ctx: Context, tag: bytes) -> bytes:
        call_id = ctx.message.value(ctx.message.call_id)
        text = b"%d:%s%s" % (len(call_id), call_id, tag)
        return hashlib.blake2b(text, key=self._key, digest_size=_SIZE_BYTES).hexdigest().encode("ascii")


@final
class Signed:
    """The parameters of a request that begins a dialog. Raises BadMessage for a From that cannot be read."""

    def __init__(self, signer: Signer, ctx: Context) -> None:
        self._signer: Final = signer
        self._signature: Final = signer.signature(ctx)
        self._from: Final = signer.mark(self._signature, ctx.source.ip)

    def params(self, destination: bytes) -> bytes:
        """`;sig=…;way=…` of what goes to the packed address `destination`, b"" where that is not known."""
        to = self._signer.mark(self._signature, destination) if destination else b""
        return b";%s=%s;%s=%s%s" % (PARAMETER, self._signature, WAY, self._from, to)
