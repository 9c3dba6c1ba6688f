"""Parameters of modules whose values come from the environment, as routes.py asks for them."""

from __future__ import annotations

from runtime.modules import catalogue
from runtime.spec.environment import BadEnvironment, environment


def parameter(module: str, name: str, text: str) -> str:
    """The value of a parameter, as good as serc would have found it if ser.cfg said so. Raises BadEnvironment, which shows no values."""
    value = environment(text)
    spec = catalogue.find(module)
    param = None if spec is None else spec.param(name)
    if param is not None and param.check is not None and param.check(value):
        # What is wrong would show some of the value.
        raise BadEnvironment(f'{module}: {name} cannot be what the environment makes of "{text}"')
    return value
