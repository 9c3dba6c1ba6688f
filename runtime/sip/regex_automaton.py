"""A regular expression as a machine that looks at every byte once: its states are sets of places in the expression, made when a text
first leads to them. So no text is slow, whatever the expression, where an engine that tries and goes back may take for ever.

A state is left by the class of the next byte (bytes that the expression does not tell apart are one class). That a match ends
before a byte is known when that byte is seen, since `$` and its like ask for it.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.regex_tree import (
    ALTERNATIVES,
    ANY,
    ASSERTION,
    BEGIN_LINE,
    BEGIN_TEXT,
    BEGIN_WORD,
    END_LINE,
    END_TEXT,
    END_WORD,
    GROUP,
    LINE_END,
    NOT_WORD_EDGE,
    OPTIONAL,
    SEQUENCE,
    STAR,
    SYMBOL,
    WORD,
    WORD_EDGE,
    Node,
)

# What is beside a position: nothing, a line end, a byte of a word, another one.
_EDGE: Final = 0
_LINE_END: Final = 1
_WORD: Final = 2
_OTHER: Final = 3

# Places of the expression, as they are numbered here: where to go without a byte, with one, or under a condition.
_SPLIT: Final = 0
_BYTE: Final = 1
_CONDITION: Final = 2
_ACCEPT: Final = 3

# When there are more states than this all are forgotten, and made again as they are needed.
_STATES_MAX: Final = 2000
# Where it is noted what led nowhere: at positions with none of these bits.
_NOTED: Final = 15
# More than states are ever made for one text.
_NUMBERS: Final = 1 << 40


@final
class State:
    """`places` before their conditions are looked at, and what kind of byte was read last. `matched`: a match ended before that byte.

    `next` has a state for each class of bytes; `unknown` stands where none has been made. No two have one `number`.
    """

    def __init__(self, number: int, places: tuple[int, ...], before: int, matched: bool) -> None:
        self.number: Final = number
        self.places: Final = places
        self.before: Final = before
        self.matched: Final = matched
        self.is_dead: Final = len(places) == 0
        self.next: list[State] = []
        # Whether a match ends here if this kind of byte follows: -1 is not known yet.
        self.ends: Final[list[int]] = [-1, -1, -1, -1]


@final
class Automaton:
    """Reads texts forward or, if `backward`, from their ends; with `anywhere` a match may begin at every position."""

    def __init__(self, node: Node, backward: bool, anywhere: bool) -> None:
        self._backward: Final = backward
        self._anywhere: Final = anywhere
        self._kinds: Final[list[int]] = []
        self._first: Final[list[int]] = []
        self._second: Final[list[int]] = []
        self._sets: Final[list[int]] = []
        self._asks = False
        accept = self._place(_ACCEPT, 0, 0)
        self._begin: Final = self._build(node, accept)
        self._classes = b""
        self._samples: list[int] = []
        self._sort_bytes()
        self._unknown: Final = State(0, (), 0, False)
        self._count = 0
        self._states: Final[dict[tuple[tuple[int, ...], int, bool], State]] = {}

    # --- making it ---------------------------------------------------------------------------------------------------

    def _place(self, kind: int, first: int, second: int) -> int:
        self._kinds.append(kind)
        self._first.append(first)
        self._second.append(second)
        return len(self._kinds) - 1

    def _build(self, node: Node, after: int) -> int:
        """Where to enter `node`, which leads to the place `after`."""
        kind = node.kind
        if kind == SYMBOL:
            self._sets.append(node.number)
            return self._place(_BYTE, after, len(self._sets) - 1)
        if kind == ASSERTION:
            self._asks = True
            return self._place(_CONDITION, after, node.number)
        if kind == SEQUENCE:
            for item in node.items if self._backward else reversed(node.items):
                after = self._build(item, after)
            return after
        if kind == ALTERNATIVES:
            place = self._build(node.items[-1], after)
            for item in node.items[:-1]:
                place = self._place(_SPLIT, self._build(item, after), place)
            return place
        if kind == STAR:
            loop = self._place(_SPLIT, after, after)
            self._first[loop] = self._build(node.items[0], loop)
            return loop
        if kind == OPTIONAL:
            return self._place(_SPLIT, self._build(node.items[0], after), after)
        assert kind == GROUP
        return self._build(node.items[0], after)

    def _sort_bytes(self) -> None:
        """Give every byte its class: bytes that are in the same sets behave alike."""
        parts = [ANY]
        cuts = list(dict.fromkeys(self._sets))
        if self._asks:
            cuts += [LINE_END, WORD]
        for cut in cuts:
            # What most bytes are in comes first: it is class 0, which every byte has to begin with.
            parts = [part for old in parts for part in (old & ~cut, old & cut) if part]
        classes = bytearray(256)
        for number, part in enumerate(parts):
            self._samples.append((part & -part).bit_length() - 1)
            while number and part:
                rest = part & (part - 1)
                classes[(part ^ rest).bit_length() - 1] = number
                part = rest
        self._classes = bytes(classes)

    # --- states ------------------------------------------------------------------------------------------------------

    def _state(self, places: tuple[int, ...], before: int, matched: bool) -> State:
        key = (places, before, matched)
        state = self._states.get(key)
        if state is None:
            if len(self._states) >= _STATES_MAX:
                self._forget()
            self._count += 1
            state = State(self._count, places, before, matched)
            state.next = [self._unknown] * len(self._samples)
            self._states[key] = state
        return state

    def _forget(self) -> None:
        """States point at each other; taken apart, nothing is left for the garbage collector."""
        for state in self._states.values():
            state.next = [self._unknown] * len(self._samples)
        self._states.clear()

    def _kind_of(self, byte: int) -> int:
        if not self._asks:
            return _OTHER
        if byte == 10:
            return _LINE_END
        return _WORD if WORD >> byte & 1 else _OTHER

    def _beside(self, text: bytes, at: i64) -> int:
        """The kind of the byte at this position, which may be outside of the text."""
        if at < 0 or at >= len(text):
            return _EDGE if self._asks else _OTHER
        return self._kind_of(text[at])

    def _entered(self, places: tuple[int, ...], before: int, after: int) -> list[int]:
        """All places that can be reached without a byte between one of kind `before` and one of kind `after`."""
        seen: set[int] = set()
        todo = list(places)
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            kind = self._kinds[place]
            if kind == _SPLIT:
                todo.append(self._second[place])
                todo.append(self._first[place])
            elif kind == _CONDITION and self._holds(self._second[place], before, after):
                todo.append(self._first[place])
        return sorted(seen)

    def _holds(self, assertion: int, before: int, after: int) -> bool:
        left, right = (after, before) if self._backward else (before, after)
        if assertion == BEGIN_LINE:
            return left == _EDGE or left == _LINE_END
        if assertion == END_LINE:
            return right == _EDGE or right == _LINE_END
        if assertion == BEGIN_TEXT:
            return left == _EDGE
        if assertion == END_TEXT:
            return right == _EDGE
        word_left, word_right = left == _WORD, right == _WORD
        if assertion == WORD_EDGE:
            return word_left != word_right
        if assertion == NOT_WORD_EDGE:
            return word_left == word_right
        if assertion == BEGIN_WORD:
            return word_right and not word_left
        assert assertion == END_WORD
        return word_left and not word_right

    def _follow(self, state: State, number: i64) -> State:
        """The state behind `state` and a byte of this class."""
        byte = self._samples[number]
        after = self._kind_of(byte)
        entered = self._entered(state.places, state.before, after)
        places: set[int] = {self._begin} if self._anywhere else set()
        matched = False
        for place in entered:
            kind = self._kinds[place]
            if kind == _ACCEPT:
                matched = True
            elif kind == _BYTE and self._sets[self._second[place]] >> byte & 1:
                places.add(self._first[place])
        following = self._state(tuple(sorted(places)), after, matched)
        state.next[number] = following
        return following

    def _ends(self, state: State, after: int) -> bool:
        """True if a match ends here and a byte of this kind follows."""
        known = state.ends[after]
        if known < 0:
            known = 0
            for place in self._entered(state.places, state.before, after):
                if self._kinds[place] == _ACCEPT:
                    known = 1
            state.ends[after] = known
        return known == 1

    # --- reading -----------------------------------------------------------------------------------------------------

    def is_in(self, text: bytes, start: i64) -> bool:
        """True if there is a match anywhere from `start`. Forward, `anywhere`."""
        classes = self._classes
        unknown = self._unknown
        state = self._state((self._begin,), self._beside(text, start - 1), False)
        i = start
        stop: i64 = len(text)
        while i < stop:
            number: i64 = classes[text[i]]
            following = state.next[number]
            if following is unknown:
                following = self._follow(state, number)
            if following.matched:
                return True
            state = following
            i += 1
        return self._ends(state, self._beside(text, stop))

    def longest(self, text: bytes, start: i64, stop: i64, allowed: bytearray | None) -> i64:
        """Where the longest match from `start` ends, at most at `stop`; -1 if there is none. Forward.

        With `allowed` it must end where that is 1, `start` being its index 0.
        """
        classes = self._classes
        unknown = self._unknown
        state = self._state((self._begin,), self._beside(text, start - 1), False)
        last: i64 = -1
        i = start
        while i < stop:
            number: i64 = classes[text[i]]
            following = state.next[number]
            if following is unknown:
                following = self._follow(state, number)
            if following.matched and (allowed is None or allowed[i - start] == 1):
                last = i
            state = following
            if state.is_dead:
                return last
            i += 1
        if self._ends(state, self._beside(text, stop)) and (allowed is None or allowed[stop - start] == 1):
            return stop
        return last

    def longest_of_many(self, text: bytes, start: i64, hopeless: set[int]) -> i64:
        """Where the longest match from `start` ends, as `longest` tells it, for one of many in a text: all together cost what the text is long.

        Behind the end of a match it may be looked far ahead for a longer one, in vain. Where that has led before, and
        in which state, is kept in `hopeless`, for the matches that follow, at some of the positions.
        """
        classes = self._classes
        unknown = self._unknown
        state = self._state((self._begin,), self._beside(text, start - 1), False)
        last: i64 = -1
        i = start
        stop: i64 = len(text)
        tried: list[int] = []
        while i < stop:
            if i & _NOTED == 0:
                place = int(i) * _NUMBERS + state.number
                if place in hopeless:
                    hopeless.update(tried)
                    return last
                tried.append(place)
            number: i64 = classes[text[i]]
            following = state.next[number]
            if following is unknown:
                following = self._follow(state, number)
            if following.matched:
                last = i
                tried.clear()
            state = following
            if state.is_dead:
                hopeless.update(tried)
                return last
            i += 1
        if self._ends(state, self._beside(text, stop)):
            return stop
        hopeless.update(tried)
        return last

    def mark(self, text: bytes, start: i64, stop: i64) -> bytearray:
        """1 for every position from `start` (index 0) from which a match leads to `stop` or, `anywhere`, to somewhere. Backward."""
        marks = bytearray(int(stop - start) + 1)
        classes = self._classes
        unknown = self._unknown
        state = self._state((self._begin,), self._beside(text, stop), False)
        i = stop
        while i > start:
            number: i64 = classes[text[i - 1]]
            following = state.next[number]
            if following is unknown:
                following = self._follow(state, number)
            if following.matched:
                marks[i - start] = 1
            state = following
            if state.is_dead:
                return marks
            i -= 1
        if self._ends(state, self._beside(text, start - 1)):
            marks[0] = 1
        return marks
