"""Constants of routes.py that are ready only when the modules have started."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from runtime.routing.avps import AvpName
from runtime.routing.world import World


class CannotPrepare(Exception):
    """What a route needs is not there: `str()` is one sentence for the administrator."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Prepared:
    """A constant that looks something up when the server starts, so that a mistake shows then and not with a message."""

    def prepare(self, world: World) -> None:
        """Called once in the master, after every module's `bind`. Raises CannotPrepare."""


def alias_target(world: World, alias: bytes) -> AvpName:
    """The AVP that an alias stands for; raises CannotPrepare where no avp_aliases defines it."""
    found = world.avp_aliases.get(alias)
    if found is None:
        name = alias.decode("latin-1")
        raise CannotPrepare(
            f"no avp_aliases defines ${name}, which ser.cfg uses: "
            f'write modparam("avpops", "avp_aliases", "{name}=i:NUMBER")'
        )
    return found


def named_avp(world: World, text: str) -> AvpName:
    """The AVP that a parameter names: i:NUMBER, s:NAME, NAME or $ALIAS. Raises CannotPrepare for an unknown alias."""
    if text.startswith("i:"):
        return int(text[2:])
    if text.startswith("$"):
        return alias_target(world, text[1:].encode("latin-1"))
    return text.removeprefix("s:").encode("latin-1")


@final
class Alias(Prepared):
    """An AVP that is named by an alias."""

    def __init__(self, name: bytes) -> None:
        self.name: Final = name
        self.target: AvpName = b""

    def prepare(self, world: World) -> None:
        self.target = alias_target(world, self.name)


# How arguments of script functions name an AVP.
AvpReference = int | bytes | Alias


def avp_name(reference: AvpReference) -> AvpName:
    """The name that an argument stands for."""
    return reference.target if isinstance(reference, Alias) else reference
