"""Programs for the kernel's packet filter in its classic form, as <linux/filter.h> names their parts.

A is the accumulator, X the index register, M the memory of 16 cells; all have 32 bits. Bytes of the packet are read in network
order. A program that reads behind the packet's end returns 0. Jumps only lead forward.
"""

from __future__ import annotations

import struct
from typing import Final

# A = the packet's length, a word or byte at k, a word, half a word or byte at X + k, a constant, a cell, X.
A_LENGTH: Final = 0x80
A_WORD: Final = 0x20
A_BYTE: Final = 0x30
A_WORD_AT_X: Final = 0x40
A_HALF_AT_X: Final = 0x48
A_BYTE_AT_X: Final = 0x50
A_CONSTANT: Final = 0x00
A_CELL: Final = 0x60
A_FROM_X: Final = 0x87
# X = a constant, a cell, A. A cell = A, X.
X_CONSTANT: Final = 0x01
X_CELL: Final = 0x61
X_FROM_A: Final = 0x07
CELL_FROM_A: Final = 0x02
CELL_FROM_X: Final = 0x03
# A = A and the constant, or X.
ADD: Final = 0x04
SUBTRACT: Final = 0x14
SUBTRACT_X: Final = 0x1C
MULTIPLY: Final = 0x24
MODULO: Final = 0x94
OR: Final = 0x44
XOR: Final = 0xA4
XOR_X: Final = 0xAC
AND_X: Final = 0x5C
SHIFT_RIGHT: Final = 0x74
# Conditions on A and the constant.
IF_EQUAL: Final = 0x15
IF_GREATER: Final = 0x25
IF_NOT_LESS: Final = 0x35
IF_ANY_BIT: Final = 0x45

_JUMP: Final = 0x05
_RETURN: Final = 0x06
_RETURN_A: Final = 0x16

_LENGTH_MAX: Final = 4096
_BRANCH_MAX: Final = 255
_NEXT: Final = ""


class Filter:
    """Instructions in order, with labels for the places that jumps lead to."""

    def __init__(self) -> None:
        self._instructions: Final[list[tuple[int, int, str, str]]] = []
        self._labels: Final[dict[str, int]] = {}

    def put(self, operation: int, constant: int = 0) -> None:
        """A load, a store or arithmetic."""
        self._instructions.append((operation, constant, _NEXT, _NEXT))

    def branch(self, condition: int, constant: int, yes: str = _NEXT, no: str = _NEXT) -> None:
        """Go to label `yes` or `no`, at most 255 instructions ahead; the default is the next instruction."""
        self._instructions.append((condition, constant, yes, no))

    def jump(self, to: str) -> None:
        """Go to a label however far ahead."""
        self._instructions.append((_JUMP, 0, to, _NEXT))

    def give(self, constant: int) -> None:
        """End with this result."""
        self.put(_RETURN, constant)

    def give_a(self) -> None:
        """End with A as the result."""
        self.put(_RETURN_A)

    def label(self, name: str) -> None:
        """Name the next instruction."""
        assert name not in self._labels
        self._labels[name] = len(self._instructions)

    def length(self) -> int:
        """How many instructions there are so far."""
        return len(self._instructions)

    def assemble(self) -> bytes:
        """An array of struct sock_filter."""
        assert len(self._instructions) <= _LENGTH_MAX
        return b"".join(self._word(i) for i in range(len(self._instructions)))

    def _word(self, i: int) -> bytes:
        operation, constant, yes, no = self._instructions[i]
        if operation == _JUMP:
            return struct.pack("=HBBI", operation, 0, 0, self._distance(i, yes))
        near, far = self._distance(i, yes), self._distance(i, no)
        assert near <= _BRANCH_MAX and far <= _BRANCH_MAX
        return struct.pack("=HBBI", operation, near, far, constant)

    def _distance(self, i: int, to: str) -> int:
        distance = self._labels[to] - i - 1 if to else 0
        assert distance >= 0
        return distance
