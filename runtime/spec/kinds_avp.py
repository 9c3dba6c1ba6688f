"""Names of AVPs, as functions and parameters of several modules write them. Reference modules-main, chapters 1 and 15.

An integer name becomes an int, a string name bytes, an alias a Constant that the module resolves when it starts.
"""

from __future__ import annotations

from typing import Final

from runtime.routing.prepared import Alias, AvpReference
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.kinds import parse_integer, wire
from runtime.spec.values import BadArgument, Constant

_HINT: Final = "write i:NUMBER, s:NAME, NAME or $ALIAS"


def parse_avp_name(text: str) -> int | bytes | Constant[Alias]:
    """`i:10` is 10, `s:name` and `name` are b"name", `$alias` an Alias; raises BadArgument for anything else.

    The letter before the colon may be a capital one.
    """
    letter, colon, rest = text[:1].lower(), text[1:2] == ":", text[2:]
    if colon and letter == "i":
        return _integer_name(rest)
    if colon and letter != "s":
        raise BadArgument(f'"{text[:2]}" is no type of names', _HINT)
    if text.startswith("$"):
        if len(text) == 1:
            raise BadArgument("$ stands before the name of an alias", _HINT)
        return Constant(Alias, (wire(text[1:]),), "ALIAS", True, text[1:])
    name = rest if colon else text
    if not name:
        raise BadArgument("the name of the AVP is missing", _HINT)
    return wire(name)


def _integer_name(text: str) -> int:
    try:
        value = parse_integer(text, 1)
    except BadArgument:
        raise BadArgument(
            f'i: announces a number, "{text}" is none' if not text.lstrip("-").isdigit() else f"i:{text} is no AVP",
            "integer names are 1 and above; for a string name write s:NAME",
        ) from None
    return value


def avp_name_mistake(text: str) -> str:
    """For parameters that hold the name of an AVP: what is wrong with it, "" when nothing is or when it is empty."""
    if not text:
        return ""
    try:
        parse_avp_name(text)
    except BadArgument as e:
        return f"{e}: {e.hint}"
    return ""


def aliases_mistake(text: str) -> str:
    """What is wrong with a value of avp_aliases; "" if nothing is."""
    seen: set[str] = set()
    for definition in text.split(";"):
        alias, equals, name = (part.strip() for part in definition.partition("="))
        if not alias or not equals or not name:
            return f'"{definition.strip()}" is not alias=name'
        if name.startswith("$"):
            return f"an alias of the alias {name} cannot be"
        wrong = avp_name_mistake(name)
        if wrong:
            return wrong
        if alias in seen:
            return f"two definitions of the alias {alias}"
        seen.add(alias)
    return ""


def avp_definitions(text: str) -> list[tuple[bytes, int | bytes]]:
    """The aliases that a value of avp_aliases, `alias=name;…`, defines; its form has been checked."""
    found: list[tuple[bytes, int | bytes]] = []
    for definition in text.split(";"):
        alias, _, name = (part.strip() for part in definition.partition("="))
        value = parse_avp_name(name)
        assert not isinstance(value, Constant), "an alias of an alias"
        found.append((wire(alias), value))
    return found


AVP: Final = ArgumentKind[AvpReference]("AVP", "the name of an AVP", parse_avp_name)


def _attribute(text: str) -> bytes:
    if not text:
        raise BadArgument("the name of the attribute is missing")
    return wire(text)


# Of the module avp, which knows string names alone.
ATTRIBUTE: Final = ArgumentKind[bytes]("attribute", "the name of an attribute", _attribute)


def avp(name: str = "avp") -> Arg[AvpReference]:
    return Arg(name, AVP)


def attribute(name: str = "name") -> Arg[bytes]:
    return Arg(name, ATTRIBUTE)
