"""mysql's parameters, with a server that cuts a connection off. Reference modules-more, A.1.1."""

from __future__ import annotations

import contextlib

import pytest
from engine import Server
from patience import let_pass

from runtime.modules.mysql import Mysql
from runtime.routing.database import DatabaseError
from runtime.storage.administration import Administration
from runtime.storage.connection import connect
from runtime.storage.url import parse_url
from storage.servers import DatabaseServer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ping_interval", "auto_reconnect", "idle_s", "is_served"),
    [(0, 1, 0.0, True), (0, 0, 0.0, False), (1, 0, 1.1, True), (60, 0, 1.1, False)],
)
def test_a_connection_that_was_cut_off_is_made_anew_if_the_parameters_say_so(
    mariadb: DatabaseServer, ping_interval: int, auto_reconnect: int, idle_s: float, is_served: bool
) -> None:
    text = mariadb.url("cut")
    administration = Administration(parse_url(text))
    administration.create()
    administration.close()
    module = Mysql(ping_interval=ping_interval, auto_reconnect=auto_reconnect)
    module.bind(Server().engine.world)
    connection, other = connect(module.parse(text)), connect(parse_url(text))
    (number,) = connection.raw("select connection_id()")[1]
    assert isinstance(number, int)
    with contextlib.suppress(DatabaseError):
        other.raw(f"kill {number}")
    if idle_s:
        let_pass(idle_s, "idleness is measured by the clock")
    try:
        found = connection.layout("version")
    except DatabaseError:
        found = {}
    assert bool(found) is is_served
    connection.close()
    other.close()
