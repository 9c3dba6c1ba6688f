"""Attribute-value pairs: what modules remember of a message, and of its transaction. Reference modules-main, chapter 15."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

# The number of an integer name (1 and above), or the bytes of a string name (not empty). SER keeps the two apart: the AVPs
# i:42 and s:42 have nothing to do with each other.
AvpName = int | bytes
AvpValue = int | bytes


def text_of(value: AvpValue) -> bytes:
    """A value as it is written into a message."""
    return b"%d" % value if isinstance(value, int) else value


@final
class Avp:
    """One pair. `number` is 0 where the name is a string, `text` b"" where it is an integer. `stored`: a database has it."""

    def __init__(self, number: i64, text: bytes, value: AvpValue, stored: bool) -> None:
        self.number: Final = number
        self.text: Final = text
        self.value: Final = value
        self.stored = stored

    def name(self) -> AvpName:
        return self.text if self.number == 0 else self.number

    def is_named(self, number: i64, text: bytes) -> bool:
        return self.number == number and (number != 0 or self.text == text)


# Most messages have none. Nobody puts anything into it.
_NO_PAIRS: Final[list[Avp]] = []


@final
@mypyc_attr(acyclic=True)
class Avps:
    """The pairs of one message, or of the transaction that it began. A name may occur several times; newest first."""

    def __init__(self) -> None:
        self._pairs: list[Avp] = _NO_PAIRS

    def add(self, name: AvpName, value: AvpValue, stored: bool = False) -> None:
        """Put a pair before the others; those of the same name stay."""
        if len(self._pairs) == 0:
            self._pairs = []
        self._pairs.append(Avp(_number_of(name), _text_of(name), value, stored))

    def first(self, name: AvpName) -> AvpValue | None:
        """The newest value of this name, None if there is none."""
        pair = self.find(name)
        return None if pair is None else pair.value

    def find(self, name: AvpName) -> Avp | None:
        """The newest pair of this name."""
        number = _number_of(name)
        text = _text_of(name)
        i: i64 = len(self._pairs) - 1
        while i >= 0:
            pair = self._pairs[i]
            if pair.is_named(number, text):
                return pair
            i -= 1
        return None

    def all(self, name: AvpName) -> list[AvpValue]:
        """The values of this name, newest first."""
        number = _number_of(name)
        text = _text_of(name)
        return [pair.value for pair in self.pairs() if pair.is_named(number, text)]

    def pairs(self) -> list[Avp]:
        """All pairs, newest first. The list is the caller's."""
        return self._pairs[::-1]

    def delete(self, name: AvpName) -> int:
        """Remove all pairs of this name; how many there were."""
        number = _number_of(name)
        text = _text_of(name)
        kept = [pair for pair in self._pairs if not pair.is_named(number, text)]
        gone = len(self._pairs) - len(kept)
        self._pairs = kept
        return gone

    def remove(self, pair: Avp) -> None:
        """Remove this one pair, which must be here."""
        self._pairs.remove(pair)

    def __len__(self) -> int:
        return len(self._pairs)


def _number_of(name: AvpName) -> i64:
    return name if isinstance(name, int) else 0


def _text_of(name: AvpName) -> bytes:
    return name if isinstance(name, bytes) else b""
