"""The console's picture: painted at once, redrawn when snapshots come, never waiting for one."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App
from textual.filter import LineFilter
from textual.widget import Widget

from commands.changes import ChangesReport
from core.errors import ModeldeckError
from core.text import clean
from tui.announce import Announcer
from tui.cells import Cell, Row, line, overlay, row_width
from tui.feeds import Feed
from tui.keys import footer_keys
from tui.lines import LinePanel, SafeFilter
from tui.panels.bars import footer, header
from tui.place import Place, Spot
from tui.plan_box import PlanBox
from tui.screens.pages import KINDS, draw_page
from tui.screens.scene import PageName, Picture, Scene, Subject
from tui.seam import Answer, Backend, ServiceView, SourceKind
from tui.watch import Watch

if TYPE_CHECKING:
    from tui.command_bar import CommandBar

GATHER = 0.2
"""Seconds in which several snapshots are drawn together."""
SETTLE = 0.15
"""Seconds that the cursor rests on a service before that service is polled."""
UNFOLDS = 5.0
"""Seconds after which a picture is drawn again even without news: sparklines move on, days end."""
SAID = 8.0
"""Seconds that a message takes the footer's place."""
ANNOUNCED = 60.0
"""Seconds that an announcement does; a key takes it away sooner."""
FOR_EVER = 1e9
NO_CONFIG = (
    "no service is configured: `modeldeck init` writes a config, "
    "`modeldeck demo` starts a fleet to try"
)


class Display(App[int], inherit_bindings=False):
    """`now` is the wall clock, `clock` a steady one, in seconds; tests hand in their own."""

    CSS_PATH = Path(__file__).with_name("console.tcss")
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    AUTO_FOCUS = ""

    def __init__(
        self,
        backend: Backend,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        pace: float = 1.0,
    ) -> None:
        """`pace` stretches every rhythm: 3.0 polls a third as often, for thin lines."""
        super().__init__(ansi_color=True)
        self.set_reactive(App.theme, "ansi-dark")
        self.backend = backend
        self.box = PlanBox(backend, self._box_changed, self._answered, clock)
        self.sources = Watch(backend, self.wake, now, pace)
        start: PageName = "overview" if backend.facts.services else "gpus"
        self.place = Place(Spot(start))
        self.picture = Picture(())
        self._now, self._clock, self._pace = now, clock, pace
        self.answer: Answer | None = None
        self._said: tuple[str, str, float] | None = None
        self._followed: str | None = None
        self._wanted: tuple[str, frozenset[SourceKind], Subject | None] | None = None
        self._announcer = Announcer(backend.facts.actor)
        self._answers = 0
        self._drawn: tuple[object, ...] = ()
        self._waking = False
        self._opening: asyncio.Task[None] | None = None
        self._safe = SafeFilter()
        self.bar: CommandBar | None = None

    # Life

    def compose(self) -> Sequence[Widget]:
        return [LinePanel(id="body")]

    def on_mount(self) -> None:
        if not self.backend.facts.services:
            self.say(NO_CONFIG, seconds=FOR_EVER)
        self._tick()
        self._opening = asyncio.create_task(self._open())

    def on_resize(self) -> None:
        self.draw()

    async def _open(self) -> None:
        try:
            await self.sources.open()
        except ModeldeckError as error:
            self.say(error.message, "critical", FOR_EVER)
        self.wake()

    async def on_unmount(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        self.box.close()
        await self.sources.close()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._safe]

    def _set_pointer_shape(self, shape: str) -> None:
        """Not for this console: older terminals print the sequence instead of obeying it."""

    def _fatal_error(self) -> None:
        """Textual's own report shows the values of variables, and they could hold secrets."""
        from rich.segment import Segment, Segments

        from tui.crash import crash_text

        _, error, trace = sys.exc_info()
        text = crash_text(error, trace, self.backend.redact)
        self._exit_renderables.append(Segments([Segment(text + "\n")]))
        self._close_messages_no_wait()

    # Drawing

    def wake(self) -> None:
        """Draw soon; several snapshots that come together are drawn once."""
        if not self.is_running:
            return
        if self.box.open:
            self.call_later(self.draw)
        elif not self._waking:
            self._waking = True
            self.set_timer(GATHER * self._pace, self._woken)

    def _woken(self) -> None:
        self._waking = False
        self.draw()

    def _tick(self) -> None:
        """Every full second, for the clock and the ages."""
        self.draw()
        self.set_timer(max(0.05, 1.0 - self._now().microsecond / 1e6), self._tick)

    def draw(self) -> None:
        """The picture as it is now. Only what differs from the last one reaches the terminal."""
        width, height = self.size
        bar = self.bar if self.bar is not None and self.bar.is_open else None
        height -= bar is not None
        if width < 20 or height < 5 or not self.query("#body"):
            return
        now, store, running = self.sources.look()
        spot, facts = self.place.spot, self.backend.facts
        scene = Scene(
            facts, store, width, height - 2, now, spot.service, spot.cursor, spot.top, spot.filter,
            self.place.window, self.sources.paused,
        )  # fmt: skip
        self._draw_page(scene)
        services: Feed[Sequence[ServiceView]] = scene.feed("services")
        waiting = sum(len(view.status.approvals) for view in services.value or ())
        told: Feed[ChangesReport] = scene.feed("changes")
        if told.value is not None and (news := self._announcer.news(told.value.events)):
            self.say(news, seconds=ANNOUNCED)
        top = header(
            facts, running, width, self._now(), paused=self.sources.paused, approvals=waiting
        )
        last = line(width, bar.hint(width)) if bar is not None else self._footer(width)
        rows: list[Row] = [top, *self.picture.rows, last]
        if self.box.open:
            box = self.box.rows(width, height - 2)
            x = (width - row_width(box[0])) // 2
            rows = overlay(rows, box, x, max(1, (height - len(box)) // 2), width)
        self.query_one("#body", LinePanel).show(rows)
        self._follow()

    def _draw_page(self, scene: Scene) -> None:
        """Draw the page, unless nothing but the time went on and that is not yet to be seen."""
        notes = tuple(feed.note(scene.now) for feed in scene.store.values())
        unfolds = scene.now.timestamp() // UNFOLDS
        key = (self.sources.news, self.place.spot, self.place.window, scene.width, scene.height,
               self._answers, notes, unfolds)  # fmt: skip
        if key != self._drawn:
            self._drawn = key
            self.picture = draw_page(self.place.spot.page, scene, self.answer)

    def _follow(self) -> None:
        """Poll what the page shows of its service, once the cursor has come to rest."""
        kinds = KINDS.get(self.place.spot.page, frozenset())
        service = self.picture.service if kinds else self._followed
        if service is None:
            return
        choice = self.picture.choice if kinds else None
        subject = choice.subject if choice is not None else None
        before, wanted = self._wanted, (service, kinds, subject)
        if before == wanted:
            return
        self._wanted, self._followed = wanted, service

        def settled() -> None:
            if self._wanted == wanted:
                self.sources.follow(*wanted)

        if before is not None and _moved(before[0], service, before[2], subject):
            self.set_timer(SETTLE, settled)
        else:
            settled()

    def _footer(self, width: int) -> Row:
        message: Cell | None = None
        if self._said is not None:
            text, style, until = self._said
            if self._clock() < until:
                message = (text, style)
        return footer(
            footer_keys(self.place.spot.page, self.picture.choice is not None), width, message
        )

    def say(self, text: str, style: str = "notice", seconds: float = SAID) -> None:
        """Show a line in the footer's place."""
        self._said = (clean(text), style, self._clock() + seconds)
        self.wake()

    def unsay(self) -> None:
        """A key was pressed: what was said was read."""
        if self._said is not None and self._said[2] < self._clock() + FOR_EVER / 2:
            self._said = None

    def service(self) -> str | None:
        """The service that a key or a command without one is about."""
        named = self.picture.service or self.place.spot.service or self._followed
        # Before the first answer nothing is known to be the worst.
        return named or next(iter(self.backend.facts.services), None)

    def _box_changed(self) -> None:
        if self.box.phase == "ended":
            # What was just set is to be seen, and not only at the next turn of each source.
            self.sources.poll_now()
        self.wake()

    def _answered(self, answer: Answer) -> None:
        self.answer = answer
        self._answers += 1
        if answer.recorded:
            self.sources.poll_now()
        if self.place.spot.page != "answer":
            self.place.go("answer", self.service())
        self.place.put(None, 0)
        self.wake()


def _moved(old: str, new: str, before: Subject | None, after: Subject | None) -> bool:
    """Whether the cursor went on, and may go on further."""
    if old != new:
        return True
    return before is not None and after is not None and before.number != after.number
