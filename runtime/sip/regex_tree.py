"""The tree of a regular expression. Sets of bytes are numbers with the bits of their members."""

from __future__ import annotations

from typing import Final, final

ANY: Final = (1 << 256) - 1
LINE_END: Final = 1 << 10
# Letters, digits and the underscore: what a word is made of for GNU's \b, \< and \w.
WORD: Final = (1 << 58) - (1 << 48) | (1 << 91) - (1 << 65) | (1 << 123) - (1 << 97) | 1 << 95

# Kinds of nodes.
SEQUENCE: Final = 0
ALTERNATIVES: Final = 1
SYMBOL: Final = 2
# Any number of times, none included.
STAR: Final = 3
OPTIONAL: Final = 4
GROUP: Final = 5
ASSERTION: Final = 6
BACK_REFERENCE: Final = 7

# The number of a STAR or OPTIONAL before which the same item has had its turn: it takes none that matches nothing.
FURTHER: Final = 1

# Assertions.
BEGIN_LINE: Final = 0
END_LINE: Final = 1
BEGIN_TEXT: Final = 2
END_TEXT: Final = 3
WORD_EDGE: Final = 4
NOT_WORD_EDGE: Final = 5
BEGIN_WORD: Final = 6
END_WORD: Final = 7


@final
class Node:
    """`items` are the parts of a sequence, the alternatives, or the one thing that is repeated or in a group; `number` is that of
    a group, of an assertion, or the set of a symbol. `size` counts the symbols below, `depth` the nodes on the longest way down.
    """

    def __init__(self, kind: int, items: list[Node], number: int) -> None:
        self.kind: Final = kind
        self.items: Final = items
        self.number: Final = number
        size, depth, has_groups = 1, 0, kind == GROUP
        for item in items:
            size += item.size
            depth = max(depth, item.depth)
            has_groups = has_groups or item.has_groups
        self.size: Final[int] = size
        self.depth: Final[int] = depth + 1
        self.has_groups: Final[bool] = has_groups


def symbol(members: int) -> Node:
    """One byte of this set."""
    return Node(SYMBOL, [], members)


def assertion(which: int) -> Node:
    return Node(ASSERTION, [], which)


def back_reference(number: int) -> Node:
    return Node(BACK_REFERENCE, [], number)


def group(number: int, inner: Node) -> Node:
    return Node(GROUP, [inner], number)


def sequence(items: list[Node]) -> Node:
    return items[0] if len(items) == 1 else Node(SEQUENCE, items, 0)


def alternatives(branches: list[Node]) -> Node:
    return branches[0] if len(branches) == 1 else Node(ALTERNATIVES, branches, 0)


def repeated(item: Node, low: int, high: int) -> Node:
    """`item` from `low` to `high` times, -1 for no limit: bounds are written out."""
    items = [item] * low
    if high < 0:
        items.append(Node(STAR, [item], FURTHER if low else 0))
    else:
        further = Node(OPTIONAL, [item], FURTHER)
        for turn in range(low, high):
            items.append(further if turn else Node(OPTIONAL, [item], 0))
    return sequence(items)
