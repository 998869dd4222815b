"""The line at the bottom: a command with history, completion and a live check, or a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from textual import events
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets._input import Input

from core.text import clean
from tui.cells import Cell
from tui.lines import LinePanel
from tui.seam import Commands

Mode = Literal["command", "filter"]
MOST_HISTORY = 200


class BarInput(Input, inherit_bindings=False):
    """Textual's input without the keys that tmux, screen and docker want for themselves."""

    BINDINGS = [  # noqa: RUF012  (Textual's own name and shape)
        Binding("left", "cursor_left", show=False, id="bar.left"),
        Binding("right", "cursor_right", show=False, id="bar.right"),
        Binding("ctrl+left", "cursor_left_word", show=False, id="bar.word_left"),
        Binding("ctrl+right", "cursor_right_word", show=False, id="bar.word_right"),
        Binding("home", "home", show=False, id="bar.home"),
        Binding("end,ctrl+e", "end", show=False, id="bar.end"),
        Binding("backspace", "delete_left", show=False, id="bar.backspace"),
        Binding("delete", "delete_right", show=False, id="bar.delete"),
        Binding("ctrl+w", "delete_left_word", show=False, id="bar.delete_word"),
        Binding("ctrl+u", "delete_left_all", show=False, id="bar.delete_all"),
        Binding("ctrl+k", "delete_right_all", show=False, id="bar.delete_rest"),
    ]

    def __init__(self) -> None:
        # A blinking cursor would keep writing to a screen on which nothing happens.
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        """One line, made harmless."""
        first = event.text.splitlines()[0] if event.text else ""
        self.insert_text_at_cursor(clean(first))
        event.stop()
        event.prevent_default()


class CommandBar(Widget):
    """Hidden until opened. Tells what was entered, and each change on the way."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape,ctrl+c", "cancel", show=False, id="bar.cancel"),
        Binding("enter", "enter", show=False, id="bar.enter"),
        Binding("tab", "complete(1)", show=False, id="bar.complete"),
        Binding("shift+tab", "complete(-1)", show=False, id="bar.complete_back"),
        Binding("up", "history(-1)", show=False, id="bar.older"),
        Binding("down", "history(1)", show=False, id="bar.newer"),
    ]

    def __init__(
        self,
        commands: Commands,
        edited: Callable[[Mode, str | None], None],
        entered: Callable[[Mode, str], None],
    ) -> None:
        """`edited` hears each change of the line, and None when the bar was left without one."""
        super().__init__(id="bar")
        self._commands = commands
        self._tell_edited, self._tell_entered = edited, entered
        self._mode: Mode = "command"
        self._service: str | None = None
        self._history: list[str] = []
        self._at = 0
        self._draft = ""
        self._choices: list[str] = []
        self._choice = -1
        self._shown: list[str] = []
        self._filled_in = ""
        self.is_open = False

    def compose(self) -> Sequence[Widget]:
        return [LinePanel(id="sign"), BarInput()]

    @property
    def _input(self) -> BarInput:
        return self.query_one(BarInput)

    def open(self, mode: Mode, text: str, service: str | None) -> None:
        """Show the bar with a text to go on from; `service` is the default for commands."""
        self._mode, self._service = mode, service
        self._choices, self._shown, self._choice = [], [], -1
        self._at, self._draft = len(self._history), text
        self.is_open = True
        self.styles.display = "block"
        self.query_one(LinePanel).show([((":" if mode == "command" else "/", "key"), (" ", ""))])
        self._set(text)
        # At once, not with the next message: the letters typed behind ":" belong here.
        self.screen.set_focus(self._input)
        self._edited()

    def leave(self) -> None:
        self.is_open = False
        self.styles.display = "none"
        self.screen.set_focus(None)

    def _set(self, text: str) -> None:
        self._input.value = text
        self._input.cursor_position = len(text)

    def _edited(self) -> None:
        self._tell_edited(self._mode, self._input.value)

    def type(self, character: str) -> None:
        """A letter, in order with the keys around it."""
        self._input.insert_text_at_cursor(character)
        self._changed()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._changed()

    def _changed(self) -> None:
        value = self._input.value
        if value not in self._choices and value != self._filled_in:
            self._choices, self._shown, self._choice = [], [], -1
        self._edited()

    def action_enter(self) -> None:
        text = self._input.value.strip()
        self.leave()
        if self._mode == "command" and text:
            if self._history[-1:] != [text]:
                self._history = [*self._history, text][-MOST_HISTORY:]
            self._tell_entered(self._mode, text)
        elif self._mode == "filter":
            self._tell_entered(self._mode, text)
        else:
            self._tell_edited(self._mode, None)

    def action_cancel(self) -> None:
        self.leave()
        self._tell_edited(self._mode, None)

    def action_history(self, by: int) -> None:
        if self._mode != "command" or not self._history:
            return
        if self._at == len(self._history):
            self._draft = self._input.value
        self._at = max(0, min(self._at + by, len(self._history)))
        self._set(self._draft if self._at == len(self._history) else self._history[self._at])

    def action_complete(self, by: int) -> None:
        """Fill in what is certain; pressed again, go through what is possible."""
        if self._mode != "command":
            return
        if not self._choices:
            line = self._input.value
            found = self._commands.complete(line, self._input.cursor_position, self._service)
            common = _common(found)
            self._shown = found
            if len(found) > 1 and len(common) > len(line):
                self._filled_in = common
                self._set(common)
                self._edited()
                return
            self._choices = found
        if self._choices:
            self._choice = (self._choice + by) % len(self._choices)
            self._set(self._choices[self._choice])
        self._edited()

    def hint(self, width: int) -> list[Cell]:
        """What stands above the line: what is wrong with it, or what it may become."""
        if self._mode == "filter":
            return [(" shows only what holds this text; enter keeps it, esc ends it", "dim")]
        line = self._input.value
        if self._shown and (not self._choices or len(self._choices) > 1):
            cells: list[Cell] = [(" ", "")]
            used = 1
            for place, choice in enumerate(self._shown):
                word = clean(_last_word(choice))
                if used + len(word) + 2 > width:
                    cells.append(("…", "dim"))
                    break
                cells += [(word, "cursor" if place == self._choice else ""), ("  ", "")]
                used += len(word) + 2
            return cells
        wrong = self._commands.check(line, self._service) if line.strip() else None
        if wrong:
            return [(" " + clean(wrong), "warning")]
        return [(" enter runs it, a change is shown before anything happens; tab completes", "dim")]


def _common(lines: Sequence[str]) -> str:
    first, last = min(lines, default=""), max(lines, default="")
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[: min(len(first), len(last)) if same is None else same]


def _last_word(line: str) -> str:
    words = line.split()
    return words[-1] if words else line
