"""The package version; pyproject.toml carries the same, tests/test_packaging.py holds them together."""

from typing import Final

VERSION: Final = "0.1.0"
