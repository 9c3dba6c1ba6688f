"""The text forms of t_write_req and of tw_append. Reference modules-main, 1.13."""

from __future__ import annotations

import re
from typing import Final

from runtime.modules.tm.write_request import Action
from runtime.spec.declare import Arg, ArgumentKind
from runtime.spec.kinds import wire
from runtime.spec.kinds_avp import avp_name_mistake
from runtime.spec.values import BadArgument, Constant

_ELEMENT: Final = re.compile(r"(?:([^=\[\]]+)=)?(avp|hdr|msg)\[([^\]]*)\]\Z", re.IGNORECASE)


def _action(text: str) -> Constant[Action]:
    action, slash, append = text.partition("/")
    if not action:
        raise BadArgument("the name of the action is missing", 'write "action" or "action/append"')
    if slash and not append:
        raise BadArgument("the name after the slash is missing", "it names a set that tw_append defines")
    return Constant(Action, (wire(action), wire(append)), "ACTION", bool(append))


ACTION: Final = ArgumentKind[Action](
    "action", 'an action, or "action/append" with a set that tw_append defines', _action
)


def request_action(name: str = "action") -> Arg[Action]:
    return Arg(name, ACTION)


def append_mistake(text: str) -> str:
    """What is wrong with a value of tw_append; "" if nothing is.

    name ":" element *(";" element), element = [title "="] ("avp[" name "]" / "hdr[" name "]" / "msg[body]")
    """
    name, colon, elements = text.partition(":")
    if not colon or not name.strip():
        return "tw_append wants name:element;element…"
    for element in elements.split(";"):
        found = _ELEMENT.match(element.strip())
        if not found:
            return f'"{element.strip()}" is not avp[NAME], hdr[NAME] or msg[body]'
        kind, inside = found[2].lower(), found[3].strip()
        if not inside:
            return f'"{element.strip()}" names nothing between the brackets'
        if kind == "msg" and inside.lower() != "body":
            return f"msg[{inside}] does not exist: write msg[body]"
        wrong = avp_name_mistake(inside) if kind == "avp" else ""
        if wrong:
            return wrong
    return ""
