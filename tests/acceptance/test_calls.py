"""Calls between two sipp through a proxy that record-routes and forwards statelessly: none fails, nothing is repeated.

SER_ACCEPTANCE_CALLS sets how many; a release is tried with 1,000, in the native build.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.conftest import Ser
from acceptance.proxy import ALL_GOOD, ALLOWED_S, CALLS, RATE
from acceptance.sipp import FOLDER, Sipp

# sipp's own caller sends later requests without a route set, the other one follows Record-Route.
CALLERS = {"uac": ["-sn", "uac"], "uac_with_routes": ["-sf", str(FOLDER / "uac_with_routes.xml")]}


@pytest.mark.parametrize("caller", CALLERS)
def test_calls_through_a_record_routing_proxy(caller: str, ser: Ser, tmp_path: Path) -> None:
    callee = Sipp(tmp_path, "uas", CALLS, ALLOWED_S, "-sn", "uas")
    try:
        where = [f"127.0.0.1:{callee.port}", "-rsa", f"127.0.0.1:{ser.port}", "-r", str(RATE)]
        party = Sipp(tmp_path, "uac", CALLS, ALLOWED_S, *where, *CALLERS[caller])
        assert party.wait() == 0, party.text() + ser.log.read_text()
        assert callee.wait() == 0, callee.text()
    finally:
        callee.kill()
    assert party.totals() == ALL_GOOD
    assert callee.totals() == ALL_GOOD
