"""-dddd: the way of every message stands in the log."""

from __future__ import annotations

from server.conftest import OPTIONS, ROUTES, StartServer


def test_four_ds_show_the_way_of_a_message(start: StartServer) -> None:
    server = start("-ddd", "-n", "1", "-T", routes=ROUTES.replace("{{12: 31}}", "{{13: 31}}"))
    answer = server.ask()
    assert server.logs("DEBUG: way: OPTIONS sip:bob@example.com SIP/2.0 from udp:127.0.0.1:")
    assert server.logs(f"DEBUG: way: {answer.decode()} to udp:127.0.0.1:")
    text = server.log.read_text()
    came, sent = text.index("way: OPTIONS"), text.index(f"way: {answer.decode()}")
    # The line of ser.cfg that line 13 of the routes, which sends the answer, says it is from.
    assert any(line.rstrip().endswith(":31") for line in text[came:sent].splitlines()[1:])


def test_two_do_not(start: StartServer) -> None:
    server = start("-d", "-n", "1", "-T")
    server.ask(OPTIONS)
    assert "way:" not in server.log.read_text()
