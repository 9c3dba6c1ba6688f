"""All diagnostic codes. The first two digits are the area; a code keeps its number for ever.

00 characters and literals · 01 syntax · 02 names · 03 values · 04 where things may stand · 05 flow · 06 global
parameters · 07 other dialects · 08 tests · 09 about serc itself. `serc/diagnostics/pages/` explains each.
"""

from __future__ import annotations

from typing import Final

from serc.diagnostics.report import Code, Severity

CODES: Final[dict[str, Code]] = {}


def _error(name: str, title: str) -> Code:
    return _code(name, title, Severity.ERROR)


def _warning(name: str, title: str) -> Code:
    return _code(name, title, Severity.WARNING)


def _note(name: str, title: str) -> Code:
    return _code(name, title, Severity.NOTE)


def _code(name: str, title: str, severity: Severity) -> Code:
    assert name not in CODES, name
    CODES[name] = Code(name, title, severity)
    return CODES[name]


# --- characters and literals -----------------------------------------------------------------------------------------

UNCLOSED_STRING: Final = _error("SER0001", "string is never closed")
UNCLOSED_COMMENT: Final = _error("SER0002", "comment is never closed")
STRANGE_CHARACTER: Final = _error("SER0003", "character that has no meaning")
TYPOGRAPHIC_QUOTE: Final = _error("SER0004", "typographic quotes")
BAD_NUMBER: Final = _error("SER0005", "malformed number")
FOREIGN_COMMENT: Final = _error("SER0006", "comment of another language")
OCTAL_NUMBER: Final = _warning("SER0007", "octal number")

# --- syntax ----------------------------------------------------------------------------------------------------------

UNEXPECTED: Final = _error("SER0101", "something else is expected here")
MISSING_SEMICOLON: Final = _error("SER0102", "missing semicolon")
UNCLOSED_BLOCK: Final = _error("SER0103", "block is never closed")
STRAY_BRACKET: Final = _error("SER0104", "bracket closes nothing")
MISSING_ROUTE: Final = _error("SER0105", "missing route keyword")
ASSIGNMENT_IN_CONDITION: Final = _error("SER0106", "assignment in a condition")
STRAY_SEMICOLON: Final = _error("SER0107", "semicolon outside of a route")
ELSEIF: Final = _error("SER0108", "if or else is written differently")
EMPTY_BLOCK: Final = _error("SER0109", "empty block")
STRAY_ELSE: Final = _error("SER0110", "else without if")
UNCLOSED_PARENTHESIS: Final = _error("SER0111", "parenthesis is never closed")
LONE_BLOCK: Final = _error("SER0112", "block among statements")
RESERVED_WORD: Final = _error("SER0113", "reserved word used as a name")
EMPTY_FILE: Final = _error("SER0114", "empty file")
OUTSIDE_OF_ROUTE: Final = _error("SER0115", "statement outside of a route")
BAD_OPERATOR: Final = _error("SER0116", "no such operator")
UNQUOTED_HOST: Final = _error("SER0117", "host name needs quotes")
TOO_DEEP: Final = _error("SER0118", "nested too deep")
UNKNOWN_OPERAND: Final = _error("SER0119", "unknown operand")

# --- names -----------------------------------------------------------------------------------------------------------

UNKNOWN_FUNCTION: Final = _error("SER0201", "unknown function")
MODULE_NOT_LOADED: Final = _error("SER0202", "function of a module that is not loaded")
UNKNOWN_MODULE: Final = _error("SER0203", "unknown module")
UNKNOWN_MODPARAM: Final = _error("SER0204", "unknown module parameter")
MODPARAM_NOT_LOADED: Final = _error("SER0205", "parameter of a module that is not loaded")
UNKNOWN_GLOBAL: Final = _error("SER0206", "unknown global parameter")
UNDEFINED_ROUTE: Final = _warning("SER0207", "undefined route")
LOADED_TWICE: Final = _error("SER0208", "module loaded twice")
LOADED_LATE: Final = _error("SER0209", "module loaded after its first use")
MODULE_NEEDED: Final = _error("SER0210", "module needs another module")
UNKNOWN_METHOD: Final = _warning("SER0211", "unknown SIP method")
CANNOT_RUN_YET: Final = _note("SER0213", "module is checked but cannot run yet")
MODPARAM_NEEDED: Final = _warning("SER0215", "module parameter that must be set")
REFUSED: Final = _warning("SER0216", "parameters with which the server does not start")
UNSET_VARIABLE: Final = _warning("SER0217", "environment variable that is not set")
FROM_ENVIRONMENT: Final = _note("SER0218", "value from the environment")
NO_ENVIRONMENT: Final = _warning("SER0219", "variable of the environment where none is put in")
FOREIGN_MODULE: Final = _error("SER0214", "module is not part of SER 0.9")

# --- values ----------------------------------------------------------------------------------------------------------

ARGUMENT_COUNT: Final = _error("SER0301", "wrong number of arguments")
ARGUMENT_TYPE: Final = _error("SER0302", "wrong type of argument")
BAD_ARGUMENT: Final = _error("SER0303", "argument that cannot be right")
BAD_REGEX: Final = _error("SER0304", "bad regular expression")
FOREIGN_REGEX: Final = _warning("SER0305", "regular expression in another dialect")
MODPARAM_TYPE: Final = _error("SER0306", "wrong type of a module parameter")
MODPARAM_VALUE: Final = _error("SER0307", "value out of bounds for a module parameter")
OUT_OF_RANGE: Final = _error("SER0308", "number out of range")
BAD_ADDRESS: Final = _error("SER0309", "not an IP address")
HOST_BITS: Final = _warning("SER0310", "network with host bits set")
BAD_COMPARISON: Final = _error("SER0311", "operator does not fit the operand")
BAD_OPERAND_VALUE: Final = _error("SER0312", "value does not fit the operand")
IMPOSSIBLE_HOST: Final = _warning("SER0313", "host name that cannot exist")
BAD_FORMAT: Final = _warning("SER0314", "unknown format specifier")
IMPOSSIBLE_TEXT: Final = _warning("SER0318", "text that the operand is never equal to")
MODPARAM_TWICE: Final = _warning("SER0319", "module parameter set twice")
DOUBTFUL_ARGUMENT: Final = _warning("SER0316", "doubtful argument")
DOUBTFUL_MODPARAM: Final = _warning("SER0317", "doubtful value of a module parameter")
NEVER_MATCHES: Final = _warning("SER0321", "regular expression that never matches")
MATCHES_MORE: Final = _warning("SER0323", "regular expression that matches more than it seems")
MASK_WITH_HOLES: Final = _warning("SER0322", "mask with holes")
CROSSED_LIMITS: Final = _warning("SER0320", "limits that cross")
MISSING_PARENTHESES: Final = _error("SER0315", "function without parentheses")

# --- where things may stand ------------------------------------------------------------------------------------------

WRONG_ROUTE: Final = _error("SER0401", "function is not allowed in this route")
REACHED_FROM_WRONG_ROUTE: Final = _warning("SER0402", "function is reached from a route that does not allow it")
NOT_FOR_REPLIES: Final = _warning("SER0403", "action that does nothing for replies")

# --- flow ------------------------------------------------------------------------------------------------------------

UNREACHABLE: Final = _warning("SER0501", "statement is never reached")
UNUSED_ROUTE: Final = _warning("SER0502", "route is never called")
ENDLESS_RECURSION: Final = _warning("SER0503", "routes call each other for ever")
CONSTANT_CONDITION: Final = _warning("SER0504", "condition is always the same")
UNANSWERED: Final = _warning("SER0505", "request is neither answered nor forwarded")
REPLY_THEN_RELAY: Final = _warning("SER0506", "request is answered and forwarded as well")
REPLY_TO_ACK: Final = _warning("SER0507", "ACK is answered")
NO_RECORD_ROUTE: Final = _warning("SER0508", "Route headers are followed, and never asked for")
OPEN_RELAY: Final = _warning("SER0509", "open relay")
NO_BRANCH: Final = _warning("SER0510", "failure route forwards without a new branch")
IGNORED_RESULT: Final = _warning("SER0511", "important result is ignored")
CREDENTIALS_KEPT: Final = _warning("SER0512", "credentials travel on")
LATE_LOOSE_ROUTE: Final = _warning("SER0513", "Route headers followed after a rewrite")
CHALLENGE_MISMATCH: Final = _warning("SER0514", "challenge does not fit the check")
NO_MAX_FORWARDS: Final = _warning("SER0515", "Max-Forwards is not checked")
IDLE_ROUTE: Final = _warning("SER0516", "route that does nothing")
FLAG_NEVER_READ: Final = _warning("SER0517", "flag is set and never read")
NO_MAIN_ROUTE: Final = _warning("SER0518", "no main route")
DUPLICATE_ROUTE: Final = _warning("SER0519", "route defined twice")
RELAYED_TWICE: Final = _warning("SER0520", "request is forwarded twice")
TOO_LATE: Final = _warning("SER0521", "too late: the request was forwarded or answered before")
MAIN_ROUTE_AGAIN: Final = _warning("SER0523", "main route called again")
REALMS_DIFFER: Final = _warning("SER0524", "challenge for another realm")
FLAG_NEVER_SET: Final = _warning("SER0522", "flag is tested or cleared, and never set")
TRANSACTION_LEFT: Final = _warning("SER0525", "transaction is opened and not used")
NO_TRANSACTION: Final = _warning("SER0526", "reply of a transaction that is not there")
BRANCH_TOO_EARLY: Final = _warning("SER0527", "branch is appended before the rewrite")
SAVE_ANY_METHOD: Final = _warning("SER0528", "requests of any method are saved")
INVERTED_TEST: Final = _warning("SER0529", "test is the wrong way round")
TABLE_NEVER_SAVED: Final = _warning("SER0530", "table is looked up and never saved")
ARMED_IN_VAIN: Final = _warning("SER0531", "armed route never runs")
FORWARDED_TO_SELF: Final = _warning("SER0532", "request is forwarded to this server")
ENDED_IF: Final = _warning("SER0533", "if that a semicolon ends")
NO_LOOSE_ROUTE: Final = _warning("SER0534", "Record-Route is asked for, and Route headers are not followed")
SAVE_UNVERIFIED: Final = _warning("SER0535", "registration without a check of who it is")
RECORDED_TWICE: Final = _warning("SER0536", "Record-Route twice")
NOT_LISTENING: Final = _warning("SER0537", "sending from an address that is not listened on")
IN_VAIN: Final = _warning("SER0538", "function that does nothing for these requests")
ENDED_HERE: Final = _warning("SER0539", "request that others wait for ends here")
# What SER's own default does; no warning, since the next hop may be the one that asks for credentials.
PRELOADED_ROUTE: Final = _note("SER0540", "Route headers of new requests are followed unchecked")
ONE_WAY: Final = _warning("SER0541", "requests are changed, and their replies are not")
WRONG_ORDER: Final = _warning("SER0542", "functions in the wrong order")
# SER has no bound of its own, and a server that only its own people reach needs none.
ANY_NUMBER: Final = _note("SER0543", "strangers register any number of contacts")

# --- global parameters -----------------------------------------------------------------------------------------------

GLOBAL_TYPE: Final = _error("SER0601", "wrong type of a global parameter")
GLOBAL_RANGE: Final = _error("SER0602", "global parameter out of range")
UNKNOWN_FACILITY: Final = _error("SER0603", "unknown syslog facility")
DOUBTFUL_GLOBAL: Final = _warning("SER0604", "doubtful value of a global parameter")
GLOBAL_TWICE: Final = _warning("SER0605", "global parameter set twice")
LISTEN_TWICE: Final = _warning("SER0606", "address is listed twice")
CONTRADICTING_GLOBALS: Final = _warning("SER0607", "global parameters that contradict each other")
IGNORED_GLOBAL: Final = _note("SER0608", "global parameter that does nothing here")

# --- other dialects --------------------------------------------------------------------------------------------------

FOREIGN_ROUTE: Final = _error("SER0701", "kind of route of another dialect")
NAMED_ROUTE: Final = _error("SER0702", "route with a name")
FOREIGN_STATEMENT: Final = _error("SER0703", "statement of another dialect")
FOREIGN_FUNCTION: Final = _error("SER0704", "function of another dialect")
FOREIGN_GLOBAL: Final = _error("SER0705", "global parameter of another dialect")
FOREIGN_ITEM: Final = _error("SER0706", "definition of another dialect")
FOREIGN_DIRECTIVE: Final = _warning("SER0707", "preprocessor directive of another dialect")
FOREIGN_VARIABLE: Final = _warning("SER0708", "pseudo-variable of another dialect in a text")
FOREIGN_FILE: Final = _error("SER0709", "config of another server")

# --- tests of a ser.cfg ------------------------------------------------------------------------------------------------

TEST_SYNTAX: Final = _error("SER0801", "text of a test that is never closed")
TEST_EXPECTED: Final = _error("SER0802", "something else is expected in a test")
TEST_NAME: Final = _error("SER0803", "unknown name in a test")
TEST_VALUE: Final = _error("SER0804", "value that a test cannot have")
TEST_PLACE: Final = _error("SER0805", "line of a test in the wrong place")
TEST_TWICE: Final = _error("SER0806", "two tests of one name")
TEST_CONFIG: Final = _error("SER0807", "ser.cfg of a test cannot be used")
TEST_SLIP: Final = _warning("SER0808", "name in a test that is nearly another one")
TEST_FAILED: Final = _error("SER0850", "what a test expects does not come")

# --- about serc itself -----------------------------------------------------------------------------------------------

USELESS_IGNORE: Final = _warning("SER0901", "ignore that silences nothing")
BAD_IGNORE: Final = _warning("SER0902", "malformed ignore")
