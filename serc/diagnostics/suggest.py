""" "Did you mean …?": the nearest of the words that make sense at a place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# In a shorter word one letter makes too much of a difference.
_SHORTEST: Final = 3
_LONG_STEM: Final = 5
# Parts of a name, joined by "_"; and letters of each.
_TWO: Final = 2


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that is nearest to `word`, None when none is near enough to be meant.

    Near enough: a third of the longer word's letters wrong, at the most; letters in another case cost nothing, two
    letters swapped count as one mistake, and so does any other order of the same letters.
    """
    lower = word.lower()
    letters = frozenset(lower)
    best: tuple[int, int, str] | None = None
    for candidate in candidates:
        longer = max(len(word), len(candidate))
        allowed = max(1, longer // 3)
        # An edit puts one letter in and takes another one out, at the most.
        if (
            abs(len(word) - len(candidate)) > allowed
            or len(letters.symmetric_difference(candidate.lower())) > 2 * allowed
        ):
            continue
        distance = _distance(lower, candidate.lower(), allowed)
        if distance > allowed and sorted(lower) == sorted(candidate.lower()):
            distance = allowed  # all letters are there, in another order
        if distance <= allowed and distance < longer:
            key = (distance, abs(len(word) - len(candidate)), candidate)
            best = min(best, key) if best else key
    return best[2] if best else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """A hint, or ""."""
    found = meant_by(word, candidates)
    return f'did you mean "{found}"?' if found else ""


def meant_by(word: str, candidates: Iterable[str]) -> str | None:
    """The one that differs by a slip, or the only one that has all parts of the word: inv_timer, fr_inv_timer; or the nearest; or the only
    one that begins alike: childs, children.
    """
    words = list(candidates)
    found = nearest(word, words)
    if found is not None and _distance(word.lower(), found.lower(), 1) <= 1:
        return found
    alike = _of_the_same_parts(word, words)
    if len(alike) != 1 and found is None and len(word) >= _LONG_STEM:
        stem = word.lower()[: max(_LONG_STEM, len(word) - 2)]
        alike = [each for each in words if each.lower().startswith(stem)]
    return alike[0] if len(alike) == 1 else found


def _of_the_same_parts(word: str, candidates: Iterable[str]) -> list[str]:
    """Those of which each part of `word` begins a part of its own, in the same order, or all parts of which are in `word`: with the number of parts that is nearest."""
    parts = word.lower().split("_")
    if len(parts) < _TWO or min(map(len, parts)) < _TWO:
        return []
    split = ((each, each.lower().split("_")) for each in candidates)
    alike = [
        (abs(len(others) - len(parts)), each)
        for each, others in split
        if _begin_parts(parts, others) or len(others) > 1 and _begin_parts(others, parts)
    ]
    least = min((difference for difference, _ in alike), default=0)
    return [each for difference, each in alike if difference == least]


def _begin_parts(parts: list[str], others: list[str]) -> bool:
    left = iter(others)
    return all(any(other.startswith(part) for other in left) for part in parts)


def is_slip(word: str, meant: str, candidates: Iterable[str]) -> bool:
    """True if one letter, two that are swapped, or the case of letters make `word` one of the candidates, and no other than `meant`."""
    lower = word.lower()
    if len(word) < _SHORTEST or _distance(lower, meant.lower(), 1) > 1:
        return False
    return not any(other != meant and _distance(lower, other.lower(), 1) <= 1 for other in candidates)


def _distance(a: str, b: str, limit: int) -> int:
    """Edits between the two (insert, delete, replace, swap neighbours), `limit` + 1 if there are more than that."""
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, previous = previous, row
    return previous[-1]
