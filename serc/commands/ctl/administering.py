"""`serctl db`: the database itself and its tables. Reference modules-more, part B."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Final

from runtime.routing.database import DatabaseError
from runtime.storage.administration import LACKS, MISSING, OLD, Administration, Finding
from serc.commands.ctl.client import FAILED, CannotAsk
from serc.commands.ctl.place import found_url, url_of

_CURES: Final = {MISSING: "create", OLD: "migrate", LACKS: "migrate"}


def show_url(options: argparse.Namespace) -> int:
    """Without its password; as data also what has named it."""
    url, source = found_url(options)
    print(json.dumps({"url": str(url), "source": source}) if options.json else url)
    return 0


def _administer(what: Callable[[Administration], list[Finding]], options: argparse.Namespace) -> int:
    """1 if a table is not as it should be."""
    url = url_of(options)
    try:
        administration = Administration(url)
        try:
            findings = what(administration)
        finally:
            administration.close()
    except DatabaseError as e:
        raise CannotAsk(FAILED, str(e)) from e
    if options.json:
        print(json.dumps([{"table": f.table, "state": f.state, "version": f.version} for f in findings]))
    else:
        for f in findings:
            print(f"{f.table}: {f.state}{': ' if f.lacking else ''}{', '.join(f.lacking)}")
    cures = sorted({_CURES[f.state] for f in findings if f.state in _CURES})
    if cures:
        raise CannotAsk(FAILED, f"{url}: not all tables are as they should be: run serctl db {cures[-1]}")
    return 0


def create(options: argparse.Namespace) -> int:
    """The database, if its account may make it, and the tables that are missing."""
    return _administer(lambda administration: administration.create(), options)


def check(options: argparse.Namespace) -> int:
    """Nothing is changed."""
    return _administer(lambda administration: administration.check(), options)


def migrate(options: argparse.Namespace) -> int:
    """Nothing is taken away."""
    return _administer(lambda administration: administration.migrate(), options)
