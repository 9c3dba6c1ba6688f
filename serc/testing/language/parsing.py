"""A test file as cases, with all its mistakes told."""

from __future__ import annotations

from typing import Final

from serc.diagnostics import codes
from serc.diagnostics.report import Related, Report, Severity
from serc.diagnostics.suggest import did_you_mean
from serc.reading.source import Source
from serc.reading.tree import Span
from serc.testing.language import cases, statements
from serc.testing.language.cases import Case, Place, Statement, TestFile
from serc.testing.language.lines import Line, Word, columns_in, filled, read_lines
from serc.testing.language.naming import Named
from serc.testing.language.reader import Mistake, Reader

_EVERYWHERE: Final = ("user", "given")
_HEAD: Final = ("config", "listen", *_EVERYWHERE, "test")
_INSIDE: Final = (*_EVERYWHERE, "when", "then", "and", "after", "with", "without", "test")
_ONLY_IN_TESTS: Final = ("when", "then", "after")
_CARRIES_DETAILS: Final = (cases.WhenRequest, cases.WhenInDialog, cases.WhenAnswer, cases.ThenMessage)


def parse_tests(source: Source) -> tuple[TestFile, Report]:
    """The cases of a file, and what is wrong with it. With errors it should not be run."""
    report = Report()
    comments: list[Span] = []
    lines = read_lines(source, report, comments)
    return _Parser(source, report).file(lines, tuple(comments)), report


class _Block:
    """A test as it stands in the file."""

    def __init__(self, name: Word, span: Span) -> None:
        self.name: Final = name
        self.span: Final = span
        self.lines: list[Line] = []
        self.rows: list[tuple[Word, ...]] = []


class _Parser:
    def __init__(self, source: Source, report: Report) -> None:
        self._source: Final = source
        self._report: Final = report
        self._config = ""
        self._config_span: Span | None = None
        self._listen: list[Place] = []
        self._common: list[Line] = []
        self._named: Final = Named()

    def file(self, lines: list[Line], comments: tuple[Span, ...]) -> TestFile:
        blocks: list[_Block] = []
        for line in lines:
            try:
                self._line(line, blocks)
            except Mistake:
                continue
        head = _Statements(self._report, self._named, in_test=False)
        common = head.all(self._common)
        found: list[Case] = []
        names: dict[str, Span] = {}
        for block in blocks:
            if block.name.text in names:
                first = (Related(names[block.name.text], "the first one is here"),)
                message = f'there is a test "{block.name.text}" already'
                self._report.add(codes.TEST_TWICE, block.name.span, message, related=first)
            names.setdefault(block.name.text, block.name.span)
            found += self._cases(block, common)
        if not blocks and not self._report.has_errors:
            message, hint = "there is no test in this file", 'begin one with  test "what it promises"'
            self._report.add(codes.TEST_PLACE, Span(0, 1), message, hint=hint)
        self._named.report_slips(self._source, self._report)
        return TestFile(
            self._config, self._config_span, tuple(self._listen), tuple(found), self._named.all_tables(), comments
        )

    def _line(self, line: Line, blocks: list[_Block]) -> None:
        if line.cells is not None:
            if not blocks:
                self._report.add(codes.TEST_PLACE, line.span, "a table belongs to a test")
            elif line.cells:
                blocks[-1].rows.append(line.cells)
            return
        reader = Reader(line, self._report)
        if reader.take("test"):
            name = reader.text('a name, such as "who is not known is not found"')
            reader.end()
            blocks.append(_Block(name, line.span))
        elif blocks:
            if blocks[-1].rows:
                self._report.add(codes.TEST_PLACE, line.span, "a table stands at the end of its test")
            blocks[-1].lines.append(line)
        elif reader.take("config"):
            word = reader.text("the name of a ser.cfg")
            self._config, self._config_span = word.text, word.span
            reader.end()
        elif reader.take("listen"):
            self._listen.append(reader.place())
            reader.end()
        else:
            self._common.append(line)

    def _cases(self, block: _Block, common: list[Statement]) -> list[Case]:
        names = [cell.text for cell in block.rows[0]] if block.rows else []
        used = set()
        known = self._report.count(Severity.ERROR)
        rows = [cells for cells in block.rows[1:] if self._has_all_cells(cells, names)]
        for line in block.lines:
            for column, span in columns_in(line):
                used.add(column)
                if block.rows and column not in names:
                    hint = did_you_mean(column, names) or "its columns: " + ", ".join(names)
                    self._report.add(codes.TEST_NAME, span, f"the table has no column {column}", hint=hint)
        for cell in block.rows[0] if block.rows else ():
            if cell.text not in used:
                hint = f"write <{cell.text}> where its value belongs"
                self._report.add(codes.TEST_NAME, cell.span, f"column {cell.text} is not used in the test", hint=hint)
        if len(block.rows) < 2:
            if block.rows:
                self._report.add(codes.TEST_PLACE, block.rows[0][0].span, "the table has no rows but its head")
            body = _Statements(self._report, self._named, in_test=True).all(block.lines)
            return [Case(block.name.text, block.span, (*common, *body), block.span)]
        if self._report.count(Severity.ERROR) > known:
            return []
        return [self._row(block, names, cells, common) for cells in rows]

    def _has_all_cells(self, cells: tuple[Word, ...], names: list[str]) -> bool:
        if len(cells) != len(names):
            message = f"cells in this row: {len(cells)}; columns of the table: {len(names)}"
            self._report.add(codes.TEST_VALUE, Span(cells[0].span.start, cells[-1].span.end), message)
        return len(cells) == len(names)

    def _row(self, block: _Block, names: list[str], cells: tuple[Word, ...], common: list[Statement]) -> Case:
        span = Span(cells[0].span.start, cells[-1].span.end)
        row = dict(zip(names, [cell.text for cell in cells], strict=True))
        body = _Statements(self._report, self._named, in_test=True).all([filled(line, row) for line in block.lines])
        label = ", ".join(cell.text for cell in cells if cell.text)
        return Case(f"{block.name.text} [{label}]", span, (*common, *body), block.span)


class _Statements:
    """The statements of one test, or of the head of a file."""

    def __init__(self, report: Report, named: Named, in_test: bool) -> None:
        self._report: Final = report
        self._named: Final = named
        self._in_test: Final = in_test
        self._last_word = ""
        # Also what cannot be read has happened: one mistake is told once.
        self._has_happened = False
        self._found: list[Statement] = []

    def all(self, lines: list[Line]) -> list[Statement]:
        for line in lines:
            reader = Reader(line, self._report)
            try:
                self._statement(reader)
            except Mistake:
                continue
            finally:
                self._named.take(reader)
        return self._found

    def _statement(self, r: Reader) -> None:
        if not self._in_test and (first := r.next()) is not None and first.text in _ONLY_IN_TESTS:
            hint = 'begin one with  test "what it promises"'
            r.fail(codes.TEST_PLACE, first.span, f'"{first.text}" belongs to a test, and none has begun', hint)
        word = r.keyword(_INSIDE if self._in_test else _HEAD, "a statement").text
        if word == "and":
            if self._last_word not in ("given", "when", "then"):
                r.fail(codes.TEST_PLACE, r.span, '"and" goes on with given, when or then, and none stands before it')
            word = self._last_word
        if word in ("with", "without"):
            self._detail(r, word == "without")
            return
        self._last_word = word
        self._has_happened = self._has_happened or word in ("when", "after")
        if word == "user":
            user = statements.user(r)
            if any(isinstance(each, cases.User) and each.name == user.name for each in self._found):
                r.fail(codes.TEST_VALUE, r.span, f"there is a user {user.name} already", "write all of it in one line")
            self._named.declared.add(user.name)
            self._found.append(user)
        elif word == "given":
            self._found.append(statements.given(r))
        elif word == "when":
            self._found.append(statements.when(r))
        elif word == "after":
            self._found.append(statements.after(r))
        else:
            if not self._has_happened:
                r.fail(
                    codes.TEST_PLACE,
                    r.span,
                    "nothing has happened yet, so nothing can come of it",
                    'write "when" first',
                )
            self._found.append(statements.then(r))

    def _detail(self, r: Reader, absent: bool) -> None:
        last = self._found[-1] if self._found else None
        if not isinstance(last, _CARRIES_DETAILS):
            r.fail(codes.TEST_PLACE, r.span, '"with" belongs to a message, and none stands before it')
        last.details.append(statements.detail(r, absent, not isinstance(last, cases.ThenMessage)))
