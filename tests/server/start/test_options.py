"""Parsing the command line, and the two rules by which it meets ser.cfg. Reference core, 1.1 and 1.2."""

from __future__ import annotations

import pytest

from runtime.routing.config import Config, Listen
from runtime.server.start.options import MetricsAddress, Options, UsageError, parse, usage_text, version_text
from runtime.server.start.settings import effective


def ser(*arguments: str) -> Options:
    return parse(list(arguments), "ser")


def error_of(*arguments: str) -> str:
    with pytest.raises(UsageError) as e:
        ser(*arguments)
    return str(e.value)


def test_letters_can_be_joined_and_repeated() -> None:
    options = ser("-DEddd", "-n4", "-l", "a", "-lb", "-f", "x.cfg")
    assert (options.foreground, options.log_stderror, options.debug, options.children) == (True, True, 3, 4)
    assert [entry.host for entry in options.listen] == ["a", "b"]
    assert options.config_file == "x.cfg"


def test_the_last_letter_of_a_cluster_may_have_an_argument() -> None:
    assert ser("-DEn", "3").children == 3


def test_the_default_config_is_where_packages_put_it() -> None:
    assert ser().config_file == "/etc/ser/ser.cfg"


def test_arguments_without_a_letter_are_set_aside() -> None:
    options = ser("stray", "-D")
    assert options.foreground
    assert options.ignored == ["stray"]


def test_help_and_version_hide_what_follows() -> None:
    assert ser("-V", "-n", "x").version
    assert ser("-h", "-l", ":::").help


@pytest.mark.parametrize(
    "text, entry",
    [
        ("localhost", Listen("", "localhost")),
        ("127.0.0.1", Listen("", "127.0.0.1")),
        ("[::1]", Listen("", "[::1]")),
        ("eth0:5062", Listen("", "eth0", 5062)),
        ("udp:eth0", Listen("udp", "eth0")),
        ("UDP:127.0.0.1", Listen("udp", "127.0.0.1")),
        ("tcp:[::1]:5070", Listen("tcp", "[::1]", 5070)),
        ("udp:", Listen("udp", "")),
    ],
)
def test_forms_of_a_listen_address(text: str, entry: Listen) -> None:
    assert ser("-l", text).listen == [entry]


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:xx",
        "a:",
        "udp:a:",
        "a:b:c",
        "udp:a:5060:1",
        "tls:a",
        "*",
        "[::1",
        "::1",
        "",
        ":5060",
        "a:0",
        "a:65536",
    ],
)
def test_a_bad_listen_address_is_named(text: str) -> None:
    assert error_of("-l", text).startswith(f"bad -l address specifier: {text}: write [udp:|tcp:]host[:port]")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9100", MetricsAddress("127.0.0.1:9100", ip="127.0.0.1", port=9100)),
        ("9100", MetricsAddress("9100", ip="127.0.0.1", port=9100)),
        ("[::1]:9100", MetricsAddress("[::1]:9100", ip="::1", port=9100)),
        ("/run/ser/metrics", MetricsAddress("/run/ser/metrics", path="/run/ser/metrics")),
        ("unix:metrics", MetricsAddress("unix:metrics", path="metrics")),
    ],
)
def test_forms_of_a_metrics_address(text: str, address: MetricsAddress) -> None:
    assert ser("--metrics", text).metrics == address


@pytest.mark.parametrize(
    "text", ["", "abc", "unix:", "localhost:9100", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:x"]
)
def test_a_bad_metrics_address_is_named(text: str) -> None:
    assert error_of("--metrics", text) == f"bad metrics address: --metrics {text}: write unix:/path, or 127.0.0.1:9100"


@pytest.mark.parametrize("text", ["0.0.0.0:9100", "192.0.2.1:9100", "[::]:9100"])
def test_metrics_are_for_this_machine(text: str) -> None:
    assert "this machine only" in error_of("--metrics", text)


@pytest.mark.parametrize("text", ["x", "4x", "", "0x4", "1.5", "99999999999999999999"])
def test_numbers_must_be_decimal_and_whole(text: str) -> None:
    assert error_of("-n", text) == f"bad process number: -n {text}: write a decimal number"
    assert error_of("-b", text) == f"bad max buffer size number: -b {text}: write a decimal number"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("-Q",), "Unknown option `-Q'"),
        (("-DQ",), "Unknown option `-Q'"),
        (("--frobnicate",), "Unknown option `--frobnicate'"),
        (("-f",), "option -f requires an argument"),
        (("-t", ""), "option -t requires an argument"),
        (("--drain", "-1"), "bad number of seconds: --drain -1"),
        (("--log-format", "xml"), "bad log format: --log-format xml: text or json"),
        (("--log-format", ""), "option --log-format requires an argument that is not empty"),
        (("--drain", "x"), "bad number of seconds: --drain x"),
        (("-m", "0"), "bad shmem size number: -m 0"),
        (("-N", "x"), "bad process number: -N x"),
    ],
)
def test_errors_are_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    assert error_of(*arguments).startswith(sentence)
    assert "\n" not in error_of(*arguments)


def test_ser_runtime_wants_routes_and_no_config() -> None:
    assert parse(["--routes", "r.py"], "ser-runtime").routes == "r.py"
    for arguments in ([], ["-f", "ser.cfg"]):
        with pytest.raises(UsageError):
            parse(arguments, "ser-runtime")


@pytest.mark.parametrize("prog", ["ser", "ser-runtime"])
def test_help_names_every_option(prog: str) -> None:
    text = usage_text(prog)
    letters = "clnbrRvdDETwtugPGmixVh" + ("f" if prog == "ser" else "")
    assert [c for c in letters if f"\n -{c} " not in text] == []


def test_what_ser_cfg_says_counts_more() -> None:
    options = ser("-dd", "-n", "3", "-b", "100000", "-u", "nobody", "-w", "/tmp")
    config = effective(Config(debug=4, children=5, maxbuffer=300000, user="ser", workdir="/var"), options)
    assert (config.debug, config.children, config.maxbuffer, config.user, config.workdir) == (
        4,
        5,
        300000,
        "ser",
        "/var",
    )


def test_the_command_line_fills_what_ser_cfg_leaves_open() -> None:
    options = ser(
        "-dd", "-n", "3", "-b", "100000", "-vETrR", "-u", "nobody", "-g", "nogroup", "-w", "/tmp", "-t", "/jail"
    )
    config = effective(Config(), options)
    assert (config.debug, config.children, config.maxbuffer) == (4, 3, 100000)
    assert config.check_via and config.log_stderror and config.disable_tcp and config.dns and config.rev_dns
    assert (config.user, config.group, config.workdir, config.chroot) == ("nobody", "nogroup", "/tmp", "/jail")


def test_reverse_dns_does_not_raise_the_debug_level() -> None:
    assert effective(Config(), ser("-R")).debug == 2


@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_children_means_the_default_of_eight(number: str) -> None:
    assert effective(Config(), ser("-n", number)).children == 8
    assert effective(Config(children=int(number)), ser("-n", "3")).children == 8


def test_listen_addresses_add_up_the_command_lines_first() -> None:
    config = effective(Config(listen=(Listen("udp", "b"),)), ser("-l", "a"))
    assert [entry.host for entry in config.listen] == ["a", "b"]


def test_help_and_version_tell_the_bound_of_the_receive_buffer_that_is_in_force() -> None:
    assert f"(default {Config().maxbuffer})" in usage_text("ser")
    assert f"MAX_RECV_BUFFER_SIZE {Config().maxbuffer}," in version_text(True)
