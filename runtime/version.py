"""The package version; pyproject.toml carries the same, tests/test_packaging.py holds them together."""

from typing import Final

VERSION: Final = "0.1.0"

# What a compiled ser.cfg takes from this package. A change that makes older routes.py wrong counts it up.
FORMAT: Final = 1
