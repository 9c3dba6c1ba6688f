"""Typed program -> routes.py: readable, typed, the same every time."""

from serc.codegen.module import Generated, generate

__all__ = ["Generated", "generate"]
