"""Ways through the tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from serc.reading import tree

Node = tree.Statement | tree.Expression


def below(node: Node) -> tuple[Node, ...]:
    """`node` and everything in it, in the order of the text."""
    return node.below if isinstance(node, tree.Block) else tree.flattened(node)


def else_if(node: tree.If) -> tree.If | None:
    """The `if` that is all of the else branch: the next link of a chain. Braces end a chain."""
    rest = node.otherwise
    if rest is None or rest.braced or len(rest.statements) != 1:
        return None
    (statement,) = rest.statements
    return statement if isinstance(statement, tree.If) else None


def calls(node: Node) -> Iterable[tree.Call]:
    if isinstance(node, tree.Block):
        return node.calls
    return (n for n in below(node) if isinstance(n, tree.Call))


def routes(file: tree.File) -> Iterator[tree.Route]:
    return (item for item in file.items if isinstance(item, tree.Route))
