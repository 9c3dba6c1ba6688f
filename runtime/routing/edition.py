"""A program in force, and what keeps another from taking its place."""

from __future__ import annotations

from dataclasses import fields
from typing import Final, final

from runtime.routing.config import Config, Listen
from runtime.routing.module import Module
from runtime.routing.program import Program

# Global parameters that are looked at for each message. All others shape processes and sockets, or names that others know.
CHANGEABLE: Final = frozenset(
    (
        "debug",
        "dns",
        "rev_dns",
        "check_via",
        "sip_warning",
        "server_signature",
        "reply_to_via",
        "mhomed",
        "tcp_accept_aliases",
        "advertised_address",
        "advertised_port",
    )
)


@final
class Edition:
    """A program, and the hooks of its modules. A message is handled by one edition from its beginning to its end.

    `config` is the program's with the command line applied.
    """

    def __init__(self, program: Program, config: Config) -> None:
        self.program: Final = program
        self.config: Final = config
        # Another one takes its place while somebody watches calls (tracing.py).
        self.request = program.request
        self.filters: Final[list[Module]] = [m for m in program.modules if m.filters_requests]
        self.reply_hooks: Final[list[Module]] = [m for m in reversed(program.modules) if m.handles_replies]
        self.enders: Final[list[Module]] = [m for m in program.modules if m.ends_requests]
        self.stateful: Final[list[Module]] = [m for m in program.modules if m.keeps_state]


def obstacles(old: Edition, new: Edition) -> list[str]:
    """Why `new` cannot take the place of `old` while the server runs: one sentence for each thing that it would change."""
    found: list[str] = []
    for field in fields(Config):
        before, after = getattr(old.config, field.name), getattr(new.config, field.name)
        if before != after and field.name not in CHANGEABLE and not _follows(field.name, old, new):
            found.append(
                f"the global parameter {field.name} is {_as_written(before)} and would become {_as_written(after)}"
            )
    modules = {module.name: module for module in new.program.modules}
    for module in old.stateful:
        if module.name not in modules:
            found.append(f"the module {module.name}, which remembers messages, would be missing")
    before_names = {module.name: module for module in old.program.modules}
    for module in new.stateful:
        if module.name not in before_names:
            found.append(f"the module {module.name}, which remembers messages, would be new")
    for name, module in before_names.items():
        if name in modules:
            found.extend(_changed(module, modules[name]))
    return found


def _follows(name: str, old: Edition, new: Edition) -> bool:
    """True for tcp_children where neither file has it: it is what children is, which is told by itself."""
    if name != "tcp_children":
        return False
    return old.program.config.tcp_children is None and new.program.config.tcp_children is None


def _changed(old: Module, new: Module) -> list[str]:
    after = new.fixed()
    return [
        f"the parameter {name} of {old.name} is {_as_written(value)} and would become {_as_written(after[name])}"
        for name, value in old.fixed().items()
        if name in after and after[name] != value
    ]


def _as_written(value: object) -> str:
    """Much as it stands in ser.cfg."""
    if value is None or value == ():
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Listen):
        return f"{value.proto}{':' if value.proto else ''}{value.host}{f':{value.port}' if value.port else ''}"
    if isinstance(value, tuple):
        return ", ".join([_as_written(each) for each in value])
    if isinstance(value, bytes):
        return _as_written(value.decode("latin-1"))
    return f'"{value}"' if isinstance(value, str) else str(value)
