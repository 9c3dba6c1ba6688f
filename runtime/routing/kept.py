"""What lives on when the program is exchanged: what modules have made for the process, or for the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, final

T = TypeVar("T")


@final
class Kept:
    """Things by name. A module makes its own in `bind` or `start_worker`, and finds it again there when a new program is bound."""

    def __init__(self) -> None:
        self._things: dict[str, object] = {}

    def keep(self, name: str, kind: type[T], make: Callable[[], T]) -> T:
        """The thing of this name; made now if there is none yet. What `make` raises is raised."""
        found = self._things.get(name)
        if found is None:
            found = make()
            self._things[name] = found
        assert isinstance(found, kind), name
        return found

    def replace(self, name: str, thing: object) -> None:
        """Keep this from now on."""
        self._things[name] = thing

    def all(self) -> list[object]:
        """The things."""
        return list(self._things.values())

    def snapshot(self) -> dict[str, object]:
        """What `restore` takes."""
        return dict(self._things)

    def restore(self, before: dict[str, object]) -> None:
        """Let go of what has been made since."""
        self._things = before
