"""`serc test --record capture.pcap ser.cfg -o ser.sertest`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from serc.commands.files import CannotRead, complain, refuse_to_overwrite, write_whole
from serc.diagnostics.render import render_text
from serc.reading.source import Source
from serc.testing.capture.packets import BadCapture, read_capture
from serc.testing.capture.recording import CannotRecord, record, server_in
from serc.testing.language.parsing import parse_tests
from serc.testing.language.reader import place_of
from serc.testing.running import Configs, load, run


def record_tests(capture: str, paths: list[str], server: str | None, output: str) -> int:
    """Writes the tests, runs them, and says which do not hold: where they do not, the ser.cfg or its data are others. Raises CannotRead."""
    config = paths[0] if paths else "ser.cfg"
    try:
        data = sys.stdin.buffer.read() if capture == "-" else Path(capture).read_bytes()
        text = Path(config).read_bytes().decode("latin-1") if paths or os.path.exists(config) else ""
    except OSError as e:
        raise CannotRead(f"cannot read {e.filename}: {e.strerror or e}") from e
    place = None if server is None else place_of(server)
    if server is not None and place is None:
        complain("serc", f"{server} is no address: write 10.0.0.1 or 10.0.0.1:5060")
        return 2
    try:
        packets = read_capture(data)
        where = server_in(packets) if place is None else (place.host, place.port)
        tests = record(packets, where, text, _beside(config, output) if text else "")
    except (BadCapture, CannotRecord) as e:
        complain("serc", f"{capture}: {e}")
        return 1
    if output == "-":
        sys.stdout.write(tests)
    else:
        if refuse_to_overwrite(Path(output), capture, lambda _: False, False):
            return 1
        write_whole(Path(output), tests)
    return _try(tests, output, config, text)


def _beside(config: str, output: str) -> str:
    """The name of ser.cfg as the test file says it; "" where that is the one that it means anyway."""
    folder = os.path.dirname(os.path.abspath(output)) if output != "-" else os.path.dirname(os.path.abspath(config))
    name = os.path.relpath(os.path.abspath(config), folder)
    return "" if output != "-" and Path(output).with_suffix(".cfg").name == name else name


def _try(tests: str, output: str, config: str, text: str) -> int:
    """Whether they hold, one after the other."""
    path = Path(output) if output != "-" else Path(config).with_suffix(".sertest")
    _, report = parse_tests(Source(str(path), tests.encode("utf-8").decode("latin-1")))
    if report.has_errors:
        sys.stderr.write(render_text(Source(str(path), tests), report))
        raise AssertionError("what is recorded can be read")
    if not text:
        print("recorded; there is no ser.cfg here to try it with", file=sys.stderr)
        return 0
    configs = Configs()
    loaded = load(path, configs, Source(str(path), tests.encode("utf-8").decode("latin-1")))
    if loaded.config is None:
        sys.stderr.write(render_text(loaded.source, loaded.report))
        return 1
    failed = 0
    for case in loaded.file.cases:
        outcome = run(case, loaded, configs)
        if outcome.failure is not None:
            failed += 1
            line = loaded.source.line_of(outcome.failure.span.start)
            print(f"{path}:{line}: {case.name}: {outcome.failure.message}", file=sys.stderr)
    count = len(loaded.file.cases)
    held = (
        f"all {count} hold"
        if not failed
        else f"{failed} of {count} do not hold: ser.cfg, or what it reads, was another one"
    )
    print(f"recorded {count} test{'' if count == 1 else 's'}: {held}", file=sys.stderr)
    return 1 if failed else 0
