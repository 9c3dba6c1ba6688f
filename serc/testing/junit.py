"""Results as JUnit's XML, which CI servers read."""

from __future__ import annotations

from xml.etree import ElementTree

from serc.testing.running import Outcome


def as_junit(outcomes: list[Outcome]) -> str:
    """One suite for each file."""
    root = ElementTree.Element("testsuites")
    for file in dict.fromkeys(outcome.file for outcome in outcomes):
        of_file = [outcome for outcome in outcomes if outcome.file == file]
        failures = sum(1 for outcome in of_file if outcome.failure is not None)
        seconds = sum(outcome.seconds for outcome in of_file)
        suite = ElementTree.SubElement(root, "testsuite", name=file, tests=str(len(of_file)))
        suite.attrib |= {"failures": str(failures), "errors": "0", "time": f"{seconds:.4f}"}
        for outcome in of_file:
            case = ElementTree.SubElement(suite, "testcase", classname=file, name=outcome.case.name)
            case.set("time", f"{outcome.seconds:.4f}")
            if outcome.failure is not None:
                failure = ElementTree.SubElement(case, "failure", message=_printable(outcome.failure.message))
                failure.text = _printable("\n".join([*outcome.failure.notes, outcome.trace]))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
