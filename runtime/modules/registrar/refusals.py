"""Why a REGISTER is refused: status and text of each reason. Reference modules-main, chapter 6."""

from __future__ import annotations

from typing import Final, final

PARSE_ERROR: Final = (400, b"Message parse error")
NO_TO: Final = (400, b"To header not found")
NO_CALL_ID: Final = (400, b"Call-ID header not found")
NO_CSEQ: Final = (400, b"CSeq header not found")
BAD_CSEQ: Final = (400, b"Invalid CSeq number")
BAD_EXPIRES: Final = (400, b"Expires parse error")
BAD_CONTACT: Final = (400, b"Contact parse error")
NO_TARGET: Final = (400, b"Contact is nowhere")
BAD_PATH: Final = (400, b"Path parse error")
BAD_Q: Final = (400, b"Invalid q param in contact")
STAR_EXPIRES: Final = (400, b"* used in contact and expires is not zero")
STAR_CONTACTS: Final = (400, b"* used in contact and more than 1 contact")
BAD_AOR: Final = (400, b"Error while parsing AOR")
BAD_ESCAPE: Final = (400, b"Error while unescaping username")
LONG_AOR: Final = (500, b"Address Of Record too long")
OUT_OF_ORDER: Final = (500, b"Out of order request")
TOO_MANY: Final = (503, b"Too many registered contacts")
NOT_READ: Final = (500, b"usrloc_record_get failed")
NOT_WRITTEN: Final = (500, b"usrloc_contact_update failed")


@final
class Refused(Exception):
    """The request is refused: the status of the reply, and the text that says why."""

    def __init__(self, why: tuple[int, bytes]) -> None:
        super().__init__(why[1])
        self.status: Final = why[0]
        self.text: Final = why[1]
