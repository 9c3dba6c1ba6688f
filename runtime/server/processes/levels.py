"""The command `log level`: the master tells all processes how much to log, and does so itself, so that new ones begin with it."""

from __future__ import annotations

from typing import Final

from runtime.routing.engine import Engine
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import log_level
from runtime.server.mail.letters.log_level import ALL_AS_CONFIGURED, AS_CONFIGURED, AS_TOLD, LogLevelLetter
from runtime.server.worker.levels import obey
from runtime.spec.watching import LEVEL_MAX, LEVEL_MIN

# A level of a call costs others something, so nobody forgets many.
WORDS_MAX: Final = 100


class BadLevel(Exception):
    """It makes no sense: `str()` is one sentence."""


class Levels:
    """`mailboxes` are those of all other processes."""

    def __init__(self, engine: Engine, exchange: Exchange, mailboxes: list[int]) -> None:
        self._engine: Final = engine
        self._exchange: Final = exchange
        self._mailboxes: Final = mailboxes

    def run(self, line: str) -> str:
        """What is so afterwards, a line each. `line`: nothing, `N [WORD]` or `default [WORD]`. Raises BadLevel."""
        words = line.split()
        if words:
            self._tell(self._letter(words))
        loudness = self._engine.loudness
        usual = self._engine.loudness.configured
        level = f"{usual} (ser.cfg)" if loudness.level is None else f"{loudness.level} (ser.cfg: {usual})"
        more = [f"call-id={name}: {n}" for name, n in loudness.calls.items()]
        more += [f"module={name}: {n}" for name, n in loudness.modules.items()]
        return "".join(f"{one}\n" for one in [f"level: {level}", *more])

    def _letter(self, words: list[str]) -> LogLevelLetter:
        if len(words) > 2:
            raise BadLevel("write N, or N call-id=… or N module=…")
        word = words[1] if len(words) > 1 else ""
        usual = self._engine.loudness.configured
        if word:
            word = self._checked(word)
        if words[0] == "default":
            return LogLevelLetter(AS_CONFIGURED if word else ALL_AS_CONFIGURED, 0, usual, word)
        number = words[0]
        if not number.removeprefix("-").isdecimal() or not LEVEL_MIN <= int(number) <= LEVEL_MAX:
            raise BadLevel(f"{number}: write a number from {LEVEL_MIN} to {LEVEL_MAX}, or default")
        loudness = self._engine.loudness
        if word and len(loudness.calls) + len(loudness.modules) >= WORDS_MAX:
            raise BadLevel(f"there are {WORDS_MAX} levels already: `default` takes them back")
        return LogLevelLetter(AS_TOLD, int(number), usual, word)

    def _checked(self, word: str) -> str:
        name, equals, what = word.partition("=")
        if not equals:
            name, what = "module", name
        if name not in ("call-id", "module") or not what:
            raise BadLevel(f"{word}: write call-id=… or module=…")
        if name == "module":
            known = ["core", *[module.name for module in self._engine.program.modules]]
            what = what.removesuffix(".so")
            if what not in known:
                raise BadLevel(f"no module {what} is loaded: there are {', '.join(known)}")
        return f"{name}={what}"

    def _tell(self, letter: LogLevelLetter) -> None:
        obey(letter, self._engine)
        for mailbox in self._mailboxes:
            log_level.put(self._exchange.post, mailbox, letter)
        self._exchange.post.flush()
