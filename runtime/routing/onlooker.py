"""Who watches what a process does with its messages: nobody, as a rule, and then nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

from mypy_extensions import mypyc_attr

from runtime.sip.transport import Send

if TYPE_CHECKING:
    from runtime.routing.asking import Question
    from runtime.routing.context import Context


@mypyc_attr(allow_interpreted_subclasses=True)
class Onlooker:
    """Told of what happens; it changes nothing of that, does not wait, and raises nothing."""

    def came(self, ctx: Context) -> None:
        """A message is about to be handled."""

    def done(self, ctx: Context) -> None:
        """It has been handled, perhaps long after it came."""

    def sends(self, sends: list[Send]) -> None:
        """These are about to be written."""

    def not_sent(self, failed: Send, why: str) -> None:
        """The system has not taken this."""

    def asked(self, question: Question[Any], about: object) -> None:
        """A run waits for the answer, or `go_on` of the question does. `about` is the Context of its message, if it has one."""

    def answered(self, question: Question[Any], about: object) -> None:
        """It waits no more."""

    def logged(self, level: int, line: str, about: object) -> None:
        """A line for the log, of a level up to what is logged of this message, whether or not it is written."""


@final
class Onlookers(Onlooker):
    """Several who watch."""

    def __init__(self, all_: list[Onlooker]) -> None:
        self.all: Final = all_

    def came(self, ctx: Context) -> None:
        for one in self.all:
            one.came(ctx)

    def done(self, ctx: Context) -> None:
        for one in self.all:
            one.done(ctx)

    def sends(self, sends: list[Send]) -> None:
        for one in self.all:
            one.sends(sends)

    def not_sent(self, failed: Send, why: str) -> None:
        for one in self.all:
            one.not_sent(failed, why)

    def asked(self, question: Question[Any], about: object) -> None:
        for one in self.all:
            one.asked(question, about)

    def answered(self, question: Question[Any], about: object) -> None:
        for one in self.all:
            one.answered(question, about)

    def logged(self, level: int, line: str, about: object) -> None:
        for one in self.all:
            one.logged(level, line, about)
