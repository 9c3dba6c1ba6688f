"""The cases under cases/: what each expects stands on its lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from expectations import differences

CASES = sorted(Path(__file__).with_name("cases").glob("*.cfg"))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_case(path: Path) -> None:
    assert differences(path.read_bytes().decode("latin-1")) == []
