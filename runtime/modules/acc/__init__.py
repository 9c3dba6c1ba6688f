"""acc: accounting. Reference modules-main, chapter 12."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.acc.books import REQUESTED, Accountant, Books, Rules, bit_of
from runtime.modules.acc.facts import facts_of
from runtime.modules.acc.tables import AccountModule, AccountTable
from runtime.modules.tm.api import TM
from runtime.routing.context import L_ERR, Context
from runtime.routing.database import DatabaseError, open_database
from runtime.routing.module import ModuleError
from runtime.routing.world import World
from runtime.spec.declare import (
    REQUEST,
    Arg,
    ArgumentKind,
    ModuleSpec,
    function,
    integer_param,
    string_param,
    switch_param,
)
from runtime.spec.effects import Does
from runtime.spec.kinds import TABLE, string, wire
from runtime.spec.kinds_sip import host_mistake
from runtime.spec.params import (
    RADIUS_CONFIG,
    READ_WRITE_URL,
    column_param,
    defaults_of,
    flag_param,
    radius_config_param,
    table_param,
    url_param,
)
from runtime.spec.refusal import later
from runtime.spec.values import Constant

_LETTERS: Final = "miocftsSFTrduUpD01Xn"
_MOST_LETTERS: Final = 20


def _format_mistake(text: str) -> str:
    if not text:
        return "log_fmt may not be empty"
    if len(text) > _MOST_LETTERS:
        return f"log_fmt takes {_MOST_LETTERS} letters at most"
    unknown = next((letter for letter in text if letter not in _LETTERS), "")
    return f'"{unknown}" is no attribute of log_fmt, which are the letters {_LETTERS}' if unknown else ""


# What only a build of SER with RADIUS or DIAMETER has.
_OF_RADIUS: Final = (
    radius_config_param(),
    flag_param("radius_flag", 0, "Message flag that asks for RADIUS; 0 is off."),
    flag_param("radius_missed_flag", 0, "Message flag that asks for missed calls in RADIUS; 0 is off."),
    integer_param("service_type", -1, "Service-Type of RADIUS; -1 is Sip-Session."),
)
_OF_DIAMETER: Final = (
    flag_param("diameter_flag", 1, "Message flag that asks for DIAMETER."),
    flag_param("diameter_missed_flag", 2, "Message flag that asks for missed calls in DIAMETER."),
    string_param("diameter_client_host", "localhost", "Host of the DIAMETER client.", check=host_mistake),
    integer_param("diameter_client_port", 3000, "Its port.", low=1, high=65535),
)
_NO_RADIUS: Final = defaults_of(_OF_RADIUS)
_NO_DIAMETER: Final = defaults_of(_OF_DIAMETER)


@final
class Acc(AccountModule):
    """Reports transactions that carry a flag, and what a route hands it."""

    _books: Books

    def __init__(
        self,
        *,
        early_media: int = 0,
        failed_transactions: int = 0,
        report_ack: int = 1,
        report_cancels: int = 0,
        log_flag: int = 0,
        log_missed_flag: int = 0,
        log_level: int = 2,
        log_fmt: str = "miocfs",
        db_flag: int = 0,
        db_missed_flag: int = 0,
        db_url: str = READ_WRITE_URL,
        db_table_acc: str = "acc",
        db_table_missed_calls: str = "missed_calls",
        db_localtime: int = 0,
        acc_sip_from_column: str = "sip_from",
        acc_sip_to_column: str = "sip_to",
        acc_sip_status_column: str = "sip_status",
        acc_sip_method_column: str = "sip_method",
        acc_i_uri_column: str = "i_uri",
        acc_o_uri_column: str = "o_uri",
        acc_sip_callid_column: str = "sip_callid",
        acc_user_column: str = "username",
        acc_time_column: str = "time",
        acc_from_uri_column: str = "from_uri",
        acc_to_uri_column: str = "to_uri",
        acc_totag_column: str = "totag",
        acc_fromtag_column: str = "fromtag",
        acc_domain_column: str = "domain",
        radius_config: str = RADIUS_CONFIG,
        radius_flag: int = 0,
        radius_missed_flag: int = 0,
        service_type: int = -1,
        diameter_flag: int = 1,
        diameter_missed_flag: int = 2,
        diameter_client_host: str = "localhost",
        diameter_client_port: int = 3000,
    ) -> None:
        super().__init__("acc")
        self._url: Final = db_url
        self._rules: Final = Rules(
            bit_of(log_flag),
            bit_of(log_missed_flag),
            bit_of(db_flag),
            bit_of(db_missed_flag),
            early_media != 0,
            failed_transactions != 0,
            report_ack != 0,
            report_cancels != 0,
        )
        # In SER's order.
        self._columns: Final = (
            acc_from_uri_column,
            acc_to_uri_column,
            acc_sip_method_column,
            acc_i_uri_column,
            acc_o_uri_column,
            acc_sip_from_column,
            acc_sip_callid_column,
            acc_sip_to_column,
            acc_sip_status_column,
            acc_user_column,
            acc_totag_column,
            acc_fromtag_column,
            acc_domain_column,
            acc_time_column,
        )
        self._log: Final = (log_level, log_fmt)
        self._tables: Final = (db_table_acc, db_table_missed_calls)
        self._is_local_time: Final = db_localtime != 0
        radius: list[int | str] = [radius_config, radius_flag, radius_missed_flag, service_type]
        diameter: list[int | str] = [diameter_flag, diameter_missed_flag, diameter_client_host, diameter_client_port]
        self._wants_radius: Final = radius != list(_NO_RADIUS.values())
        self._wants_diameter: Final = diameter != list(_NO_DIAMETER.values())

    def bind(self, world: World) -> None:
        """The database is opened where something is to be written to it."""
        if self._wants_radius:
            raise ModuleError("acc: not supported yet: RADIUS (radius_flag and its like)")
        if self._wants_diameter:
            raise ModuleError("acc: not supported yet: DIAMETER (diameter_flag and its like)")
        level, letters = self._log
        calls, missed = self._tables
        self._books = Books(level, letters, calls, missed, self._columns, self._is_local_time, world)
        if self._rules.db | self._rules.db_missed:
            self.open_books(world)
        TM.of(world).observe(Accountant(self._rules, self._books))

    def open_books(self, world: World) -> None:
        if not self._books.is_open:
            self._books.database = open_database(world, "acc", self._url)
            self._books.is_open = True

    def acc_log_request(self, ctx: Context, comment: bytes) -> bool:
        """Report the request to the log; the comment takes the place of a status."""
        if not self._rules.skips(ctx.method):
            self._books.log(REQUESTED, facts_of(ctx, comment))
        return True

    def acc_db_request(self, ctx: Context, comment: bytes, table: AccountTable) -> bool:
        """Report the request to a table; False if the database does not take it."""
        if self._rules.skips(ctx.method):
            return True
        books = self._books
        try:
            books.database.insert(ctx, table.name, self._columns, books.row(facts_of(ctx, comment), False))
        except DatabaseError as e:
            ctx.log(L_ERR, f"ERROR: acc_db_request: {e}")
            return False
        return True


def _table(text: str) -> Constant[AccountTable]:
    TABLE.parse(text)
    return Constant(AccountTable, (wire(text),), "TABLE", True)


_TABLE: Final = Arg("table", ArgumentKind[AccountTable]("table of accounts", TABLE.expects, _table))

EXPORTS: Final = ModuleSpec(
    name="acc",
    implementation="runtime.modules.acc:Acc",
    summary="Reports transactions to syslog, a database, RADIUS or DIAMETER.",
    needs=("tm",),
    refuses=(
        later("acc", "there is no RADIUS", _NO_RADIUS),
        later("acc", "there is no DIAMETER", _NO_DIAMETER),
    ),
    functions=(
        function(
            "acc_log_request",
            Acc.acc_log_request,
            string("comment"),
            routes=REQUEST,
            does=Does.NOTHING,
            summary="Report the request to syslog.",
        ),
        function(
            "acc_db_request",
            Acc.acc_db_request,
            string("comment"),
            _TABLE,
            routes=REQUEST,
            does=Does.NOTHING,
            waits=True,
            summary="Report the request to a database table.",
        ),
    ),
    params=(
        switch_param("early_media", 0, "Report 183, too."),
        switch_param("failed_transactions", 0, "Report failures, too."),
        switch_param("report_ack", 1, "Report ACKs, too."),
        switch_param("report_cancels", 0, "Report CANCELs, too."),
        flag_param("log_flag", 0, "Message flag that asks for syslog; 0 is off."),
        flag_param("log_missed_flag", 0, "Message flag that asks for missed calls in syslog; 0 is off."),
        integer_param("log_level", 2, "Level of the reports, as in log(): 1 warning, 2 notice, 3 information."),
        string_param("log_fmt", "miocfs", "Letters of the attributes.", check=_format_mistake),
        flag_param("db_flag", 0, "Message flag that asks for the database; 0 is off."),
        flag_param("db_missed_flag", 0, "Message flag that asks for missed calls in the database; 0 is off."),
        url_param(),
        table_param("db_table_acc", "acc", "Table of calls."),
        table_param("db_table_missed_calls", "missed_calls", "Table of missed calls."),
        switch_param("db_localtime", 0, "Local times in place of UTC."),
        column_param("acc_sip_from_column", "sip_from"),
        column_param("acc_sip_to_column", "sip_to"),
        column_param("acc_sip_status_column", "sip_status"),
        column_param("acc_sip_method_column", "sip_method"),
        column_param("acc_i_uri_column", "i_uri"),
        column_param("acc_o_uri_column", "o_uri"),
        column_param("acc_sip_callid_column", "sip_callid"),
        column_param("acc_user_column", "username"),
        column_param("acc_time_column", "time"),
        column_param("acc_from_uri_column", "from_uri"),
        column_param("acc_to_uri_column", "to_uri"),
        column_param("acc_totag_column", "totag"),
        column_param("acc_fromtag_column", "fromtag"),
        column_param("acc_domain_column", "domain"),
        *_OF_RADIUS,
        *_OF_DIAMETER,
    ),
)
