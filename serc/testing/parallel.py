"""Cases in several processes at a time. Each is a copy of this one, so what is compiled is compiled once."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

from serc.reading.tree import Span
from serc.testing.language.cases import Case
from serc.testing.proxy import spare_stores
from serc.testing.recorder import Hits
from serc.testing.running import Configs, Outcome, Tests, run
from serc.testing.stage import Failed

Job = tuple[Tests, Case]
_Failure = tuple[Span, str, list[str]]
# By the number of the job: seconds, why it failed, what ser.cfg did.
_Answer = tuple[int, float, _Failure | None, str]
_Counts = dict[str, tuple[list[int], list[int], list[int]]]

# Some chunks for each process, so that none waits for long at the end.
_CHUNKS: Final = 8
# So many are made between two looks of the garbage collector: those of some dozen cases.
_OBJECTS_MAX: Final = 50_000
# What the processes find when they begin.
_jobs: list[Job] = []
_configs = Configs()


def run_all(jobs: list[Job], configs: Configs, processes: int) -> Generator[Outcome, None, None]:
    """The outcomes in the order of the jobs. Who stops to ask ends the processes."""
    with _seldom_collecting():
        yield from _run_all(jobs, configs, processes)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """What is compiled stays, and a case leaves little behind: the garbage collector would look at all of it for nothing."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS_MAX, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _run_all(jobs: list[Job], configs: Configs, processes: int) -> Generator[Outcome, None, None]:
    if processes < 2 or len(jobs) < 2:
        with spare_stores():
            yield from (run(case, tests, configs) for tests, case in jobs)
        return
    global _jobs, _configs
    _jobs, _configs = jobs, configs
    for tests, _ in jobs:  # compiled here, and not in each of them
        if tests.config is not None:
            tests.config.prepare(configs.counts)
    size = max(1, len(jobs) // (processes * _CHUNKS))
    chunks = [(first, min(first + size, len(jobs))) for first in range(0, len(jobs), size)]
    with multiprocessing.get_context("fork").Pool(min(processes, len(chunks))) as pool:
        for answers, counts in pool.imap(_run_chunk, chunks):
            for key, numbers in counts.items():
                _add(configs.hits[key], numbers)
            for number, seconds, failure, trace in answers:
                tests, case = jobs[number]
                yield Outcome(case, tests.source.name, seconds, None if failure is None else Failed(*failure), trace)


def _run_chunk(chunk: tuple[int, int]) -> tuple[list[_Answer], _Counts]:
    with spare_stores():
        return _run_some(chunk)


def _run_some(chunk: tuple[int, int]) -> tuple[list[_Answer], _Counts]:
    _configs.hits = {key: Hits(len(hits.ran) - 1) for key, hits in _configs.hits.items()}
    answers: list[_Answer] = []
    for number in range(*chunk):
        tests, case = _jobs[number]
        outcome = run(case, tests, _configs)
        failure = outcome.failure
        told = None if failure is None else (failure.span, failure.message, failure.notes)
        answers.append((number, outcome.seconds, told, outcome.trace))
    return answers, {key: (hits.ran, hits.true, hits.false) for key, hits in _configs.hits.items()}


def _add(hits: Hits, numbers: tuple[list[int], list[int], list[int]]) -> None:
    for kept, more in zip((hits.ran, hits.true, hits.false), numbers, strict=True):
        for i, count in enumerate(more):
            kept[i] += count
