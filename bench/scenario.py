"""What is measured, as the same script for us and for Kamailio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.native import program


@dataclass(frozen=True)
class Scenario:
    """One kind of work. `unit` is what CPU time is given per; `mode` is that of load.c. Where `before` is not "" each user has to do
    that first, once. `peer_modules` are Kamailio's, where it has others. @DATABASE@ in a config stands for the file of its users.
    """

    name: str
    mode: str
    unit: str
    rate: int
    modules: tuple[str, ...]
    ser: str
    kamailio: str
    before: str = ""
    peer_modules: tuple[str, ...] = ()

    @property
    def has_database(self) -> bool:
        return "@DATABASE@" in self.ser


FORWARD: Final = Scenario(
    name="forward",
    mode="forward",
    unit="forwarded message",
    rate=20_000,
    modules=("maxfwd",),
    ser="""
route {
    if (!mf_process_maxfwd_header("10")) {
        break;
    };
    forward(uri:host, uri:port);
}
""",
    kamailio="""
request_route {
    if (!mf_process_maxfwd_header("10")) {
        exit;
    }
    forward();
}
""",
)

OPTIONS: Final = Scenario(
    name="options",
    mode="options",
    unit="OPTIONS transaction",
    rate=5_000,
    modules=("sl", "tm", "maxfwd"),
    ser="""
route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        break;
    };
    if (!t_relay()) {
        sl_reply_error();
    };
}
""",
    kamailio="""
request_route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (!t_relay()) {
        sl_reply_error();
    }
}
""",
)

CALL: Final = Scenario(
    name="call",
    mode="call",
    unit="record-routed call",
    rate=1_500,
    modules=("sl", "tm", "rr", "maxfwd"),
    ser="""
route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        break;
    };
    if (!loose_route()) {
        record_route();
    };
    if (!t_relay()) {
        sl_reply_error();
    };
}
""",
    kamailio="""
request_route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (!loose_route()) {
        record_route();
    }
    if (!t_relay()) {
        sl_reply_error();
    }
}
""",
)

_REGISTRAR: Final = """
    if (method=="REGISTER") {
        if (!save("location")) {
            sl_reply_error();
        };
        break;
    };
    if (!lookup("location")) {
        sl_send_reply("404", "Not Found");
        break;
    };
    if (!t_relay()) {
        sl_reply_error();
    };
}
"""
_START: Final = """
route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        break;
    };"""

REGISTER: Final = Scenario(
    name="register",
    mode="register",
    unit="REGISTER",
    rate=5_000,
    modules=("sl", "tm", "usrloc", "registrar", "maxfwd"),
    ser=_START + _REGISTRAR,
    kamailio=(_START + _REGISTRAR).replace("route {", "request_route {", 1).replace("break;", "exit;"),
    before="register",
)

_PASSWORDS: Final = """
    if (method=="REGISTER") {
        if (!www_authorize("127.0.0.1", "subscriber")) {
            www_challenge("127.0.0.1", "0");
            break;
        };
        if (!save("location")) {
            sl_reply_error();
        };
        break;
    };
    sl_send_reply("404", "Not Found");
}
"""
_COLUMNS: Final = """
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
modparam("auth_db", "use_domain", 0)
"""
_DATABASE: Final = 'modparam("auth_db", "db_url", "sqlite://@DATABASE@")\n'

AUTH: Final = Scenario(
    name="auth",
    mode="auth",
    unit="REGISTER with challenge and password",
    rate=500,
    modules=("sl", "tm", "usrloc", "registrar", "maxfwd", "auth", "auth_db"),
    ser=_DATABASE
    + _COLUMNS
    + 'modparam("auth_db", "avps_column_int", "")\nmodparam("auth_db", "avps_column_str", "")'
    + _START
    + _PASSWORDS,
    # Its tables have other versions; nothing but the password is to be loaded.
    kamailio=_DATABASE
    + _COLUMNS
    + 'modparam("auth_db", "version_table", 0)\nmodparam("auth_db", "load_credentials", "")'
    + (_START + _PASSWORDS).replace("route {", "request_route {", 1).replace("break;", "exit;"),
    peer_modules=("sl", "tm", "usrloc", "registrar", "maxfwd", "db_sqlite", "auth", "auth_db"),
)

LOOKUP: Final = Scenario(
    name="lookup",
    mode="lookup",
    unit="OPTIONS looked up and relayed",
    rate=5_000,
    modules=REGISTER.modules,
    ser=REGISTER.ser,
    kamailio=REGISTER.kamailio,
    before="register",
)

SCENARIOS: Final = (FORWARD, OPTIONS, CALL, REGISTER, AUTH, LOOKUP)


def ser_config(scenario: Scenario) -> str:
    """ser.cfg of the scenario; address and number of workers come from the command line."""
    loads = "".join(f'loadmodule "/usr/lib/ser/modules/{name}.so"\n' for name in scenario.modules)
    return f"debug=0\nlog_stderror=yes\ndns=no\nrev_dns=no\n{loads}{scenario.ser}"


def kamailio_config(scenario: Scenario, port: int) -> str:
    """kamailio.cfg of the scenario: one UDP worker, no TCP, no log, and none of its look-ups."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in scenario.peer_modules or scenario.modules)
    return (
        "debug=-3\nlog_stderror=yes\nfork=yes\nchildren=1\ndisable_tcp=yes\nauto_aliases=no\ndns=no\nrev_dns=no\n"
        f"server_signature=no\nlisten=udp:127.0.0.1:{port}\n{loads}{scenario.kamailio}"
    )


def original_config(scenario: Scenario, modules: str) -> str:
    """The same for SER 0.9.7, whose modules are in the folder `modules`."""
    return ser_config(scenario).replace("/usr/lib/ser/modules", modules.rstrip("/"))


def original_command(ser: str, config: str, port: int) -> list[str]:
    """SER 0.9.7 in the foreground: one process that receives, beside its timer."""
    return [ser, "-f", config, "-D", "-E", "-l", f"127.0.0.1:{port}", "-m", "1024"]


def ser_command(ser: list[str], config: str, port: int, workers: int = 1) -> list[str]:
    """Our server in the foreground."""
    return [*ser, "-f", config, "-D", "-E", "-l", f"udp:127.0.0.1:{port}", "-n", str(workers)]


def kamailio_command(config: str, folder: str) -> list[str]:
    """Kamailio in the foreground, with memory for all that is pending and its fastest allocator.

    Debian's default allocator checks every block.
    """
    return [
        "kamailio",
        "-f",
        config,
        "-DD",
        "-E",
        "-m",
        "1024",
        "-M",
        "32",
        "-x",
        "tlsf",
        "-X",
        "tlsf",
        "-P",
        f"{folder}/pid",
        "-Y",
        folder,
    ]


def floor_command(port: int, sink_port: int) -> list[str]:
    """The forwarder that only makes the system calls."""
    return [str(program("floor")), "-l", str(port), "-d", str(sink_port), "-b", "64"]
