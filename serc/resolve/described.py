"""What stands in ser.cfg, in words."""

from __future__ import annotations

from serc.reading import tree


def described(value: object) -> str:
    """A value or an argument as messages name it: "a string", "the number 5"."""
    if isinstance(value, tree.String):
        return "a string"
    if isinstance(value, tree.Number):
        return f"the number {value.text}"
    if isinstance(value, tree.IpAddress):
        return "an IP address"
    if isinstance(value, tree.IpNet):
        return "an address"
    if isinstance(value, tree.SocketId):
        return "an address with a protocol or port"
    name = getattr(value, "name", "")
    return f"the host {name}" if isinstance(value, tree.Host) and "." in name else f"the word {name}"
