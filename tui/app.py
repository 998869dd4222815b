"""The console: what each key does. The picture itself is drawn in `tui/display.py`."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding
from textual.driver import Driver
from textual.screen import Screen

from core.errors import Unfinished
from tui.display import FOR_EVER, Display
from tui.keys import IN_BOX, KEYS
from tui.lines import RunsScreen
from tui.screens.scene import PageName

if TYPE_CHECKING:
    from tui.command_bar import Mode

LISTS = ("overview", "gpus", "changes")


class ConsoleApp(Display, inherit_bindings=False):
    """The exit code is the app's return value."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding(key.keys, key.action, key.does, show=False, id=key.id) for key in KEYS
    ]
    _fresh = False
    _leaving: asyncio.Task[None] | None = None

    def get_driver_class(self) -> type[Driver]:
        from textual.drivers.linux_driver import LinuxDriver

        found = super().get_driver_class()
        if found is not LinuxDriver:
            return found
        from tui.driver import SteadyDriver

        return SteadyDriver

    def get_default_screen(self) -> Screen[Any]:
        return RunsScreen()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._key(event)
        else:
            await super().on_event(event)

    async def _key(self, event: events.Key) -> None:
        """Each key is done before the next one is looked at.

        Textual hands keys from queue to queue, so that letters typed quickly behind ":" would
        still act as keys of the screen.
        """
        self._fresh = self.box.key_seen(event.key)
        self.unsay()
        if self.bar is not None and self.bar.is_open:
            if event.is_printable and event.character is not None:
                self.bar.type(event.character)
                return
        elif self.take_letter(event):
            return
        await self._check_bindings(event.key)

    def take_letter(self, event: events.Key) -> bool:
        """Whether the plan box asks for a name and took the key as a letter of it."""
        if not self.box.wants_letters:
            return False
        if event.key == "backspace":
            self.box.letter("\b")
        elif event.is_printable and event.character is not None:
            self.box.letter(event.character)
        else:
            return False
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While a plan is open only its own keys do anything."""
        return action in IN_BOX if self.box.open else action not in ("confirm", "leave_out")

    def action_show_page(self, page: PageName) -> None:
        self.place.go(page, None if page in LISTS else self.service())
        self.draw()

    def action_what_changed(self) -> None:
        self.place.go("changes", self.service())
        self.draw()

    def action_open(self) -> None:
        if self.place.spot.page in LISTS and self.picture.service:
            self.place.go("service", self.picture.service)
        elif self.place.spot.page == "service" and self.picture.choice is not None:
            number = self.picture.choice.subject.number
            self.place.go("version", self.picture.service)
            self.place.put(number, 0)
        self.draw()

    def action_go_back(self) -> None:
        if self.box.open:
            self.box.back()
        else:
            self.place.back()
            self.draw()

    def action_plan(self, kind: str) -> None:
        service = self.service()
        if service is None:
            self.say("no service is chosen")
        else:
            self.run_line(f"{kind} {shlex.quote(service)}")

    async def action_form(self, kind: str) -> None:
        service, choice = self.service(), self.picture.choice
        text = f"{kind} {shlex.quote(service)} " if service else f"{kind} "
        if kind == "canary" and choice and choice.subject.number != choice.subject.champion:
            text += f"{shlex.quote(choice.subject.number)} --weight "
        await self._open_bar("command", text)

    async def action_command(self) -> None:
        await self._open_bar("command", "")

    async def action_filter(self) -> None:
        if self.place.spot.page in LISTS:
            await self._open_bar("filter", self.place.spot.filter)

    def run_line(self, text: str) -> None:
        """What the command bar and the capitals do: ask for a plan, or for an answer."""
        self.box.ask(text, self.service())

    def action_confirm(self) -> None:
        self.box.confirm(self._fresh)

    def action_leave_out(self) -> None:
        self.box.leave_out()

    def action_move(self, by: int) -> None:
        if self.box.open:
            self.box.move(by)
            return
        items, at = self.picture.items, self.picture
        if items:
            place = items.index(at.cursor) if at.cursor in items else 0
            self.place.put(items[max(0, min(place + by, len(items) - 1))], at.top)
        elif at.length:
            top = max(0, min(at.top + by, at.length - at.height))
            self.place.put(self.place.spot.cursor, top)
        self.draw()

    def action_choose(self, by: int) -> None:
        """The next version of the service, with the versions on the screen."""
        choice, at = self.picture.choice, self.picture
        if choice is None:
            return
        place = choice.numbers.index(choice.subject.number) + by
        number = choice.numbers[max(0, min(place, len(choice.numbers) - 1))]
        top = at.top if at.top <= choice.at < at.top + at.height - 2 else choice.at
        self.place.put(number, top)
        self.draw()

    async def action_promote(self) -> None:
        """The plan for the version that is chosen; where none is, the line to complete."""
        choice, service = self.picture.choice, self.service()
        if choice is None or service is None:
            await self.action_form("promote")
        else:
            number = shlex.quote(choice.subject.number)
            self.run_line(f"promote {shlex.quote(service)} {number} --to {choice.to}")

    def action_page(self, by: int) -> None:
        if self.box.open:
            self.box.page(by)
        else:
            self.action_move(by * max(1, self.picture.height - 1))

    def action_edge(self, by: int) -> None:
        self.action_move(by * 1_000_000)

    def action_window(self, by: int) -> None:
        self.place.widen(by)
        self.draw()

    def action_pause(self) -> None:
        self.sources.pause()
        self.draw()

    def action_poll(self) -> None:
        self.sources.poll_now()
        self.say("polling everything now", "dim", 2.0)

    def action_copy_line(self) -> None:
        """The command that does or shows the same, to the clipboard and into a file."""
        from tui.copying import copy_to_file

        text = self.line_of_page()
        self.copy_to_clipboard(text)
        self.say(copy_to_file(text, self.backend.facts.copies), "dim")

    def line_of_page(self) -> str:
        """The command line that stands for what is on the screen."""
        if self.box.open:
            return self.box.command_line
        service = self.service()
        name = f" {shlex.quote(service)}" if service else ""
        page = self.place.spot.page
        if page == "answer" and self.answer is not None:
            return self.answer.line
        if page == "changes":
            name = f" {shlex.quote(self.place.spot.service)}" if self.place.spot.service else ""
            return f"modeldeck changes{name} --since {self.place.window / 3600:g}h"
        if page == "version" and self.picture.choice is not None:
            return f"modeldeck gate{name} {shlex.quote(self.picture.choice.subject.number)}"
        return "modeldeck gpus" if page == "gpus" else f"modeldeck status{name}"

    # The command bar

    async def _open_bar(self, mode: Mode, text: str) -> None:
        if self.bar is None:
            from tui.command_bar import CommandBar

            self.bar = CommandBar(self.backend, self._edited, self._entered)
            await self.mount(self.bar)
        self.bar.open(mode, text, self.service())

    def _edited(self, mode: Mode, text: str | None) -> None:
        if mode == "filter":
            self.place.narrow(text or "")
        self.draw()

    def _entered(self, mode: Mode, text: str) -> None:
        if mode == "filter":
            self.place.narrow(text)
            self.draw()
        elif text in ("q", "quit"):
            self.call_later(self.action_leave)
        elif text == "help":
            self.action_show_page("help")
        else:
            self.run_line(text)

    # The mouse

    def on_click(self, event: events.Click) -> None:
        """Chooses the row; a second click on it opens it."""
        item = self.picture.under(event.screen_x, event.screen_y - 1)
        if item is None or self.box.open:
            return
        again = item == self.place.spot.cursor
        self.place.put(item, self.picture.top)
        self.draw()
        if again and event.chain > 1:
            self.action_open()

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-1)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(1)

    # Leaving

    async def action_leave(self) -> None:
        """At once, whatever hangs; a plan under way is first brought to an end that is safe."""
        if not self.box.applying:
            self.exit(0)
        elif self._leaving is None:
            self.box.stop.set()
            self.say("stopping after the set in hand; q again leaves it unfinished", seconds=FOR_EVER)  # fmt: skip
            self._leaving = asyncio.create_task(self._leave_after_plan())
        else:
            self.exit(Unfinished.exit_code)

    async def hang_up(self) -> None:
        """A signal, or a terminal that is gone: as `q`, and never the second one."""
        if self._leaving is None:
            await self.action_leave()

    async def _leave_after_plan(self) -> None:
        await self.box.finished()
        outcome = self.box.outcome
        self.exit(outcome.exit_code if outcome is not None else Unfinished.exit_code)
