"""Which of the two builds runs."""

from typing import Final

import runtime.sip.message

NATIVE: Final[bool] = (runtime.sip.message.__file__ or "").endswith(".so")
"""True if the engine is the compiled one; False for the pure Python build, which is right but slow."""
