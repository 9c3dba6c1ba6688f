"""Numbers on a command line: what is none, or is out of range, is refused with what to write."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """For `type=`: a number from `least` to `most`, both included; None is no limit."""

    def read(text: str) -> int:
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdecimal() and len(digits) < 19:
            found = int(text)
            if least <= found and (most is None or found <= most):
                return found
        raise argparse.ArgumentTypeError(f"{text}: write a number {_range(least, most)}")

    return read


def decimal_number(least: float, most: float | None = None) -> Callable[[str], float]:
    """The same for a number that may have decimal places, such as a time in seconds."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if math.isfinite(found) and least <= found and (most is None or found <= most):
            return found
        raise argparse.ArgumentTypeError(f"{text}: write a number {_range(least, most)}")

    return read


def _range(least: float, most: float | None) -> str:
    return f"of {least:g} or more" if most is None else f"from {least:g} to {most:.10g}"
