"""How modules use each other: by a typed object that a module offers."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from runtime.routing.module import ModuleError
from runtime.routing.world import World

T = TypeVar("T")


class Port(Generic[T]):
    """What the module `name` offers, an object of class `kind` (`Module.api`). Written once, beside that class."""

    def __init__(self, name: str, kind: type[T]) -> None:
        self.name: Final = name
        self._kind: Final = kind

    def of(self, world: World) -> T:
        """The object of the module that is loaded; for `bind` and later. Raises ModuleError where it is not loaded."""
        found = self.find(world)
        if found is None:
            raise ModuleError(f"the module {self.name} is needed and not loaded: load {self.name}.so")
        return found

    def find(self, world: World) -> T | None:
        """The same; None where the module is not loaded."""
        found = world.offers.get(self.name)
        return found if isinstance(found, self._kind) else None
