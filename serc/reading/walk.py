"""Ways through the tree."""

from __future__ import annotations

from collections.abc import Iterator

from serc.reading import tree

Node = tree.Statement | tree.Expression


def below(node: Node) -> Iterator[Node]:
    """`node` and everything in it, in the order of the text."""
    waiting: list[Node] = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(parts(current)))


def parts(node: Node) -> list[Node]:
    """The statements and expressions directly in `node`."""
    if isinstance(node, tree.Block):
        return list(node.statements)
    if isinstance(node, tree.If):
        return [node.condition, node.then, *([node.otherwise] if node.otherwise else [])]
    if isinstance(node, (tree.Or, tree.And)):
        return list(node.operands)
    if isinstance(node, tree.Not):
        return [node.operand]
    return []


def else_if(node: tree.If) -> tree.If | None:
    """The `if` that is all of the else branch: the next link of a chain. Braces end a chain."""
    rest = node.otherwise
    if rest is None or rest.braced or len(rest.statements) != 1:
        return None
    (statement,) = rest.statements
    return statement if isinstance(statement, tree.If) else None


def calls(node: Node) -> Iterator[tree.Call]:
    return (n for n in below(node) if isinstance(n, tree.Call))


def routes(file: tree.File) -> Iterator[tree.Route]:
    return (item for item in file.items if isinstance(item, tree.Route))
