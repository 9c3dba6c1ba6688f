"""Parameters that look alike in many modules: database URLs, tables and columns, flags, times."""

from __future__ import annotations

import dataclasses
import difflib
import re
from typing import Final

from runtime.routing.database import EMBEDDED as EMBEDDED
from runtime.routing.database import READ_ONLY_URL as READ_ONLY_URL
from runtime.routing.database import READ_WRITE_URL as READ_WRITE_URL
from runtime.spec.declare import Param, integer_param, string_param
from runtime.spec.values import Doubt

RADIUS_CONFIG: Final = "/usr/local/etc/radiusclient/radiusclient.conf"

DRIVERS: Final = ("mysql", "postgres", "postgresql", "sqlite", "dbtext", "flatstore")
_SERVER: Final = "mysql://user:password@host/database"
_MYSQL: Final = re.compile(r"mysql://([^@/]*@)?[^@/:]+(:[0-9]+)?/.+\Z", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*\Z")


def _given(what: str, text: str) -> str:
    return "" if text else f"{what} may not be empty"


def _url_doubt(text: str) -> Doubt | None:
    driver, colon, _ = text.partition(":")
    if not colon or driver.lower() not in DRIVERS:
        meant = difflib.get_close_matches(driver.lower(), DRIVERS, 1)
        hint = (
            f'did you mean "{meant[0]}"?' if colon and meant else f"write sqlite:///path, {_SERVER} or dbtext:///path"
        )
        return Doubt(f'"{text}" names no database driver', hint)
    if driver.lower() == "mysql" and not _MYSQL.match(text):
        return Doubt(f'"{text}" is not a mysql URL', f"write {_SERVER}")
    return None


def defaults_of(params: tuple[Param, ...]) -> dict[str, int | str]:
    """The defaults of those that have one, by their names."""
    return {param.name: param.default for param in params if param.default is not None}


def url_param(
    name: str = "db_url",
    default: str | None = READ_WRITE_URL,
    summary: str = "Database.",
    *,
    mandatory: bool = False,
) -> Param:
    return string_param(
        name, default, summary, check=lambda text: _given(name, text), doubt=_url_doubt, mandatory=mandatory
    )


def table_param(name: str, default: str | None, summary: str, *, mandatory: bool = False) -> Param:
    return string_param(name, default, summary, check=lambda text: _given(name, text), mandatory=mandatory)


def column_param(name: str, default: str, summary: str = "") -> Param:
    """Name of a database column; SER puts it into its SQL without quotes."""

    def doubt(text: str) -> Doubt | None:
        if _IDENTIFIER.match(text):
            return None
        return Doubt(f'"{text}" cannot be a column without quotes, which SER does not write', "rename the column")

    return string_param(
        name,
        default,
        summary or f"Column for the {name.removesuffix('_column').removesuffix('_col').replace('_', ' ')}.",
        check=lambda text: _given(name, text),
        doubt=doubt,
    )


def flag_param(name: str, default: int, summary: str) -> Param:
    """Number of a message flag."""
    return integer_param(name, default, summary, low=0, high=31)


def seconds_param(name: str, default: int, summary: str, *, usual: int = 0, never_zero: str = "") -> Param:
    """`usual`: nobody means more than so many; 0: any number may be meant. `never_zero`: why 0 is hardly meant."""

    def doubt(value: int) -> Doubt | None:
        if value == 0 and never_zero:
            return Doubt(f"{name} is 0: {never_zero}", "write a number of seconds")
        if not usual or value <= usual:
            return None
        return Doubt(f"{name} is {value} seconds: are these milliseconds?", f"write {max(1, value // 1000)}")

    return integer_param(name, default, f"{summary} In seconds.", low=0, doubt=doubt)


def needed_by(param: Param, *functions: str) -> Param:
    """`param`, without which these functions of its module are never true."""
    return dataclasses.replace(param, needed_by=functions)


def idle(param: Param) -> Param:
    """The same parameter, of which SER and we take any value and make nothing: serc says so."""
    doubt = Doubt(f"{param.name} changes nothing, in SER neither", "take it out")
    return dataclasses.replace(param, doubt=lambda value: None if value == param.default else doubt, idle=True)


def radius_config_param() -> Param:
    return string_param(
        "radius_config",
        RADIUS_CONFIG,
        "Configuration file of the RADIUS client.",
        check=lambda text: _given("radius_config", text),
    )
