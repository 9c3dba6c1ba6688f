"""Writes docs/metrics.md from the declarations: `python docs/generate_metrics.py > docs/metrics.md`."""

from __future__ import annotations

import sys

from runtime.server.control.metrics import FAMILIES

_HEAD = """\
# Metrics

What `--metrics` tells at `/metrics`, as OpenMetrics. Written by `docs/generate_metrics.py`: change `runtime/server/control/metrics.py`, not this
file.

Every sample of a process has the labels `process`, its mailbox, and `title`, what `ps` calls it. Counters begin at 0 when their process is replaced, which
`rate()` knows. The names of counters end in `_total`.

| metric | type | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """The whole file."""
    return _HEAD + "".join(f"| `{family.name}` | {family.type} | {family.help} |\n" for family in FAMILIES)


if __name__ == "__main__":
    sys.stdout.write(page())
