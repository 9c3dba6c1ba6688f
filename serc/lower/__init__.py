"""Syntax tree -> typed program. The tree has passed all checks: what does not fit here is a mistake of ours."""

from serc.lower.program import lower

__all__ = ["lower"]
