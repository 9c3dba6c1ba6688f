"""Small rewrites of the program, in the order of the table; each file says why it is worth its while."""

from serc.passes.table import PASSES, Pass, run_passes

__all__ = ["PASSES", "Pass", "run_passes"]
