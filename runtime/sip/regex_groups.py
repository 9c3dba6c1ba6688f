"""Which part of a match each group of a regular expression has: from left to right every part is as long as it can be. POSIX 9.1."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.regex_automaton import Automaton
from runtime.sip.regex_tree import (
    ALTERNATIVES,
    ASSERTION,
    FURTHER,
    GROUP,
    OPTIONAL,
    SEQUENCE,
    STAR,
    SYMBOL,
    Node,
    sequence,
)


@final
class Divider:
    """Divides matches of one expression. Its machines for the parts are made when they are first needed."""

    def __init__(self, node: Node, groups: int) -> None:
        self._node: Final = node
        self._groups: Final = groups
        self._forward: Final[dict[Node, Automaton]] = {}
        self._backward: Final[dict[Node, Automaton]] = {}
        # What follows an item of a sequence, as a sequence.
        self._rests: Final[dict[tuple[Node, int], Node]] = {}

    def divide(self, text: bytes, start: i64, stop: i64) -> list[tuple[int, int]]:
        """Start and end of group 1, 2 … in the match `text[start:stop]`; -1 for one that takes no part."""
        spans = [(-1, -1)] * self._groups
        self._assign(self._node, text, start, stop, spans)
        return spans

    def _ahead(self, node: Node) -> Automaton:
        machine = self._forward.get(node)
        if machine is None:
            machine = Automaton(node, False, False)
            self._forward[node] = machine
        return machine

    def _back(self, node: Node) -> Automaton:
        machine = self._backward.get(node)
        if machine is None:
            machine = Automaton(node, True, False)
            self._backward[node] = machine
        return machine

    def _rest(self, node: Node, at: int) -> Node:
        rest = self._rests.get((node, at))
        if rest is None:
            rest = sequence(node.items[at:])
            self._rests[node, at] = rest
        return rest

    def _assign(self, node: Node, text: bytes, start: i64, stop: i64, spans: list[tuple[int, int]]) -> None:
        if not node.has_groups:
            return
        kind = node.kind
        if kind == GROUP:
            spans[node.number - 1] = (int(start), int(stop))
            self._assign(node.items[0], text, start, stop, spans)
        elif kind == SEQUENCE:
            self._assign_sequence(node, text, start, stop, spans)
        elif kind == ALTERNATIVES:
            for item in node.items:
                if self._is(item, text, start, stop):
                    self._assign(item, text, start, stop, spans)
                    return
        elif kind == OPTIONAL:
            if (start < stop or node.number != FURTHER) and self._is(node.items[0], text, start, stop):
                self._assign(node.items[0], text, start, stop, spans)
        else:
            assert kind == STAR
            self._assign_star(node, text, start, stop, spans)

    def _is(self, node: Node, text: bytes, start: i64, stop: i64) -> bool:
        """True if `node` matches exactly this."""
        return self._ahead(node).longest(text, start, stop, None) == stop

    def _assign_sequence(self, node: Node, text: bytes, start: i64, stop: i64, spans: list[tuple[int, int]]) -> None:
        last = len(node.items) - 1
        at = 0
        for item in node.items:
            if at == last:
                self._assign(item, text, start, stop, spans)
                return
            at += 1
            if item.kind == SYMBOL:
                start += 1
            elif item.kind != ASSERTION:
                rest = self._rest(node, at)
                if not item.has_groups and not rest.has_groups:
                    return
                allowed = self._back(rest).mark(text, start, stop)
                end = self._ahead(item).longest(text, start, stop, allowed)
                assert end >= 0, "the whole sequence has matched"
                self._assign(item, text, start, end, spans)
                start = end

    def _assign_star(self, node: Node, text: bytes, start: i64, stop: i64, spans: list[tuple[int, int]]) -> None:
        """The group of a repetition has its last turn."""
        item = node.items[0]
        if start == stop:
            if node.number != FURTHER and self._is(item, text, start, stop):
                self._assign(item, text, start, stop, spans)
            return
        first = start
        allowed = self._back(node).mark(text, first, stop)
        ahead = self._ahead(item)
        while start < stop:
            end = ahead.longest(text, start, stop, allowed[start - first :] if start > first else allowed)
            assert end > start, "something is left, so a turn takes some of it"
            self._assign(item, text, start, end, spans)
            start = end
