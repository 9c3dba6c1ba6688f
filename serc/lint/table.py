"""All checks of what is legal and almost surely wrong, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.report import Code, Report
from serc.lint.armed import check_armed
from serc.lint.avp_names import check_avp_names
from serc.lint.both_ways import check_both_ways
from serc.lint.conditions import check_conditions
from serc.lint.ended_if import check_ended_ifs
from serc.lint.failures import check_failures
from serc.lint.flags import check_flags
from serc.lint.flow import check_statements
from serc.lint.inverted import check_inverted
from serc.lint.limits import check_limits
from serc.lint.loops import check_loops
from serc.lint.main_again import check_main_again
from serc.lint.one_flag import check_one_flag
from serc.lint.order import check_order
from serc.lint.parameters import check_parameters
from serc.lint.paths.walk import check_paths
from serc.lint.provisional import check_provisional
from serc.lint.realms import check_realms
from serc.lint.recursion import check_recursion
from serc.lint.repeated import check_repeated
from serc.lint.replies import check_replies
from serc.lint.routes import check_routes
from serc.lint.subject import Subject
from serc.lint.switched_off import check_switched_off
from serc.lint.tables import check_tables
from serc.lint.urls import check_urls
from serc.lint.user_tables import check_user_tables
from serc.lint.whole_file import check_hops, check_record_route
from serc.lint.without_tcp import check_without_tcp


@dataclass(frozen=True)
class Check:
    """`codes` are those that `run` can report: it does not run where none of them is wanted."""

    codes: tuple[Code, ...]
    run: Callable[[Subject, Report], None]


CHECKS: Final = (
    Check((codes.CONSTANT_CONDITION,), check_conditions),
    Check((codes.UNREACHABLE, codes.IGNORED_RESULT), check_statements),
    Check((codes.NO_MAIN_ROUTE, codes.DUPLICATE_ROUTE, codes.UNUSED_ROUTE, codes.IDLE_ROUTE), check_routes),
    Check((codes.ENDLESS_RECURSION,), check_recursion),
    Check((codes.FLAG_NEVER_READ, codes.FLAG_NEVER_SET), check_flags),
    Check((codes.NO_RECORD_ROUTE, codes.NO_LOOSE_ROUTE), check_record_route),
    Check((codes.ENDED_IF,), check_ended_ifs),
    Check((codes.NO_MAX_FORWARDS,), check_hops),
    Check((codes.INVERTED_TEST,), check_inverted),
    Check(
        (codes.WRONG_ORDER, codes.IN_VAIN, codes.TOO_LATE, codes.SAVE_ANY_METHOD, codes.CHALLENGE_MISMATCH), check_order
    ),
    Check(
        (
            codes.UNANSWERED,
            codes.REPLY_THEN_RELAY,
            codes.REPLY_TO_ACK,
            codes.OPEN_RELAY,
            codes.NO_BRANCH,
            codes.IGNORED_RESULT,
            codes.CREDENTIALS_KEPT,
            codes.LATE_LOOSE_ROUTE,
            codes.CHALLENGE_MISMATCH,
            codes.RELAYED_TWICE,
            codes.TOO_LATE,
            codes.NO_TRANSACTION,
            codes.TRANSACTION_LEFT,
            codes.BRANCH_TOO_EARLY,
            codes.SAVE_ANY_METHOD,
            codes.SAVE_UNVERIFIED,
            codes.RECORDED_TWICE,
            codes.IN_VAIN,
            codes.ENDED_HERE,
            codes.NO_RECORD_ROUTE,
            codes.PRELOADED_ROUTE,
            codes.ANY_NUMBER,
        ),
        check_paths,
    ),
    Check((codes.MAIN_ROUTE_AGAIN,), check_main_again),
    Check((codes.REALMS_DIFFER,), check_realms),
    Check((codes.CROSSED_LIMITS,), check_limits),
    Check((codes.DOUBTFUL_MODPARAM,), check_parameters),
    Check((codes.TABLE_NEVER_SAVED,), check_tables),
    Check((codes.ARMED_IN_VAIN,), check_armed),
    Check((codes.FORWARDED_TO_SELF, codes.NOT_LISTENING), check_loops),
    Check((codes.CONSTANT_CONDITION,), check_replies),
    Check((codes.CONSTANT_CONDITION,), check_repeated),
    Check((codes.UNANSWERED,), check_provisional),
    Check((codes.IN_VAIN, codes.CONSTANT_CONDITION, codes.CONTRADICTING_GLOBALS), check_without_tcp),
    Check((codes.CONSTANT_CONDITION,), check_switched_off),
    Check((codes.DOUBTFUL_MODPARAM,), check_one_flag),
    Check((codes.CONSTANT_CONDITION,), check_failures),
    Check((codes.DOUBTFUL_ARGUMENT,), check_user_tables),
    Check((codes.DOUBTFUL_MODPARAM,), check_urls),
    Check((codes.ONE_WAY,), check_both_ways),
    Check((codes.DOUBTFUL_ARGUMENT,), check_avp_names),
)


def lint(subject: Subject, report: Report) -> None:
    """Run them all."""
    for check in CHECKS:
        check.run(subject, report)
