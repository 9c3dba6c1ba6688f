"""The core's actions. Reference core, 5.5; what they become is in docs/architecture.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.spec.kinds_sip import destination_constant, socket_constant
from serc import ir
from serc.reading import tree
from serc.lower.settings import endpoint
from serc.lower.words import host_text, number, wire

_SAME: Final = ir.Symbol("core", "SAME")
_UDP: Final = ir.Symbol("core", "UDP")
_TCP: Final = ir.Symbol("core", "TCP")
_TLS: Final = ir.Symbol("core", "TLS")
_DEFAULT_LOG_LEVEL: Final = 4


def lower_action(call: tree.Call) -> ir.Call | None:
    """The core action that `call` names; None when it is not one of the core."""
    lowered = _ACTIONS.get(call.name.name)
    return lowered(call.arguments) if lowered is not None else None


_Arguments = tuple[tree.Argument, ...]
_Lower = Callable[[_Arguments], ir.Call]


def _core(name: str, *arguments: ir.Argument) -> ir.Call:
    return ir.Call("core", name, arguments)


def _forward(proto: ir.Symbol) -> _Lower:
    def lowered(arguments: _Arguments) -> ir.Call:
        if isinstance(arguments[0], tree.Word):  # uri:host
            return _core("forward_uri", proto, *[_port(a) for a in arguments[1:]])
        return _core("forward", _destination(arguments), proto)

    return lowered


def _port(word: tree.Argument) -> ir.Argument:
    return ir.Symbol("core", "URI_PORT") if isinstance(word, tree.Word) else number(word)


def _send(proto: ir.Symbol) -> _Lower:
    return lambda arguments: _core("send", _destination(arguments), proto)


def _destination(arguments: _Arguments) -> ir.Argument:
    port = number(arguments[1]) if len(arguments) > 1 else 0
    return destination_constant(wire(arguments[0]), port)


def _log(arguments: _Arguments) -> ir.Call:
    level = number(arguments[0]) if len(arguments) > 1 else _DEFAULT_LOG_LEVEL
    return _core("log", level, wire(arguments[-1]))


def _append_branch(arguments: _Arguments) -> ir.Call:
    if not arguments:
        return _core("append_branch")
    q = q_value(host_text(arguments[1])) if len(arguments) > 1 else -1
    return _core("append_branch_uri", wire(arguments[0]), q)


def q_value(text: str) -> int:
    """0 to 1000 of "0", "1", "0.25", ".5"; digits after the third are cut off (reference modules-main, chapter 0)."""
    whole, _, fraction = text.strip().partition(".")
    return min(1000, int(whole or "0") * 1000 + int((fraction + "000")[:3]))


def _force_tcp_alias(arguments: _Arguments) -> ir.Call:
    return _core("force_tcp_alias", number(arguments[0]) if arguments else 0)


def _force_send_socket(arguments: _Arguments) -> ir.Call:
    socket = endpoint(arguments[0], 0)
    return _core("force_send_socket", socket_constant(socket.proto, socket.host, socket.port))


def _advertised_address(arguments: _Arguments) -> ir.Call:
    # It stands in Via as it is, where IPv6 needs brackets.
    (host,) = arguments
    text = f"[{host.text}]" if isinstance(host, tree.IpAddress) and host.version == 6 else host_text(host)
    return _core("set_advertised_address", text.encode("latin-1"))


def _bare(name: str) -> _Lower:
    return lambda arguments: _core(name)


def _bytes(name: str) -> _Lower:
    return lambda arguments: _core(name, *[wire(a) for a in arguments])


def _numbers(name: str) -> _Lower:
    return lambda arguments: _core(name, *[number(a) for a in arguments])


_ACTIONS: Final[dict[str, _Lower]] = {
    "forward": _forward(_SAME),
    "forward_udp": _forward(_UDP),
    "forward_tcp": _forward(_TCP),
    "forward_tls": _forward(_TLS),
    "send": _send(_UDP),
    "send_tcp": _send(_TCP),
    "log": _log,
    "setflag": _numbers("setflag"),
    "resetflag": _numbers("resetflag"),
    "isflagset": _numbers("isflagset"),
    "error": _bytes("error"),
    "exec": _bytes("exec"),
    "prefix": _bytes("prefix"),
    "strip": _numbers("strip"),
    "strip_tail": _numbers("strip_tail"),
    "revert_uri": _bare("revert_uri"),
    "append_branch": _append_branch,
    "force_rport": _bare("force_rport"),
    "add_rport": _bare("force_rport"),
    "force_tcp_alias": _force_tcp_alias,
    "add_tcp_alias": _force_tcp_alias,
    "set_advertised_address": _advertised_address,
    "set_advertised_port": _numbers("set_advertised_port"),
    "force_send_socket": _force_send_socket,
}
for _function, _spellings in {
    "set_host": ("rewritehost", "sethost", "seth"),
    "set_hostport": ("rewritehostport", "sethostport", "sethp"),
    "set_port": ("rewriteport", "setport", "setp"),
    "set_user": ("rewriteuser", "setuser", "setu"),
    "set_userpass": ("rewriteuserpass", "setuserpass", "setup"),
    "set_uri": ("rewriteuri", "seturi"),
}.items():
    for _spelling in _spellings:
        _ACTIONS[_spelling] = _bytes(_function)
