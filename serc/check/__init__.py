"""Checks of a syntax tree that need no knowledge of what a script is for (that is flow.py)."""
