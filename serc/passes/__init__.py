"""Small rewrites of the program, in the order of the table; each file says why it is worth its while."""

from serc.passes.place_probes import Probe, ProbeKind, place_probes
from serc.passes.table import PASSES, Pass, run_passes

__all__ = ["PASSES", "Pass", "Probe", "ProbeKind", "place_probes", "run_passes"]
