"""sms: gateway to GSM short messages. Reference modules-more, A.5."""

import re
from typing import Final

from runtime.spec.declare import REQUEST, Arg, ModuleSpec, function, integer_param, string_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import some_text

_ENTRY: Final = re.compile(r"\s*([^\[\]\s]+)\s*\[([^\[\]]*)\]\s*\Z")
_MODES: Final = ("OLD", "DIGICOM", "ASCII", "NEW")
_BAUDS: Final = ("300", "1200", "2400", "9600", "19200", "38400", "57600")
_MOST: Final = 5
_NET: Final = Arg("net", some_text("net", "the name of a network"))


def _entries(text: str) -> list[tuple[str, list[str]]] | str:
    """`name[item;…];…` in its parts, or a sentence that says what is wrong."""
    parts = [part for part in re.split(r"(?<=\])\s*;?", text) if part.strip()]
    if not parts:
        return "one entry name[…] at least is wanted"
    if len(parts) > _MOST:
        return f"there may be {_MOST} entries at most"
    entries: list[tuple[str, list[str]]] = []
    for part in parts:
        found = _ENTRY.match(part)
        if not found:
            return f'"{part.strip()}" is not name[…]'
        entries.append((found[1], [item.strip() for item in found[2].split(";") if item.strip()]))
    return entries


def _settings_mistake(text: str, letters: str, needed: str) -> str:
    entries = _entries(text)
    if isinstance(entries, str):
        return entries
    for name, items in entries:
        settings = {item.partition("=")[0].strip(): item.partition("=")[2].strip() for item in items}
        for letter, value in settings.items():
            if letter not in letters or len(letter) != 1 or not value:
                return f"{name}[…] takes letter=value with a letter out of {', '.join(letters)}"
            wrong = _value_mistake(letter, value)
            if wrong:
                return f"{name}[{letter}=…]: {wrong}"
        missing = next((letter for letter in needed if letter not in settings), "")
        if missing:
            return f"{name}[…] wants {missing}="
    return ""


def _value_mistake(letter: str, value: str) -> str:
    if letter == "m" and value.isalpha() and value.upper() not in _MODES:
        return f"{value} is no mode, which are {', '.join(_MODES)}"
    if letter == "b" and value not in _BAUDS:
        return f"{value} is no speed, which are {', '.join(_BAUDS)}"
    return f"{value} is not a number" if letter in "rl" and not value.isdigit() else ""


def _modems_mistake(text: str) -> str:
    return _settings_mistake(text, "dpmcrlb", "d")


def _networks_mistake(text: str) -> str:
    # Published configs give networks an SMSC with c=, which does nothing.
    return _settings_mistake(text, "mc", "")


def _links_mistake(text: str) -> str:
    entries = _entries(text)
    if isinstance(entries, str):
        return entries
    return next((f"{name}[…] names no network" for name, items in entries if not items), "")


EXPORTS: Final = ModuleSpec(
    name="sms",
    summary="Gateway for messages between SIP and GSM modems.",
    needs=("tm",),
    functions=(
        function(
            "sms_send_msg",
            None,
            routes=REQUEST,
            does=Does.COPY,
            summary="Send the MESSAGE as SMS over the default network.",
        ),
        function(
            "sms_send_msg_to_net",
            None,
            _NET,
            routes=REQUEST,
            does=Does.COPY,
            summary="Send the MESSAGE as SMS over this one.",
        ),
    ),
    params=(
        string_param("modems", None, "name[d=device;p=PIN;…];…", check=_modems_mistake, mandatory=True),
        string_param("networks", None, "name[m=most messages];…", check=_networks_mistake, mandatory=True),
        string_param("links", None, "modem[network;…];…", check=_links_mistake, mandatory=True),
        string_param("default_net", None, "Network of sms_send_msg; the first one if not set."),
        integer_param("max_sms_parts", 4, "Most SMS that a MESSAGE becomes.", low=1),
        string_param("domain", None, "Domain of SMS senders; the own address if not set."),
        switch_param("use_contact", 0, "MESSAGEs carry a Contact."),
        integer_param("sms_report_type", 0, "0 no reports, 1 as SMS, 2 as CDS.", low=0, high=2),
    ),
)
