"""Which database serctl works on: the one that the command line names, the environment, or the ser.cfg of the server."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import Final

from runtime.routing.database import DatabaseError
from runtime.spec.environment import BadEnvironment, environment
from runtime.storage.url import ENVIRONMENT, MYSQL, SQLITE, Url, embedded_url, parse_url
from serc.commands.ctl.client import FAILED, CannotAsk
from serc.commands.ctl.config import url_in

# Where `ser` looks for its own.
_SYSTEM_CONFIG: Final = "/etc/ser/ser.cfg"
_MYSQL_WORDS: Final = ("SQL_DB", "SQL_HOST", "SQL_USER")


def found_url(options: argparse.Namespace) -> tuple[Url, str]:
    """The database, and what has named it. Raises CannotAsk.

    In this order: --db, --config, SER_DB_URL, the SQL_DB, SQL_HOST and SQL_USER of SER's script, SER_CONFIG, /etc/ser/ser.cfg, and at
    last the SQLite database that a ser.cfg without a URL has.
    """
    try:
        if options.db is not None:
            return parse_url(environment(options.db), os.getcwd()), "--db"
        if options.config is not None:
            return url_in(options.config), "--config"
        given = os.environ.get(ENVIRONMENT)
        if given:
            return parse_url(given, os.getcwd()), ENVIRONMENT
        if any(os.environ.get(word) for word in _MYSQL_WORDS):
            return _mysql(), "SQL_DB"
        for name, source in ((os.environ.get("SER_CONFIG"), "SER_CONFIG"), (_SYSTEM_CONFIG, _SYSTEM_CONFIG)):
            if name and (source != name or os.path.exists(name)):
                return url_in(name), source
        return parse_url(embedded_url(), os.getcwd()), "default"
    except (DatabaseError, BadEnvironment) as e:
        raise CannotAsk(FAILED, str(e)) from e


def url_of(options: argparse.Namespace) -> Url:
    """The database. Raises CannotAsk."""
    return found_url(options)[0]


def is_database_named(options: argparse.Namespace) -> bool:
    """False if there is nothing but the default, and that was never made."""
    url, source = found_url(options)
    return source != "default" or url.driver != SQLITE or os.path.exists(url.path)


def _mysql() -> Url:
    """As SER's script has it: the password is PW's, or asked for."""
    password = os.environ.get("PW")
    if password is None:
        password = getpass.getpass("MySql password: ") if sys.stdin.isatty() else ""
    user, host = os.environ.get("SQL_USER", "ser"), os.environ.get("SQL_HOST", "localhost")
    return Url(MYSQL, user, password, host, 3306, os.environ.get("SQL_DB", "ser"))
