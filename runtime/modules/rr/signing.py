"""What tells a Route that this server wrote from one that somebody invented. Not in SER; RFC 3261 16.6 item 4 leaves the parameters to us."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, final

from runtime.routing.context import Context
from runtime.sip.nameaddr import tag_of
from runtime.sip.reply import to_tag_of

PARAMETER: Final = b"sig"
# Nobody guesses 64 bits by asking a server, and a Record-Route stays short.
_SIZE_BYTES: Final = 8


@final
class Signer:
    """Signs the Record-Routes of a dialog, for all servers and processes that know the secret.

    A signature is a keyed hash of the Call-ID and the tag of whoever began the dialog, in hexadecimal digits: all that is known of a dialog when it
    begins, and stays as long as it lasts. It says that a request of this dialog has gone through here, and not where those to come may go.
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

    def _of(self, ctx: Context, tag: bytes) -> bytes:
        call_id = ctx.message.value(ctx.message.call_id)
        text = b"%d:%s%s" % (len(call_id), call_id, tag)
        return hashlib.blake2b(text, key=self._key, digest_size=_SIZE_BYTES).hexdigest().encode("ascii")
