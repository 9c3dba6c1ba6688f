"""The modules that ser.cfg can load: declarations by name, and why other names are not here.

The only door of `runtime.modules` through which `serc` goes. Declarations are imported when they are asked for. Packages of other
people that are installed beside this one name theirs in the entry-point group `ser.modules`; nothing that a ser.cfg names by its
path is ever imported.
"""

from __future__ import annotations

import functools
import importlib
from collections import ChainMap
from importlib.metadata import EntryPoint
from typing import Final

from runtime.modules.installed import installed_modules
from runtime.spec.declare import ModuleSpec

# Names as loadmodule writes them ("cpl-c" of ".../cpl-c.so"); the package is the same with `_` for `-`.
_DECLARED: Final = (
    "acc",
    "auth",
    "auth_db",
    "auth_diameter",
    "auth_radius",
    "avp",
    "avp_db",
    "avp_radius",
    "avpops",
    "cpl",
    "cpl-c",
    "dbtext",
    "dispatcher",
    "diversion",
    "domain",
    "enum",
    "exec",
    "ext",
    "extcmd",
    "flatstore",
    "gflags",
    "group",
    "group_radius",
    "jabber",
    "lcr",
    "mangler",
    "maxfwd",
    "mediaproxy",
    "msilo",
    "mysql",
    "nathelper",
    "options",
    "pa",
    "pdt",
    "permissions",
    "pike",
    "postgres",
    "print",
    "registrar",
    "rr",
    "sl",
    "sms",
    "speeddial",
    "sqlite",
    "textops",
    "tm",
    "uri",
    "uri_db",
    "uri_radius",
    "usrloc",
    "xlog",
)

# Other names of the same files: acc was also built with its database in a file of its own.
_ALIASES: Final = {"acc_sql": "acc"}

_BEFORE = "belongs to SER 0.8"
_LATER = "came after SER 0.9"
_KAMAILIO = "belongs to OpenSER and Kamailio"
_IMS = "belongs to the OpenIMSCore"

# Real modules that have no declaration: what they are, as the end of "module NAME …". Reference modules-more, A.9.
_FOREIGN: Final = {
    "auth_gsm": _BEFORE,
    "exec_mod": _BEFORE + "; 0.9 calls it exec",
    "im": _BEFORE + "; tm does its work in 0.9",
    "radius_acc": _BEFORE + "; 0.9 has it in acc",
    "snmp": _BEFORE,
    "tm_mod": _BEFORE + "; 0.9 calls it tm",
    "vm": _BEFORE + "; tm's t_write_unix does its work in 0.9",
    "acc_db": _LATER + "; 0.9 has it in acc",
    "acc_radius": _LATER + "; 0.9 has it in acc",
    "acc_syslog": _LATER + "; 0.9 has it in acc",
    "asi": _LATER,
    "auth_identity": _LATER,
    "bdb": _LATER,
    "binrpc": _LATER,
    "blst": _LATER,
    "cfg_db": _LATER,
    "cfg_rpc": _LATER,
    "ctl": _LATER + "; 0.9 has the globals fifo and unixsock",
    "db_ops": _LATER,
    "dbg": _LATER,
    "dialog": _LATER,
    "eval": _LATER,
    "fifo": _LATER + "; 0.9 has the global fifo",
    "iptrtpproxy": _LATER,
    "ldap": _LATER,
    "oracle": _LATER,
    "osp": _LATER,
    "prefix_route": _LATER,
    "presence_b2b": _LATER,
    "print_lib": _LATER,
    "ratelimit": _LATER,
    "rls": _LATER,
    "sanity": _LATER,
    "timer": _LATER,
    "tls": _LATER + "; 0.9 has TLS in the core (enable_tls)",
    "uac": _LATER,
    "unixsock": _LATER + "; 0.9 has the global unixsock",
    "xcap": _LATER,
    "xmlrpc": _LATER,
    "alias_db": _KAMAILIO,
    "avp_alias": _KAMAILIO,
    "benchmark": _KAMAILIO,
    "carrierroute": _KAMAILIO,
    "cfgutils": _KAMAILIO,
    "corex": _KAMAILIO,
    "db_flatstore": _KAMAILIO + "; 0.9 calls it flatstore",
    "db_mysql": _KAMAILIO + "; 0.9 calls it mysql",
    "db_postgres": _KAMAILIO + "; 0.9 calls it postgres",
    "db_sqlite": _KAMAILIO + "; 0.9 has dbtext",
    "db_text": _KAMAILIO + "; 0.9 calls it dbtext",
    "debugger": _KAMAILIO,
    "dialplan": _KAMAILIO,
    "htable": _KAMAILIO,
    "imc": _KAMAILIO,
    "jsonrpcs": _KAMAILIO + "; 0.9 has the global fifo",
    "kex": _KAMAILIO,
    "memcached": _KAMAILIO,
    "mi_datagram": _KAMAILIO + "; 0.9 has the global unixsock",
    "mi_fifo": _KAMAILIO + "; 0.9 has the global fifo",
    "mi_rpc": _KAMAILIO,
    "mi_xmlrpc": _KAMAILIO,
    "p_usrloc": _KAMAILIO,
    "path": _KAMAILIO,
    "presence": _KAMAILIO + "; 0.9 has pa",
    "presence_xcapdiff": _KAMAILIO,
    "presence_xml": _KAMAILIO,
    "pua": _KAMAILIO,
    "pua_mi": _KAMAILIO,
    "pv": _KAMAILIO + "; 0.9 has no pseudo-variables",
    "rtpproxy": _KAMAILIO + "; 0.9 has nathelper's force_rtp_proxy",
    "rtpengine": _KAMAILIO + "; 0.9 has nathelper's force_rtp_proxy",
    "siputils": _KAMAILIO + "; 0.9 has uri",
    "sqlops": _KAMAILIO,
    "statistics": _KAMAILIO,
    "tmx": _KAMAILIO,
    "uac_redirect": _KAMAILIO,
    "userblacklist": _KAMAILIO,
    "xmlrpc_usrloc": _KAMAILIO,
    "xmpp": _KAMAILIO + "; 0.9 has jabber",
    "cdp": _IMS,
    "ecscf": _IMS,
    "icscf": _IMS,
    "isc": _IMS,
    "lrf": _IMS,
    "mgcf": _IMS,
    "pcscf": _IMS,
    "scscf": _IMS,
    "sip2ims": _IMS,
    "vq": _IMS,
}

# Those that are installed, and cannot be imported.
_BROKEN: Final[dict[str, str]] = {}

UNDECLARED: Final = ChainMap(_BROKEN, _FOREIGN)


def names() -> tuple[str, ...]:
    """All modules that loadmodule may name, sorted."""
    return tuple(sorted((*_DECLARED, *_installed())))


@functools.lru_cache(maxsize=1)
def _installed() -> dict[str, EntryPoint]:
    """Modules of other packages by their names. None takes the place of one of ours."""
    return {point.name: point for point in installed_modules() if point.name not in _DECLARED}


def find(stem: str) -> ModuleSpec | None:
    """Declaration of the module in the file `stem`.so; None if there is none (then look in UNDECLARED)."""
    stem = _ALIASES.get(stem, stem)
    if stem in _installed():
        return _loaded(_installed()[stem])
    if stem not in _DECLARED:
        return None
    return _exports(f"runtime.modules.{stem.replace('-', '_')}")


@functools.cache
def core() -> ModuleSpec:
    """Declaration of the core's actions, which are there without a loadmodule."""
    return _exports("runtime.modules.core.actions")


def _exports(path: str) -> ModuleSpec:
    exports: object = importlib.import_module(path).EXPORTS
    assert isinstance(exports, ModuleSpec)
    return exports


@functools.lru_cache
def _loaded(point: EntryPoint) -> ModuleSpec | None:
    """The declaration in another package; None if it is broken, and then UNDECLARED says why."""
    try:
        exports: object = point.load().EXPORTS
    except Exception as e:  # whatever somebody else's code may raise
        _BROKEN[point.name] = f"cannot be imported from {point.value}: {e}"
        return None
    if not isinstance(exports, ModuleSpec) or exports.name != point.name:
        _BROKEN[point.name] = f"is not what {point.value} declares: its EXPORTS must be a ModuleSpec of that name"
        return None
    return exports


def owner_of(function_name: str) -> tuple[str, ...]:
    """Modules, sorted, that export a function of this name, with whatever number of arguments; () if none does."""
    return _owners().get(function_name, ())


@functools.lru_cache(maxsize=1)
def _owners() -> dict[str, tuple[str, ...]]:
    owners: dict[str, tuple[str, ...]] = {}
    for name in names():
        spec = find(name)
        for function_name in {function.name for function in spec.functions} if spec is not None else ():
            owners[function_name] = (*owners.get(function_name, ()), name)
    return owners


def owners_of_command(command: str) -> tuple[str, ...]:
    """Modules, sorted, that have a FIFO command of this name; () if none has."""
    specs = [(name, find(name)) for name in names()]
    return tuple(name for name, spec in specs if spec is not None and command in spec.fifo_commands)
