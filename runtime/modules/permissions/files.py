"""Which rule files a route names, and where they are kept."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.permissions.rules import Rules, parse_rules
from runtime.routing.context import L_ERR, L_INFO, L_WARN
from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.prepared import Prepared
from runtime.routing.world import World

EMPTY: Final = Rules([], [])


class RuleKeeper(Module):
    """Reads every rule file once. `suffixes` are those of a basename's allow and deny file."""

    def __init__(self, suffixes: tuple[str, str]) -> None:
        super().__init__("permissions")
        self.suffixes: Final = suffixes
        self._read: Final[dict[str, Rules]] = {}

    def rules_of(self, world: World, name: str) -> Rules:
        """The rules of a file. None for one that cannot be read; the log has that, and each line that is no rule."""
        path = world.path(name)
        rules = self._read.get(path)
        if rules is None:
            rules = _read_rules(world, path)
            self._read[path] = rules
        return rules


def _read_rules(world: World, path: str) -> Rules:
    try:
        with open(path, encoding="latin-1") as file:
            rules = parse_rules(file.read())
    except OSError as unreadable:
        world.log.write(L_WARN, f"WARNING: permissions: {path}: {unreadable.strerror}: no rules")
        return EMPTY
    for mistake in rules.mistakes:
        world.log.write(L_ERR, f"ERROR: permissions: {path}: {mistake}: this line is no rule")
    world.log.write(L_INFO, f"permissions: {path} read")
    return rules


@final
class RuleFile(Prepared):
    """A rule file that a route names, read when the server starts."""

    def __init__(self, name: bytes) -> None:
        self.name: Final = name
        self.rules = EMPTY

    def prepare(self, world: World) -> None:
        self.rules = _keeper(world).rules_of(world, self.name.decode("latin-1"))


@final
class RuleBase(Prepared):
    """A basename, to which the suffixes of the allow and the deny file are added."""

    def __init__(self, name: bytes) -> None:
        self.name: Final = name
        self.allow = EMPTY
        self.deny = EMPTY

    def prepare(self, world: World) -> None:
        keeper = _keeper(world)
        base = self.name.decode("latin-1")
        self.allow = keeper.rules_of(world, base + keeper.suffixes[0])
        self.deny = keeper.rules_of(world, base + keeper.suffixes[1])


_PERMISSIONS: Final = Port("permissions", RuleKeeper)


def _keeper(world: World) -> RuleKeeper:
    return _PERMISSIONS.of(world)
