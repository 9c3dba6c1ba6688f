"""URLs of databases as SER spells them, and without their secrets. Reference modules-more, A.1."""

from __future__ import annotations

import os
import re
from typing import Final, final

from runtime.storage.errors import Refused

MYSQL: Final = "mysql"
POSTGRES: Final = "postgres"
SQLITE: Final = "sqlite"
DBTEXT: Final = "dbtext"
FLATSTORE: Final = "flatstore"

# SER's modules, each of which has to be loaded for its URLs. SQLite needs none.
DRIVERS: Final = (MYSQL, POSTGRES, SQLITE, DBTEXT, FLATSTORE)

# Other people's names for the same.
_SPELLINGS: Final = {"postgresql": POSTGRES, "pgsql": POSTGRES, "sqlite3": SQLITE, "mariadb": MYSQL}

_PORTS: Final = {MYSQL: 3306, POSTGRES: 5432}

# Where SQLite's file is if nobody says otherwise: SER_DB_URL in the environment does.
SYSTEM_FILE: Final = "/var/lib/ser/ser.sqlite"
ENVIRONMENT: Final = "SER_DB_URL"

# What a password ends at is the last @, so one with @ in it is hidden as a whole.
_SECRET: Final = re.compile(r"(?<=:)((?://)?[^:/@\s]*):(\S*)@")


class BadUrl(Refused):
    """Not the URL of a database. The message has no secret in it."""


@final
class Url:
    """A database. `path` is the file of sqlite, the folder of dbtext and flatstore, the database's name with the others.

    `str()` is the URL without its password. A connection that was lost is made anew and the statement tried again if it
    `reconnects`; one that was idle for `ping_s` (0: never) is tried first.
    """

    def __init__(self, driver: str, user: str, password: str, host: str, port: int, path: str) -> None:
        self.reconnects = True
        self.ping_s = 0
        self.driver: Final = driver
        self.user: Final = user
        self.password: Final = password
        self.host: Final = host
        self.port: Final = port
        self.path: Final = path

    def __str__(self) -> str:
        if self.driver not in _PORTS:
            return f"{self.driver}:{self.path}"
        secret = ":***" if self.password else ""
        user = f"{self.user}{secret}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port != _PORTS[self.driver] else ""
        return f"{self.driver}://{user}{host}{port}/{self.path}"

    def __repr__(self) -> str:
        return str(self)


def driver_of(text: str) -> str:
    """The module that a URL asks for: what stands before the first colon, "" if nothing does."""
    scheme, colon, _ = text.partition(":")
    return _SPELLINGS.get(scheme.lower(), scheme.lower()) if colon else ""


def parse_url(text: str, folder: str = "") -> Url:
    """Raises BadUrl. Relative files and folders are meant from `folder`.

    As in SER a password needs no escapes, and there are none: it ends at the last @ before the database's name.
    """
    driver = driver_of(text)
    rest = text.partition(":")[2]
    if driver not in DRIVERS:
        known = ", ".join(f"{name}:" for name in DRIVERS)
        raise BadUrl(f"{redacted(text)}: names no database: a URL begins with one of {known}")
    if driver in _PORTS:
        return _server(driver, text, rest)
    # SQLAlchemy's sqlite:///file is relative; everywhere else, and here, three slashes begin an absolute path.
    if driver != FLATSTORE and rest.startswith("//"):
        rest = rest[2:]
    path = re.sub("^/+", "/", rest)
    if not path:
        raise BadUrl(f"{driver}: says no {'file' if driver == SQLITE else 'folder'}: write {driver}:///path")
    if path == ":memory:":
        raise BadUrl("sqlite::memory: each process would have a database of its own: write sqlite:///path")
    return Url(driver, "", "", "", 0, os.path.join(folder, path))


def _server(driver: str, text: str, rest: str) -> Url:
    shown = redacted(text)
    if not rest.startswith("//"):
        raise BadUrl(f"{shown}: write {driver}://user:password@host/database")
    account, at, place = rest[2:].rpartition("@")
    host_port, slash, database = place.partition("/")
    if not slash or not database or not host_port:
        raise BadUrl(
            f"{shown}: says no {'database' if host_port else 'host'}: write {driver}://user:password@host/database"
        )
    user, _, password = account.partition(":")
    host, port = _host_port(driver, host_port, shown)
    return Url(driver, user.strip(), password.strip(), host.lower(), port, database.strip())


def _host_port(driver: str, text: str, shown: str) -> tuple[str, int]:
    found = re.fullmatch(r"\s*(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?\s*", text)
    if found is None:
        raise BadUrl(f"{shown}: the host is no name or address, or the port no number")
    port = int(found[3]) if found[3] else _PORTS[driver]
    if not 0 < port < 65536:
        raise BadUrl(f"{shown}: there is no port {port}")
    return found[1] or found[2].strip(), port


def redacted(text: str) -> str:
    """A text with the passwords of all URLs in it replaced by ***."""
    return _SECRET.sub(r"\1:***@", text)


def embedded_url() -> str:
    """The SQLite database that is used where no URL is set: SER_DB_URL of the environment, root's own, or the user's own."""
    given = os.environ.get(ENVIRONMENT, "")
    if given:
        return given
    if os.geteuid() == 0:
        return f"sqlite://{SYSTEM_FILE}"
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return f"sqlite://{os.path.join(data, 'sip-express-router', 'ser.sqlite')}"
