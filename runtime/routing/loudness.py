"""How much is logged, as an administrator sets it while the server runs: of everything, of one call, or by one module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.asking import Question
from runtime.routing.context import Context
from runtime.routing.edition import Edition
from runtime.routing.module import Module
from runtime.routing.onlooker import Onlooker
from runtime.routing.tracing import plain_route
from runtime.routing.world import World
from runtime.sip.transport import Send


@final
class Loudness(Onlooker):
    """The levels of one process. It looks on as long as there is a level of a call or of a module."""

    def __init__(self, world: World, edition: Edition) -> None:
        self._world: Final = world
        # That of ser.cfg, and what counts in its place; None: nothing does.
        self.configured = world.log.level
        self.level: int | None = None
        self.calls: Final[dict[str, int]] = {}
        self.modules: Final[dict[str, int]] = {}
        self._edition = edition
        self._originals: Final[dict[str, object]] = {}
        # Of runs that are in a loud module, by the identity of their Context.
        self._inside: Final[dict[int, int]] = {}

    def take(self, word: str, level: int | None) -> None:
        """`word` is "", call-id=… or module=…; None: as ser.cfg says."""
        name, _, what = word.partition("=")
        if name == "":
            self.level = level
        else:
            levels = self.calls if name == "call-id" else self.modules
            if level is None:
                levels.pop(what, None)
            else:
                levels[what] = level
        self._apply()

    def clear(self) -> None:
        """All as ser.cfg says."""
        self.level = None
        self.calls.clear()
        self.modules.clear()
        self._apply()

    def renew(self, edition: Edition, configured: int) -> None:
        """From now on this one runs, with that level."""
        self._restore()
        self._edition = edition
        self.configured = configured
        self._apply()

    def _apply(self) -> None:
        self._set(self._usual())
        self._restore()
        for name in self.modules:
            self._make_loud(self._edition, name)
        if self.calls or self.modules:
            self._world.look_on(self)
        else:
            self._world.look_away(self)

    def _usual(self) -> int:
        return self.configured if self.level is None else self.level

    def _set(self, level: int) -> None:
        world = self._world
        world.log_level = world.log.level = level

    # --- calls ---------------------------------------------------------------------------------------------------------

    def came(self, ctx: Context) -> None:
        self._be_as(ctx)

    def done(self, ctx: Context) -> None:
        if self.calls:
            self._set(self._usual())

    def asked(self, question: Question[Any], about: object) -> None:
        self._set(self._usual())

    def answered(self, question: Question[Any], about: object) -> None:
        if isinstance(about, Context):
            self._be_as(about)

    def _be_as(self, ctx: Context) -> None:
        level = self._inside.get(id(ctx))
        if level is None and self.calls and ctx.message.call_id:
            level = self.calls.get(ctx.message.value(ctx.message.call_id).decode("latin-1"))
        if level is not None:
            self._set(level)

    # --- modules -------------------------------------------------------------------------------------------------------

    def _make_loud(self, edition: Edition, name: str) -> None:
        """What routes call of the module goes through a LoudCalls, its hooks through a LoudModule."""
        namespace = namespace_of(edition)
        module = next((m for m in edition.program.modules if m.name == name), None)
        for variable, value in list(namespace.items()):
            if (module is not None and value is module) or (name == "core" and variable == "core"):
                self._originals[variable] = value
                namespace[variable] = LoudCalls(self, value, name)
        if module is None:
            return
        loud = LoudModule(self, module)
        for hooks in (edition.filters, edition.reply_hooks, edition.enders, edition.stateful):
            for i in range(len(hooks)):
                if hooks[i] is module:
                    hooks[i] = loud

    def _restore(self) -> None:
        edition = self._edition
        if self._originals:
            namespace_of(edition).update(self._originals)
            self._originals.clear()
        for hooks in (edition.filters, edition.reply_hooks, edition.enders, edition.stateful):
            for i in range(len(hooks)):
                one = hooks[i]
                if isinstance(one, LoudModule):
                    hooks[i] = one.module

    def enter(self, name: str, ctx: Context | None) -> tuple[int, int | None]:
        """A loud module is at work, for this message; what `leave` has to know."""
        before = (self._world.log.level, None if ctx is None else self._inside.get(id(ctx)))
        level = self.modules.get(name)
        if level is not None:
            if ctx is not None:
                self._inside[id(ctx)] = level
            self._set(level)
        return before

    def leave(self, before: tuple[int, int | None], ctx: Context | None) -> None:
        level, inside = before
        if ctx is not None:
            if inside is None:
                self._inside.pop(id(ctx), None)
            else:
                self._inside[id(ctx)] = inside
        self._set(level)


def namespace_of(edition: Edition) -> dict[str, Any]:
    """What routes.py has at its top; nothing where that is machine code."""
    program = edition.program
    for route in (edition.request, *program.failure.values(), *program.onreply.values()):
        found = None if route is None else getattr(plain_route(route), "__globals__", None)
        if isinstance(found, dict):
            return found
    return {}


@mypyc_attr(native_class=False)
class LoudCalls:
    """A module as routes see it."""

    def __init__(self, loudness: Loudness, module: object, name: str) -> None:
        self._loudness: Final = loudness
        self._module: Final = module
        self._name: Final = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        return LoudCall(self._loudness, found, self._name) if callable(found) else found


@mypyc_attr(native_class=False)
class LoudCall:
    """A function of a loud module."""

    def __init__(self, loudness: Loudness, function: Callable[..., Any], module: str) -> None:
        self._loudness: Final = loudness
        self._function: Final = function
        self._module: Final = module

    def __call__(self, ctx: Context, *arguments: Any) -> Any:
        before = self._loudness.enter(self._module, ctx)
        try:
            return self._function(ctx, *arguments)
        finally:
            self._loudness.leave(before, ctx)


@final
class LoudModule(Module):
    """A module as the engine sees it."""

    def __init__(self, loudness: Loudness, module: Module) -> None:
        super().__init__(module.name)
        self._loudness: Final = loudness
        self.module: Final = module

    def on_request(self, ctx: Context) -> bool:
        before = self._loudness.enter(self.name, ctx)
        try:
            return self.module.on_request(ctx)
        finally:
            self._loudness.leave(before, ctx)

    def on_reply(self, ctx: Context) -> bool:
        before = self._loudness.enter(self.name, ctx)
        try:
            return self.module.on_reply(ctx)
        finally:
            self._loudness.leave(before, ctx)

    def after_request(self, ctx: Context) -> None:
        before = self._loudness.enter(self.name, ctx)
        try:
            self.module.after_request(ctx)
        finally:
            self._loudness.leave(before, ctx)

    def on_cancel(self, cancel: Context, invite: Context) -> bool:
        before = self._loudness.enter(self.name, cancel)
        try:
            return self.module.on_cancel(cancel, invite)
        finally:
            self._loudness.leave(before, cancel)

    def on_timer(self, now_ms: i64) -> None:
        before = self._loudness.enter(self.name, None)
        try:
            self.module.on_timer(now_ms)
        finally:
            self._loudness.leave(before, None)

    def on_send_failure(self, failed: Send, now_ms: i64) -> None:
        before = self._loudness.enter(self.name, None)
        try:
            self.module.on_send_failure(failed, now_ms)
        finally:
            self._loudness.leave(before, None)

    def next_timer_ms(self, now_ms: i64) -> i64:
        return self.module.next_timer_ms(now_ms)

    def knows(self, ctx: Context) -> bool:
        return self.module.knows(ctx)

    def absorbs(self, ctx: Context) -> bool:
        return self.module.absorbs(ctx)

    def under_way(self) -> int:
        return self.module.under_way()
