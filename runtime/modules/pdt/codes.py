"""Codes of domains, as every process knows them. Reference modules-more, A.2.6."""

from __future__ import annotations

import marshal
from typing import Final, final

from runtime.routing.published import Published


@final
class Codes:
    """Domains by their codes; `published` has those that were there when the last one was added.

    No code has the digit `terminator` in it: it ends codes in numbers.
    """

    def __init__(self, domains: dict[int, bytes], terminator: int, first: int, published: Published) -> None:
        self._domains = domains
        self._terminator: Final = b"%d" % terminator
        self._first: Final = first
        self._published: Final = published
        self._number = published.number()

    def domain_of(self, code: int) -> bytes | None:
        self._look()
        return self._domains.get(code)

    def code_of(self, domain: bytes) -> int:
        """-1 for a domain that has none."""
        self._look()
        wanted = domain.lower()
        for code, name in self._domains.items():
            if name.lower() == wanted:
                return code
        return -1

    def new_code(self) -> int:
        """The next code that is free."""
        self._look()
        code = max(max(self._domains, default=0) + 1, self._first)
        while self._terminator in b"%d" % code:
            code += 1
        return code

    def add(self, code: int, domain: bytes) -> bool:
        """Let every process know a code; False if it does not fit into the memory."""
        self._look()
        return self._published.publish(marshal.dumps({**self._domains, code: domain}))

    def _look(self) -> None:
        if self._published.number() != self._number:
            self._number, text = self._published.read()
            domains: dict[int, bytes] = marshal.loads(text)
            self._domains = domains
