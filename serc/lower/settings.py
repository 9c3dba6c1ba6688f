"""Global parameters. Reference core, chapter 4."""

from __future__ import annotations

from typing import Final

from runtime.spec.environment import names_in
from runtime.spec.globals import BY_NAME, Global, GlobalType
from serc import ir
from serc.lower.words import host_text
from serc.reading import tree

_STICKY: Final = frozenset(("dns", "rev_dns"))  # each assignment ORs a bit in: "no" cannot take it back


def lower_settings(file: tree.File) -> tuple[tuple[str, ir.Setting], ...]:
    """What ser.cfg assigns, each name once with its last value, in the order of first assignment."""
    settings: dict[str, ir.Setting] = {}
    port = 0
    for item in file.items:
        if not isinstance(item, tree.Assignment):
            continue
        entry = BY_NAME[item.name.name]
        name = entry.field
        if not name:
            continue  # taken for compatibility, without effect
        if name in ("listen", "alias"):
            earlier = settings.get(name, ())
            assert isinstance(earlier, tuple)
            # A listen without port takes the `port` that has been assigned above it, else the final one.
            default = port if name == "listen" else 0
            settings[name] = earlier + tuple(endpoint(v, default) for v in item.values)
            continue
        value = _value(entry, item.values[0])
        if name in _STICKY:
            value = bool(value) or bool(settings.get(name, False))
        if name == "port":
            assert isinstance(value, int)
            port = value
        settings[name] = value
    return tuple(settings.items())


def endpoint(value: object, default_port: int) -> ir.Endpoint:
    """`[proto:]host[:port]`; `*` as proto or port means any."""
    if not isinstance(value, tree.SocketId):
        return ir.Endpoint("", host_text(value), default_port)
    proto = "" if value.proto is None or value.proto.name == "*" else value.proto.name.lower()
    if value.port is None:
        port = default_port
    else:
        port = value.port.value if isinstance(value.port, tree.Number) else 0
    return ir.Endpoint(proto, _text(value.host), port)


def _value(entry: Global, value: object) -> ir.Setting:
    if isinstance(value, tree.Number):
        if entry.type is GlobalType.BOOLEAN:
            return value.value != 0
        return ir.Octal(value.value) if entry.name == "sock_mode" else value.value
    if entry.type is GlobalType.ADDRESS and isinstance(value, tree.IpAddress) and value.version == 6:
        return f"[{value.text}]"  # it stands in Via as it is
    return _text(value)


def _text(value: object) -> str | ir.FromEnvironment:
    text = host_text(value)
    return ir.FromEnvironment(text) if isinstance(value, tree.String) and names_in(text) else text
