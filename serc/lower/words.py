"""Words of the tree as text and bytes."""

from __future__ import annotations

from serc.reading import tree


def host_text(word: object) -> str:
    """The text of a word that names a host, a user, a path."""
    if isinstance(word, tree.SocketId):
        return host_text(word.host)
    if isinstance(word, tree.String):
        return word.value
    if isinstance(word, tree.IpAddress):
        return word.text
    assert isinstance(word, (tree.Identifier, tree.Host, tree.Word)), word
    return word.name


def wire(word: object) -> bytes:
    """The same as it goes on the wire: ser.cfg is read as Latin-1, so no byte is lost."""
    return host_text(word).encode("latin-1")


def number(word: object) -> int:
    assert isinstance(word, tree.Number), word
    return word.value
