"""A person at the console: keys in, a real terminal's screen out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Self

import pyte

from tests.tui.pty_cost import Terminal

KEYS = {
    "enter": "\r", "esc": "\x1b", "down": "\x1b[B", "up": "\x1b[A", "left": "\x1b[D",
    "right": "\x1b[C", "tab": "\t", "space": " ",
}  # fmt: skip


class Person:
    """The console in a pty of its own, on a config, as `modeldeck --config PATH` opens it."""

    def __init__(self, config: Path, *options: str, columns: int = 120, lines: int = 36) -> None:
        words = [sys.executable, "-m", "tui.launch", "--config", str(config), *options]
        self.terminal = Terminal(words, columns, lines)
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = bytearray()

    def __enter__(self) -> Self:
        self.terminal.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.__exit__()

    def look(self, seconds: float = 0.2) -> str:
        """The screen, after what arrives in the next moment."""
        data = self.terminal.read_for(seconds)
        self.raw += data
        self._stream.feed(data)
        return "\n".join(self._screen.display)

    def sees(self, *wanted: str, within: float = 40.0, gone: str | None = None) -> str:
        """Wait until the screen shows all of it, and no longer `gone`."""
        end = time.monotonic() + within
        while True:
            screen = self.look()
            if all(text in screen for text in wanted) and (gone is None or gone not in screen):
                return screen
            assert time.monotonic() < end, f"not seen within {within:g} s: {wanted}\n{screen}"

    def press(self, *keys: str) -> None:
        for key in keys:
            self.terminal.write(KEYS.get(key, key).encode())
            # What follows an escape at once would be taken for alt and a letter.
            self.look(0.8 if key == "esc" else 0.1)

    def types(self, line: str) -> None:
        """A command line in the bar, and enter."""
        self.press(":")
        self.sees_bar()
        self.terminal.write(line.encode())
        self.sees(line[-30:])
        self.press("enter")

    def sees_bar(self) -> None:
        self.look(0.5)

    def confirms(self) -> None:
        """Press y until the box takes it: it has to be complete for half a second, and what is
        pressed again too soon looks like a held key."""
        end = time.monotonic() + 30
        while True:
            self.look(1.5)
            self.press("y")
            if "y goes" not in self.look(0.5):
                return
            assert time.monotonic() < end, "\n".join(self._screen.display)

    def leaves(self, within: float = 10.0) -> float:
        """Press q; how long the program then took to end, in seconds."""
        self.press("q")
        return self.terminal.ends(within)
