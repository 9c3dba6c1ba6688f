"""How much of a ser.cfg its tests run: lines, and both ways of each `if`."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Final

from serc.passes import ProbeKind
from serc.reading.source import Source
from serc.testing.config import Config
from serc.testing.recorder import Hits


@dataclass
class LineCoverage:
    """How often a line ran, and how often each way of its conditions was taken: (yes, no)."""

    ran: int = 0
    branches: list[tuple[int, int]] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """The ways that no test has taken, of conditions that ran."""
        found = []
        for i, (yes, no) in enumerate(self.branches, 1):
            which = f" of condition {i}" if len(self.branches) > 1 else ""
            found += [f"never {word}{which}" for word, count in (("true", yes), ("false", no)) if count == 0]
        return found if self.ran else []


class Coverage:
    """The coverage of one ser.cfg. Lines that nothing runs on are not in it."""

    def __init__(self, config: Config, hits: Hits) -> None:
        self.source: Final[Source] = config.source
        self.lines: Final[dict[int, LineCoverage]] = {}
        for probe in config.probed.probes:
            line = self.lines.setdefault(self.source.line_of(probe.span.start), LineCoverage())
            line.ran = max(line.ran, hits.ran[probe.number])
            if probe.kind is ProbeKind.BRANCH:
                line.branches.append((hits.true[probe.number], hits.false[probe.number]))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Lines that ran, lines, ways that were taken, ways."""
        lines = list(self.lines.values())
        ways = [count for line in lines for pair in line.branches for count in pair]
        return sum(1 for line in lines if line.ran), len(lines), sum(1 for count in ways if count), len(ways)

    @property
    def percent(self) -> float:
        """Of lines and ways together."""
        ran, lines, taken, ways = self.counts
        return 100.0 if lines + ways == 0 else 100.0 * (ran + taken) / (lines + ways)

    def missing(self) -> list[str]:
        """What no test has run, line by line: ranges of lines, and ways."""
        found: list[str] = []
        start = 0
        numbers = sorted(self.lines)
        for i, number in enumerate(numbers):
            line = self.lines[number]
            if not line.ran:
                start = start or number
                following = numbers[i + 1] if i + 1 < len(numbers) else 0
                if not following or self.lines[following].ran:
                    found.append(str(start) if start == number else f"{start}-{number}")
                    start = 0
            found += [f"{number} ({what})" for what in line.missing]
        return found


def as_text(all_: list[Coverage]) -> str:
    """A table, and what is missing."""
    width = max([len(c.source.name) for c in all_], default=4)
    out = [f"{'config':<{width}}   lines  branches  together  missing"]
    for c in all_:
        ran, lines, taken, ways = c.counts
        missing = ", ".join(c.missing())
        shares = f"{f'{ran}/{lines}':>7}  {f'{taken}/{ways}':>8}  {c.percent:>7.1f}%"
        out.append(f"{c.source.name:<{width}} {shares}  {missing}".rstrip())
    return "\n".join(out) + "\n"


def as_lcov(all_: list[Coverage]) -> str:
    """For genhtml and the editors and forges that read lcov's trace files (geninfo(1))."""
    out: list[str] = []
    for c in all_:
        out += ["TN:", f"SF:{c.source.name}"]
        for number, line in sorted(c.lines.items()):
            out.append(f"DA:{number},{line.ran}")
            for block, pair in enumerate(line.branches):
                out += [f"BRDA:{number},{block},{way},{count if line.ran else '-'}" for way, count in enumerate(pair)]
        ran, lines, taken, ways = c.counts
        out += [f"LF:{lines}", f"LH:{ran}", f"BRF:{ways}", f"BRH:{taken}", "end_of_record"]
    return "\n".join(out) + "\n"


_STYLE: Final = (
    "body{font:14px sans-serif;margin:2em}pre{margin:0}td{padding:0 .6em}td.n,td.c{color:#777;text-align:right}"
    "tr.ran{background:#e6f6e6}tr.never{background:#fbdcdc}tr.part{background:#fdf3cd}"
)


def as_html(all_: list[Coverage]) -> str:
    """One page with the text of all configs, each line in the colour of what ran of it."""
    parts = [f"<!doctype html><meta charset=utf-8><title>Coverage of ser.cfg</title><style>{_STYLE}</style>"]
    for c in all_:
        ran, lines, taken, ways = c.counts
        parts.append(f"<h2>{html.escape(c.source.name)}</h2><p>{c.percent:.1f} %: {ran} of {lines} lines, ")
        parts.append(f"{taken} of {ways} branches</p><table cellspacing=0>")
        for number in range(1, c.source.line_count + 1):
            line = c.lines.get(number)
            text = html.escape(c.source.readable_line(number)) or " "
            kind = "" if line is None else "part" if line.missing else "ran" if line.ran else "never"
            count = "" if line is None else str(line.ran)
            title = "" if line is None else html.escape(", ".join(line.missing))
            cells = f"<td class=n>{number}</td><td class=c>{count}</td><td><pre>{text}</pre></td>"
            parts.append(f'<tr class="{kind}" title="{title}">{cells}</tr>')
        parts.append("</table>")
    return "\n".join(parts) + "\n"
