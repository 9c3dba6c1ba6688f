"""Which bracket closes which, and which of them have no partner."""

from __future__ import annotations

from typing import Final

from serc.reading.lex import Token
from serc.reading.source import Source

ROUTE_KINDS: Final = frozenset(("route", "failure_route", "onreply_route"))
# Route blocks of SER 2.0, OpenSER and Kamailio, and of 0.8.
FOREIGN_ROUTES: Final = frozenset(
    "reply_route request_route branch_route error_route local_route startup_route timer_route event_route"
    " onsend_route".split()
)


def starts_route(tokens: list[Token], at: int) -> bool:
    """Is there the head of a route block at `at`: KIND `{`, KIND `[…] {` or, by mistake, KIND `(…) {`?"""
    if tokens[at].kind != "word" or tokens[at].text not in ROUTE_KINDS | FOREIGN_ROUTES:
        return False
    if tokens[at + 1].text == "{":
        return True
    if tokens[at + 1].text == "(":  # a slip for brackets: no call has a block behind it
        return tokens[min(at + 4, len(tokens) - 1)].text == "{" and tokens[at + 3].text == ")"
    closing = at + 2
    while closing < at + 6 and closing < len(tokens) and tokens[closing].text not in ("]", "{", "}", ";"):
        closing += 1
    return tokens[at + 1].text == "[" and tokens[min(closing + 1, len(tokens) - 1)].text == "{"


def pairs(tokens: list[Token]) -> dict[int, int]:
    """Index of each opening bracket's partner, and the other way round. Brackets without a partner are not in it.

    A `;` ends all parentheses since the last brace, the head of a route ends everything: no bracket may span these. Only
    in `(if … …;)`, a statement as a condition, a `;` stands in parentheses.
    """
    partner: dict[int, int] = {}
    open_at: list[int] = []
    for i, token in enumerate(tokens):
        text = token.text
        if token.kind == "word":
            if open_at and text in ROUTE_KINDS | FOREIGN_ROUTES and starts_route(tokens, i):
                open_at.clear()
            continue
        if token.kind != "sign":
            continue
        if text in ("(", "[", "{"):
            open_at.append(i)
        elif text == ";":
            if not open_at or tokens[open_at[-1] + 1].text != "if":
                _drop_to_brace(tokens, open_at)
        elif text == "}":
            _drop_to_brace(tokens, open_at)
            _close(partner, open_at, i)
        elif text in (")", "]"):
            _close_parenthesis(tokens, partner, open_at, i)
    return partner


def _drop_to_brace(tokens: list[Token], open_at: list[int]) -> None:
    while open_at and tokens[open_at[-1]].text != "{":
        open_at.pop()


def _close(partner: dict[int, int], open_at: list[int], closing: int) -> None:
    if open_at:
        opening = open_at.pop()
        partner[opening], partner[closing] = closing, opening


def _close_parenthesis(tokens: list[Token], partner: dict[int, int], open_at: list[int], closing: int) -> None:
    wanted = "(" if tokens[closing].text == ")" else "["
    for depth in range(len(open_at) - 1, -1, -1):
        text = tokens[open_at[depth]].text
        if text == "{":
            return
        if text == wanted:
            del open_at[depth + 1 :]
            _close(partner, open_at, closing)
            return


def suspect(source: Source, tokens: list[Token], start: int, end: int) -> tuple[int, int]:
    """The `{` in tokens[start:end] that most likely lacks its `}`, and the token before which it lacks it.

    Judged by indentation: a `}` that begins a line belongs to the block whose line is indented like it. Where that is
    not the innermost open block, the innermost one was left open. Without a clue: the innermost one, and `end`.
    """
    opened: list[tuple[int, str]] = []
    for i in range(start, end):
        if tokens[i].text == "{" and tokens[i].kind == "sign":
            opened.append((i, indentation(source, tokens[i].start)))
        elif tokens[i].text == "}" and tokens[i].kind == "sign" and opened:
            indent = indentation(source, tokens[i].start)
            if not _begins_line(source, tokens[i]):
                opened.pop()
                continue
            if indent != opened[-1][1] and any(other == indent for _, other in opened[:-1]):
                return opened[-1][0], i
            opened.pop()
    return (opened[-1][0] if opened else start), end


def unopened(source: Source, tokens: list[Token], partner: dict[int, int], opening: int, closing: int) -> int | None:
    """Where in the route between the braces `opening` and `closing` a `{` is missing: index of the token behind it.

    Judged by indentation: the first `}` that begins a line which is not indented like the line of its `{` was meant for
    the last `if` or `else` before it that is, if that one has no block. None without such a clue.
    """
    for end in range(opening + 1, closing + 1):
        if tokens[end].text != "}" or tokens[end].kind != "sign" or end not in partner:
            continue
        indent = indentation(source, tokens[end].start)
        if not _begins_line(source, tokens[end]) or indent == indentation(source, tokens[partner[end]].start):
            continue
        for head in range(end - 1, opening, -1):
            if tokens[head].text in ("if", "else") and indentation(source, tokens[head].start) == indent:
                at = head + 1
                while tokens[at].text == "if":
                    at += 1
                at = partner.get(at, at - 1) + 1 if tokens[at].text == "(" else at
                return at if tokens[at].text != "{" else None
        return None
    return None


def _begins_line(source: Source, token: Token) -> bool:
    return not source.text[source.line_start(source.line_of(token.start)) : token.start].strip()


def indentation(source: Source, offset: int) -> str:
    """The blanks at the begin of the line."""
    line = source.line_text(source.line_of(offset))
    return line[: len(line) - len(line.lstrip())]
