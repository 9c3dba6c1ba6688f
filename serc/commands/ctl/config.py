"""The database that a ser.cfg names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from runtime.routing.database import READ_ONLY_URL, READ_WRITE_URL
from runtime.spec.environment import environment
from runtime.storage.url import DRIVERS, FLATSTORE, SQLITE, Url, embedded_url, parse_url
from serc.commands.ctl.client import FAILED, CannotAsk

# Whose database is that of the users, if a file names several.
_FIRST: Final = ("auth_db", "uri_db", "usrloc")


def url_in(name: str) -> Url:
    """The one database of a ser.cfg, or that of its users. Raises CannotAsk, DatabaseError and BadEnvironment.

    A module without a URL has SER's own default if the file loads a driver, and else the SQLite database.
    """
    urls = _urls(name)
    if not urls:
        raise CannotAsk(FAILED, f"{name}: no module in it has a database: say which one is meant with --db URL")
    for module in _FIRST:
        if module in urls:
            return urls[module]
    found = {str(url): url for url in urls.values()}
    if len(found) > 1:
        raise CannotAsk(FAILED, f"{name} names several databases: say --db URL with one of {', '.join(sorted(found))}")
    return found.popitem()[1]


def _urls(name: str) -> dict[str, Url]:
    """By module."""
    # The compiler costs a third of a second: it is for those who name a ser.cfg.
    from runtime.modules import catalogue
    from serc.frontend import analyse
    from serc.reading.source import Source

    try:
        text = Path(name).read_bytes().decode("latin-1")
    except OSError as e:
        raise CannotAsk(FAILED, f"cannot read {name}: {e.strerror}: name the database with --db URL") from e
    bound, _ = analyse(Source(name, text), catalogue)
    if bound is None:
        raise CannotAsk(FAILED, f"{name} has errors: see serc check {name}, or name the database with --db URL")
    loaded = {module.spec.name for module in bound.modules.loaded}
    default = READ_WRITE_URL if loaded & set(DRIVERS) - {SQLITE, FLATSTORE} else embedded_url()
    folder = os.path.dirname(os.path.abspath(name))
    urls: dict[str, Url] = {}
    for module in bound.modules.loaded:
        name_of_url = next((name for name in ("db_url", "avp_url") if module.spec.param(name)), "")
        given = str(module.parameters.get(name_of_url, ""))
        # avpops has no database where it names none.
        if not name_of_url or (name_of_url == "avp_url" and not given):
            continue
        if module.spec.name == "usrloc" and not module.parameters.get("db_mode", 0):
            continue
        if not given or given in (READ_ONLY_URL, READ_WRITE_URL):
            given = default
        url = parse_url(environment(given), folder)
        if url.driver != FLATSTORE:
            urls[module.spec.name] = url
    return urls
