"""Modules of other people, as far as that can be told without importing anything of theirs."""

from __future__ import annotations

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from typing import Final

GROUP: Final = "ser.modules"


def installed_modules() -> list[EntryPoint]:
    """What the packages that are installed beside this one name in the group."""
    return list(entry_points(group=GROUP))


def folders() -> list[str]:
    """Where these packages lie."""
    packages = {point.module.partition(".")[0] for point in installed_modules()}
    specs = [importlib.util.find_spec(package) for package in sorted(packages)]
    return [place for spec in specs if spec is not None for place in spec.submodule_search_locations or ()]
