"""The core's actions, as ser.cfg writes them. Reference core, 2.4 and 5.5."""

from __future__ import annotations

from typing import Final

from runtime.modules.core import rewriting, sending, telling
from runtime.modules.core.kinds import (
    ADVERTISED,
    COUNT,
    FLAG,
    HOST,
    HOST_OF_URI,
    LEVEL,
    LOGGED,
    NEW_HOST,
    NEW_HOST_PORT,
    NEW_PORT,
    NEW_USER,
    PORT,
    PORT_OF_URI,
    PREFIX,
    SCRIPT,
    SOCKET,
    TEXT,
    URI,
    Q,
    given,
    named,
)
from runtime.modules.core.operands import OPERANDS
from runtime.routing.context import L_DBG
from runtime.routing.destination import Destination
from runtime.sip.address import TCP, TLS, UDP
from runtime.spec.actions import action
from runtime.spec.declare import Function, Given, Joined, ModuleSpec
from runtime.spec.effects import Does
from runtime.spec.kinds_sip import destination_constant

_TO_HOST: Final = Joined[Destination](HOST, None, destination_constant)
_TO_PORT: Final = Joined[Destination](HOST, PORT, destination_constant)
_AT_URI_PORT: Final = named("URI_PORT", sending.URI_PORT, PORT_OF_URI)


def _forward(name: str, proto_name: str, proto: int) -> tuple[Function, ...]:
    """All forms of one of the forwarding actions."""
    over = named(proto_name, proto)
    by_uri = named(proto_name, proto, HOST_OF_URI)
    fixed = "Forward statelessly to this next hop."
    uri = "Forward statelessly to the host of the request URI."
    return (
        *action(name, sending.forward, _TO_HOST, over, does=Does.RELAY, waits=True, summary=fixed),
        *action(name, sending.forward, _TO_PORT, over, does=Does.RELAY, waits=True, summary=fixed),
        *action(name, sending.forward_uri, by_uri, does=Does.RELAY, waits=True, summary=uri),
        *action(name, sending.forward_uri, by_uri, _AT_URI_PORT, does=Does.RELAY, waits=True, summary=uri),
        *action(name, sending.forward_uri, by_uri, PORT, does=Does.RELAY, waits=True, summary=uri),
    )


def _send(name: str, over: Given[int]) -> tuple[Function, ...]:
    summary = "Send the bytes as received to this next hop."
    return (
        *action(name, sending.send, _TO_HOST, over, does=Does.COPY, waits=True, summary=summary),
        *action(name, sending.send, _TO_PORT, over, does=Does.COPY, waits=True, summary=summary),
    )


EXPORTS: Final = ModuleSpec(
    name="core",
    summary="The actions and operands of the language itself.",
    operands=OPERANDS,
    functions=(
        *_forward("forward", "SAME", sending.SAME),
        *_forward("forward_udp", "UDP", UDP),
        *_forward("forward_tcp", "TCP", TCP),
        *_forward("forward_tls", "TLS", TLS),
        *_send("send", named("UDP", UDP)),
        *_send("send_tcp", named("TCP", TCP)),
        *action("log", telling.log, named("L_DBG", L_DBG), LOGGED, does=Does.LOG, summary="Write a line into the log."),
        *action("log", telling.log, LEVEL, LOGGED, does=Does.LOG, summary="Write a line of this level into the log."),
        *action("setflag", sending.setflag, FLAG, does=Does.SET_FLAG, summary="Set a flag of the message."),
        *action("resetflag", sending.resetflag, FLAG, does=Does.CLEAR_FLAG, summary="Clear a flag of the message."),
        *action("isflagset", sending.isflagset, FLAG, does=Does.TEST_FLAG, summary="True if the flag is set."),
        *action("error", telling.error, TEXT, TEXT, does=Does.LOG, summary="Write into the log."),
        *action("exec", telling.exec, SCRIPT, does=Does.COPY, waits=True, summary="Run a command of the shell."),
        *action("strip", rewriting.strip, COUNT, does=Does.EDIT_URI, summary="Cut the user's first characters off."),
        *action("strip_tail", rewriting.strip_tail, COUNT, does=Does.EDIT_URI, summary="Cut its last ones off."),
        *action("prefix", rewriting.prefix, PREFIX, does=Does.EDIT_URI, summary="Put this before the user."),
        *action(
            "sethost rewritehost seth",
            rewriting.set_host,
            NEW_HOST,
            does=Does.REWRITE,
            summary="Change the URI's host.",
        ),
        *action(
            "sethostport rewritehostport sethp",
            rewriting.set_hostport,
            NEW_HOST_PORT,
            does=Does.REWRITE,
            summary="Change the URI's host and port.",
        ),
        *action(
            "setport rewriteport setp",
            rewriting.set_port,
            NEW_PORT,
            does=Does.EDIT_URI,
            summary="Change the URI's port.",
        ),
        *action(
            "setuser rewriteuser setu",
            rewriting.set_user,
            NEW_USER,
            does=Does.EDIT_URI,
            summary="Change the URI's user.",
        ),
        *action(
            "setuserpass rewriteuserpass setup",
            rewriting.set_userpass,
            TEXT,
            does=Does.EDIT_URI,
            summary="Change the URI's user and password.",
        ),
        *action("seturi rewriteuri", rewriting.set_uri, URI, does=Does.REWRITE, summary="Change the request URI."),
        *action(
            "append_branch",
            sending.append_branch,
            bare=True,
            does=Does.APPEND_BRANCH,
            summary="Add the request URI to the branches.",
        ),
        *action(
            "append_branch",
            sending.append_branch_uri,
            URI,
            given(-1),
            bare=True,
            does=Does.APPEND_BRANCH,
            summary="Add a branch.",
        ),
        *action(
            "append_branch",
            sending.append_branch_uri,
            URI,
            Q,
            bare=True,
            does=Does.APPEND_BRANCH,
            summary="Add a branch with this q.",
        ),
        *action(
            "revert_uri",
            rewriting.revert_uri,
            bare=True,
            does=Does.REVERT_URI,
            summary="Take back what was changed in the request URI.",
        ),
        *action(
            "force_rport add_rport",
            sending.force_rport,
            bare=True,
            does=Does.EDIT_REPLY,
            summary="Answer to the port that the request came from.",
        ),
        *action(
            "force_tcp_alias add_tcp_alias",
            sending.force_tcp_alias,
            given(0),
            bare=True,
            does=Does.NOTHING,
            summary="Send requests to the sender's Via over its connection.",
        ),
        *action(
            "force_tcp_alias add_tcp_alias",
            sending.force_tcp_alias,
            PORT,
            bare=True,
            does=Does.NOTHING,
            summary="Send requests to this port of the sender over its connection.",
        ),
        *action(
            "set_advertised_address",
            sending.set_advertised_address,
            ADVERTISED,
            does=Does.NOTHING,
            summary="Show this host in Via and Record-Route.",
        ),
        *action(
            "set_advertised_port",
            sending.set_advertised_port,
            PORT,
            does=Does.NOTHING,
            summary="Show this port in Via and Record-Route.",
        ),
        *action(
            "force_send_socket",
            sending.force_send_socket,
            SOCKET,
            does=Does.NOTHING,
            summary="Send from this listening address.",
        ),
    ),
)
