"""When a key may confirm a plan: never by itself, never too early, never because it is held."""

from __future__ import annotations

from dataclasses import dataclass, field

READY_AFTER = 0.5
"""Seconds that the whole plan must have been on the screen."""
HELD_WITHIN = 1.2
"""Seconds between two events of one key that may be the terminal repeating a held key. Longer
than the pause that keyboards make before they begin to repeat."""


@dataclass
class Confirmation:
    """The rules of one box. Times are seconds of a steady clock, handed in by the caller.

    `word` is what must be typed first, letter by letter; "" where nothing must.
    """

    word: str = ""
    typed: str = ""
    complete_since: float | None = None
    _last: dict[str, float] = field(default_factory=dict)

    def saw(self, key: str, at: float) -> bool:
        """Note a key, also one from before the box opened; whether it was freshly pressed."""
        before = self._last.get(key)
        self._last[key] = at
        return before is None or at - before > HELD_WITHIN

    def shown(self, whole: bool, at: float) -> None:
        """The box was drawn, and whether its whole plan has now been seen."""
        if not whole:
            self.complete_since = None
        elif self.complete_since is None:
            self.complete_since = at

    @property
    def wants_letters(self) -> bool:
        return self.typed != self.word

    def letter(self, character: str) -> None:
        """A typed character, or "\\b" to take one back; more than the word has is not kept."""
        if character == "\b":
            self.typed = self.typed[:-1]
        elif len(self.typed) < len(self.word) + 8:
            self.typed += character

    def confirms(self, fresh: bool, at: float) -> str:
        """ "" where the key confirms, else why it does not."""
        if self.wants_letters:
            return f"type {self.word} first"
        if self.complete_since is None:
            return "read to the end first: ↓"
        if at - self.complete_since < READY_AFTER:
            return "that was too early to have been read: let go, then press y again"
        if not fresh:
            return "a held key confirms nothing: let go for a moment, then press y"
        return ""
