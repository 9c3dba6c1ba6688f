"""One set of parameters out of ser.cfg and the command line. Reference core, 1.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from runtime.routing.config import Config
from runtime.server.host.errors import StartError
from runtime.server.start.options import Options

_DEFAULT: Final = Config()

# Parameters whose option only counts where ser.cfg says nothing. A value in ser.cfg that is SER's default counts as nothing
# said: nobody gives an option to get what he has already.
_CONFIG_WINS: Final = (
    "maxbuffer",
    "check_via",
    "log_stderror",
    "disable_tcp",
    "workdir",
    "chroot",
    "user",
    "group",
    "fifo",
    "unix_sock",
)

CHILDREN: Final = 8
# SER has room for so many and does not check.
TCP_CHILDREN_MAX: Final = 100


def effective(config: Config, options: Options) -> Config:
    """`config` with the options where ser.cfg leaves room for them; as in SER, ser.cfg wins.

    Listen addresses add up, the command line's first; `dns` and `rev_dns` are on if either says so; `children` and
    `tcp_children` are numbers from 1 up; -c logs to standard error whatever ser.cfg says.
    """
    changes: dict[str, Any] = {
        "listen": tuple(options.listen) + config.listen,
        "dns": config.dns or options.dns,
        "rev_dns": config.rev_dns or options.rev_dns,
        "children": _children(config, options),
        "tcp_children": _tcp_children(config, options),
    }
    for name in _CONFIG_WINS:
        given = getattr(options, name)
        if given and getattr(config, name) == getattr(_DEFAULT, name):
            changes[name] = given
    if options.debug and config.debug == _DEFAULT.debug:
        changes["debug"] = _DEFAULT.debug + options.debug
    if options.check:
        changes["log_stderror"] = True
    return replace(config, **changes)


def _children(config: Config, options: Options) -> int:
    wanted = config.children if config.children is not None else options.children
    return wanted if wanted is not None and wanted > 0 else CHILDREN


def _tcp_children(config: Config, options: Options) -> int:
    """As many as UDP processes where nobody says otherwise. Raises StartError."""
    wanted = config.tcp_children if config.tcp_children is not None else options.tcp_children
    if wanted is None or wanted <= 0:
        return min(_children(config, options), TCP_CHILDREN_MAX)
    if wanted > TCP_CHILDREN_MAX:
        raise StartError(
            f"tcp_children: {wanted} TCP processes are too many: up to {TCP_CHILDREN_MAX} can be had (-N, tcp_children=)"
        )
    return wanted
