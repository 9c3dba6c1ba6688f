"""Which build is under test, and where the material beside the checkout is.

`make test` runs everything twice: installed (native) and from the source tree (pure). SER_BUILD says which of them the
caller means, so that an import path that is not what it seems cannot pass for the other build.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import kept_url as kept_url  # fixtures
from databases import kept_urls as kept_urls
from databases import mariadb as mariadb
from databases import postgres as postgres
from databases import url as url
from engine import SERVERS

import runtime
from runtime.build import NATIVE
from runtime.modules.usrloc import Usrloc

PROJECT = Path(__file__).parent.parent
SHARED = PROJECT.parent / "shared"

# What is not compiled, and what looks at the sources, is tested in the pure build only.
NOT_COMPILED = (
    *("serc", "spec", "testing"),
    *(f"codegen/test_{name}.py" for name in ("commands", "examples", "graph", "module", "remarks", "style")),
    *(f"acceptance/test_{name}.py" for name in ("environment", "serctl", "serctl_database", "serctl_users")),
    "server/control/test_framing.py",
    *(f"server/start/test_{name}.py" for name in ("daemon", "failing_start", "options")),
    *(f"storage/test_{name}.py" for name in ("dbtext", "flatstore", "url")),
    *(f"test_{name}.py" for name in ("flags_table", "floors", "native_build", "operating", "packaging", "patience")),
    *(f"test_{name}.py" for name in ("readme", "words")),
)
if os.environ.get("SER_BUILD") == "native":
    collect_ignore = list(NOT_COMPILED)


def pytest_report_header() -> str:
    return f"build under test: {'native' if NATIVE else 'pure'}, {Path(runtime.__file__).parent}"


def pytest_configure() -> None:
    wanted = os.environ.get("SER_BUILD", "")
    if wanted == "pure" and NATIVE:
        raise pytest.UsageError(f"SER_BUILD=pure, but {runtime.__file__} is the native build")
    # Where there is no compiler, the installed package is pure as well: still another import path, worth its test.
    if wanted == "native" and Path(runtime.__file__).is_relative_to(PROJECT / "runtime"):
        raise pytest.UsageError("SER_BUILD=native, but the source tree shadows the installed package")


@pytest.fixture(autouse=True)
def stores_are_closed() -> Iterator[None]:
    """An engine of a test has no end of its own, and each that has locations has files of them open; who asks it again opens them again."""
    yield
    while SERVERS:
        usrloc = SERVERS.pop().engine.world.modules.get("usrloc")
        if isinstance(usrloc, Usrloc):
            usrloc.locations.store.look_away()
            usrloc.locations.store.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference, the corpus and the golden transcripts. Skips where there is none."""
    if not SHARED.is_dir():
        pytest.skip(
            "needs the reference and the sample configs, which are not part of the repository; nothing is wrong"
        )
    return SHARED
