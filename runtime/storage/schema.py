"""SER's tables: one declaration each. Reference modules-more, part B; lcr of modules-main, chapter 27; pdt of A.2.6.

Columns, types, sizes, defaults and keys are those of SER 0.9, but for these: `user_agent` has 255 characters, since phones
of today say more than 50, and the day that no database of today takes, 0000-00-00, is 1900-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Types of fields. A stamp is the time of the row's last change, where the database sees to it, and a counter numbers rows.
TEXT: Final = "text"
LONG_TEXT: Final = "long text"
BLOB: Final = "blob"
INTEGER: Final = "integer"
REAL: Final = "real"
MOMENT: Final = "moment"
STAMP: Final = "stamp"
COUNTER: Final = "counter"

NO_DAY: Final = "1900-01-01 00:00:01"


@dataclass(frozen=True)
class Field:
    """A column. `default` None: there is none, so a row has to name a value, or NULL counts. `written`: of a moment that SER's
    modules write as a text, which is what dbtext then holds."""

    name: str
    type: str
    size: int = 0
    null: bool = False
    default: str | int | float | None = None
    written: bool = False


@dataclass(frozen=True)
class TableDefinition:
    """A table. `version` is its number in the table `version`, 0: it has none there."""

    name: str
    version: int
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()


def text(name: str, size: int, *, null: bool = False, default: str | None = "") -> Field:
    return Field(name, TEXT, size, null, None if null else default)


def long_text(name: str, *, null: bool = False) -> Field:
    return Field(name, LONG_TEXT, 0, null)


def blob(name: str) -> Field:
    return Field(name, BLOB)


def integer(name: str, *, null: bool = False, default: int | None = 0) -> Field:
    return Field(name, INTEGER, 0, null, None if null else default)


def real(name: str, *, default: float = 0.0) -> Field:
    return Field(name, REAL, 0, False, default)


def moment(name: str, *, default: str = NO_DAY, written: bool = False) -> Field:
    return Field(name, MOMENT, 0, False, default, written)


def stamp(name: str, *, null: bool = False) -> Field:
    return Field(name, STAMP, 0, null)


def counter(name: str) -> Field:
    return Field(name, COUNTER)


TABLES: Final = (
    TableDefinition(
        "version",
        0,
        (
            text("table_name", 64, default=None),
            integer("table_version"),
        ),
    ),
    TableDefinition(
        "acc",
        2,
        (
            text("sip_from", 128),
            text("sip_to", 128),
            text("sip_status", 128),
            text("sip_method", 16),
            text("i_uri", 128),
            text("o_uri", 128),
            text("from_uri", 128),
            text("to_uri", 128),
            text("sip_callid", 128),
            text("username", 64),
            text("domain", 128),
            text("fromtag", 128),
            text("totag", 128),
            moment("time", written=True),
            stamp("timestamp"),
            text("caller_deleted", 1, default="0"),
            text("callee_deleted", 1, default="0"),
        ),
        indexes=(("username", "domain"), ("sip_callid",)),
    ),
    TableDefinition(
        "active_sessions",
        1,
        (
            text("sid", 32),
            text("name", 32),
            long_text("val", null=True),
            text("changed", 14),
        ),
        key=("name", "sid"),
        indexes=(("changed",),),
    ),
    TableDefinition(
        "aliases",
        6,
        (
            text("username", 64),
            text("domain", 128),
            text("contact", 255),
            text("received", 255, null=True),
            moment("expires", default="2020-05-28 21:32:15"),
            real("q", default=1.0),
            text("callid", 255, default="Default-Call-ID"),
            integer("cseq", default=42),
            stamp("last_modified"),
            integer("replicate"),
            integer("state"),
            integer("flags"),
            text("user_agent", 255),
        ),
        key=("username", "domain", "contact"),
        indexes=(("contact",),),
    ),
    TableDefinition(
        "event",
        1,
        (
            counter("id"),
            text("username", 64),
            text("domain", 128),
            text("uri", 255),
            text("description", 255),
        ),
        key=("id",),
    ),
    TableDefinition(
        "grp",
        2,
        (
            text("username", 64),
            text("domain", 128),
            text("grp", 50),
            moment("last_modified"),
        ),
        key=("username", "domain", "grp"),
    ),
    TableDefinition(
        "location",
        6,
        (
            text("username", 64),
            text("domain", 128),
            text("contact", 255),
            text("received", 255, null=True),
            moment("expires", default="2020-05-28 21:32:15"),
            real("q", default=1.0),
            text("callid", 255, default="Default-Call-ID"),
            integer("cseq", default=42),
            stamp("last_modified"),
            integer("replicate"),
            integer("state"),
            integer("flags"),
            text("user_agent", 255),
        ),
        key=("username", "domain", "contact"),
    ),
    TableDefinition(
        "missed_calls",
        2,
        (
            text("sip_from", 128),
            text("sip_to", 128),
            text("sip_status", 128),
            text("sip_method", 16),
            text("i_uri", 128),
            text("o_uri", 128),
            text("from_uri", 128),
            text("to_uri", 128),
            text("sip_callid", 128),
            text("username", 64),
            text("domain", 128),
            text("fromtag", 128),
            text("totag", 128),
            moment("time", written=True),
            stamp("timestamp"),
        ),
        indexes=(("username", "domain"),),
    ),
    TableDefinition(
        "pending",
        4,
        (
            text("phplib_id", 32),
            text("username", 64),
            text("domain", 128),
            text("password", 25),
            text("first_name", 25),
            text("last_name", 45),
            text("phone", 15),
            text("email_address", 50),
            moment("datetime_created"),
            moment("datetime_modified"),
            text("confirmation", 64),
            text("flag", 1, default="o"),
            text("sendnotification", 50),
            text("greeting", 50),
            text("ha1", 128),
            text("ha1b", 128),
            text("allow_find", 1, default="0"),
            text("timezone", 128, null=True),
            text("rpid", 128, null=True),
            integer("domn", null=True),
            text("uuid", 64, null=True),
        ),
        key=("username", "domain"),
        unique=(("phplib_id",),),
        indexes=(("username",),),
    ),
    TableDefinition(
        "phonebook",
        1,
        (
            counter("id"),
            text("username", 64),
            text("domain", 128),
            text("fname", 32),
            text("lname", 32),
            text("sip_uri", 128),
        ),
        key=("id",),
    ),
    TableDefinition(
        "reserved",
        1,
        (text("username", 64),),
        unique=(("username",),),
    ),
    TableDefinition(
        "subscriber",
        5,
        (
            text("phplib_id", 32),
            text("username", 64),
            text("domain", 128),
            text("password", 25),
            text("first_name", 25),
            text("last_name", 45),
            text("phone", 15),
            text("email_address", 50),
            moment("datetime_created"),
            moment("datetime_modified"),
            text("confirmation", 64),
            text("flag", 1, default="o"),
            text("sendnotification", 50),
            text("greeting", 50),
            text("ha1", 128),
            text("ha1b", 128),
            text("allow_find", 1, default="0"),
            text("timezone", 128, null=True),
            text("rpid", 128, null=True),
            integer("domn", null=True),
            text("uuid", 64, null=True),
        ),
        key=("username", "domain"),
        unique=(("phplib_id",),),
        indexes=(("username",),),
    ),
    TableDefinition(
        "config",
        1,
        (
            text("attribute", 32, default=None),
            text("value", 128, default=None),
            text("username", 64),
            text("domain", 128),
            stamp("modified", null=True),
        ),
    ),
    TableDefinition(
        "silo",
        3,
        (
            counter("mid"),
            text("src_addr", 255),
            text("dst_addr", 255),
            text("r_uri", 255),
            text("username", 64),
            text("domain", 128),
            integer("inc_time"),
            integer("exp_time"),
            text("ctype", 32, default="text/plain"),
            blob("body"),
        ),
        key=("mid",),
    ),
    TableDefinition(
        "domain",
        1,
        (
            text("domain", 128),
            moment("last_modified"),
        ),
        key=("domain",),
    ),
    TableDefinition(
        "uri",
        1,
        (
            text("username", 64),
            text("domain", 128),
            text("uri_user", 50),
            moment("last_modified"),
        ),
        key=("username", "domain", "uri_user"),
    ),
    TableDefinition(
        "server_monitoring",
        1,
        (
            moment("time"),
            integer("id"),
            text("param", 32),
            integer("value"),
            integer("increment"),
        ),
        key=("id", "param"),
    ),
    TableDefinition(
        "usr_preferences",
        2,
        (
            text("uuid", 64),
            text("username", 100, default="0"),
            text("domain", 128),
            text("attribute", 32),
            text("value", 128),
            integer("type"),
            stamp("modified"),
        ),
        key=("attribute", "username", "domain"),
    ),
    TableDefinition(
        "preferences_types",
        1,
        (
            text("att_name", 50),
            text("att_rich_type", 32, default="string"),
            integer("att_raw_type", default=2),
            long_text("att_type_spec", null=True),
            text("default_value", 100),
        ),
        key=("att_name",),
    ),
    TableDefinition(
        "trusted",
        1,
        (
            text("src_ip", 39, default=None),
            text("proto", 4, default=None),
            text("from_pattern", 64, default=None),
        ),
        key=("src_ip", "proto", "from_pattern"),
    ),
    TableDefinition(
        "server_monitoring_agg",
        1,
        (
            text("param", 32),
            integer("s_value"),
            integer("s_increment"),
            integer("last_aggregated_increment"),
            real("av"),
            integer("mv"),
            real("ad"),
            integer("lv"),
            integer("min_val"),
            integer("max_val"),
            integer("min_inc"),
            integer("max_inc"),
            moment("lastupdate"),
        ),
        key=("param",),
    ),
    TableDefinition(
        "admin_privileges",
        1,
        (
            text("username", 64),
            text("domain", 128),
            text("priv_name", 64),
            text("priv_value", 64),
        ),
        key=("username", "priv_name", "priv_value", "domain"),
    ),
    TableDefinition(
        "calls_forwarding",
        1,
        (
            text("username", 64),
            text("domain", 128),
            text("uri_re", 128),
            text("purpose", 32),
            text("action", 32),
            text("param1", 128, null=True),
            text("param2", 128, null=True),
        ),
        key=("username", "domain", "uri_re", "purpose"),
    ),
    TableDefinition(
        "speed_dial",
        2,
        (
            text("username", 64),
            text("domain", 128),
            text("sd_username", 64),
            text("sd_domain", 128),
            text("new_uri", 192),
            text("fname", 128),
            text("lname", 128),
            text("description", 64),
        ),
        key=("username", "domain", "sd_username", "sd_domain"),
    ),
    TableDefinition(
        "gw",
        3,
        (
            text("gw_name", 128, default=None),
            integer("ip_addr", default=None),
            integer("port", null=True),
            integer("uri_scheme", null=True),
            integer("transport", null=True),
            integer("grp_id", default=None),
            text("prefix", 16, null=True),
        ),
        key=("gw_name",),
        indexes=(("grp_id",),),
    ),
    TableDefinition("gw_grp", 1, (counter("grp_id"), text("grp_name", 64, default=None)), key=("grp_id",)),
    TableDefinition(
        "lcr",
        1,
        (
            text("prefix", 16, default=None),
            text("from_uri", 128, default="%"),
            integer("grp_id", default=None),
            integer("priority", default=None),
        ),
        indexes=(("prefix",), ("from_uri",), ("grp_id",)),
    ),
    TableDefinition("domains", 0, (integer("code", default=None), text("domain", 255)), key=("code",)),
)

BY_NAME: Final = {table.name: table for table in TABLES}
