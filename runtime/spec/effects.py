"""What a call does to a request, as far as checks of the flow ask. Reference core 5.5, modules-main."""

from __future__ import annotations

import enum


class Does(enum.Enum):
    """The one thing that matters about a call. There is no default: a declaration says it.

    `value` completes "it …" in the documentation.
    """

    NOTHING = "looks at the request, or keeps something: the request still waits for its fate"
    LOG = "writes a line into the log"
    CHECK_HOPS = "counts Max-Forwards down"
    EDIT = "changes the message that is forwarded"
    EDIT_BOTH_WAYS = "changes the addresses that the other side answers to, in requests and in replies"
    EDIT_REPLY = "adds something to the answers that are sent afterwards"
    EDIT_URI = "changes a part of the request URI other than its host"
    REWRITE = "puts another host into the request URI"
    MAY_REWRITE = "may put another host into the request URI"
    NEXT_TARGET = "puts the next destination into the request URI, in a failure_route into a branch"
    REVERT_URI = "takes changes of the request URI back"
    SET_FLAG = "sets a flag"
    CLEAR_FLAG = "clears a flag"
    TEST_FLAG = "tests a flag"
    ARM = "names the route that runs later"
    APPEND_BRANCH = "adds a destination"
    RECORD_ROUTE = "stays in the path of the dialog"
    LOOSE_ROUTE = "routes by the Route headers"
    IN_DIALOG = "when true, the request says that it belongs to a dialog"
    VOUCH = "when true, tells that somebody may send this, or to where"
    LIMIT = "when false, tells that the sender sends too much"
    EDIT_CONTACT = "changes how the contacts are kept that are saved afterwards"
    IDENTIFY = "verifies that users write the name that is theirs"
    IDENTIFY_CALLEE = "verifies that users register the name that is theirs"
    AUTH_WWW = "verifies Authorization"
    AUTH_PROXY = "verifies Proxy-Authorization"
    CONSUME_CREDENTIALS = "removes the credentials"
    CHALLENGE_WWW = "answers 401"
    CHALLENGE_PROXY = "answers 407"
    REPLY = "answers with the code that is its first argument"
    REPLY_STATEFUL = "answers in the transaction that is there, with the code that is its first argument"
    TEST_STATUS = "tests the status of the reply"
    NEW_TRANSACTION = "opens a transaction, and does nothing else"
    FIND_TRANSACTION = "when true, tells that there is a transaction"
    ERROR_REPLY = "answers with what the last error suggests"
    ANSWER = "answers by itself, whether it succeeds or not"
    SAVE = "answers a REGISTER, whether it succeeds or not"
    LOOKUP = "puts the registered contact into the request URI"
    RELAY = "forwards the request"
    RELAY_STATEFUL = "forwards the request in a transaction"
    COPY = "sends a copy; the request itself still waits"
    SETTLE = "when true, the request has got what it waits for"
    TAKE_OVER = "may do anything with the request"
