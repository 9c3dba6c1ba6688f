"""SER's internal errors and the replies that they turn into. Reference core, 8.4."""

from typing import Final

UNSPECIFIED: Final = -1
# SER has it when its memory is exhausted, as by a request that goes round.
CIRCLES: Final = -2
BAD_REGEX: Final = -3
CONFIG: Final = -6
NO_SOCKET: Final = -7
BAD_TUPLE: Final = -9
SCRIPT: Final = -10
EXEC: Final = -11
TOO_MANY_BRANCHES: Final = -12
BAD_TO: Final = -13
Q_CHARACTER: Final = -15
Q_EMPTY: Final = -16
Q_TOO_BIG: Final = -17
Q_NO_DECIMALS: Final = -18
BAD_REQUEST: Final = -400
BAD_SCHEME: Final = -416
TOO_BROAD: Final = -440
SEND: Final = -477
BAD_ADDRESS: Final = -478
BAD_URI: Final = -479

_REPLIES: Final = {
    SEND: (477, b"Unfortunately error on sending to next hop occurred"),
    BAD_ADDRESS: (478, b"Unresolvable destination"),
    BAD_URI: (479, b"Regretfully, we were not able to process the URI"),
    BAD_SCHEME: (416, b"Unsupported URI Scheme"),
    TOO_BROAD: (440, b"Max-Breadth Exceeded"),
    BAD_REQUEST: (400, b"Bad Request"),
    BAD_TUPLE: (400, b"Transaction tuple incomplete"),
    BAD_TO: (400, b"Bad To"),
    Q_CHARACTER: (400, b"Invalid character in q parameter"),
    Q_EMPTY: (400, b"Empty q parameter"),
    Q_TOO_BIG: (400, b"q parameter too big"),
    Q_NO_DECIMALS: (400, b"Decimal part missing in q"),
    EXEC: (500, b"Error in external logic"),
    TOO_MANY_BRANCHES: (500, b"Forking capacity exceeded"),
}
_OTHERWISE: Final = (500, b"I'm terribly sorry, server error occurred")


def reply_for(error: int, signature: bytes) -> tuple[int, bytes]:
    """Status code and reason phrase for an error; `signature` is the caller's mark: b"SL" or b"TM"."""
    code, phrase = _REPLIES.get(error, _OTHERWISE)
    return code, b"%s (%d/%s)" % (phrase, -error, signature)
