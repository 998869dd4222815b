"""Every key of the console, once: bindings, footer and help are made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal["everywhere", "lists", "box"]


@dataclass(frozen=True, slots=True)
class Key:
    """`id` stays the same for ever: it is what a key is rebound by."""

    id: str
    keys: str
    """As Textual names them, separated by commas."""
    shown: str
    action: str
    does: str
    where: Where = "everywhere"


KEYS = (
    Key("console.help", "question_mark", "?", "show_page('help')", "keys"),
    Key("console.command", "colon", ":", "command", "command"),
    Key("console.filter", "slash", "/", "filter", "filter"),
    Key("console.back", "escape", "esc", "go_back", "back"),
    Key("console.quit", "q,ctrl+c", "q", "leave", "quit"),
    Key("console.open", "enter", "enter", "open", "open"),
    Key("page.overview", "1", "1", "show_page('overview')", "overview"),
    Key("page.service", "2", "2", "show_page('service')", "service"),
    Key("page.gpus", "3", "3", "show_page('gpus')", "GPUs"),
    Key("page.changes", "5", "5", "show_page('changes')", "all changes"),
    Key("page.what_changed", "w", "w", "what_changed", "what changed"),
    Key("console.copy", "c", "c", "copy_line", "copy this as a command"),
    Key("window.shorter", "left_square_bracket", "[", "window(-1)", "shorter window"),
    Key("window.longer", "right_square_bracket", "]", "window(1)", "longer window"),
    Key("console.pause", "p", "p", "pause", "pause the display"),
    Key("console.poll", "r", "r", "poll", "poll now"),
    Key("change.abort", "A", "A", "plan('abort')", "abort"),
    Key("change.rollback", "R", "R", "plan('rollback')", "rollback"),
    Key("change.canary", "C", "C", "form('canary')", "canary"),
    Key("change.promote", "P", "P", "promote", "promote"),
    Key("list.up", "up", "↑", "move(-1)", "up", "lists"),
    Key("list.down", "down", "↓", "move(1)", "down", "lists"),
    Key("version.previous", "left", "←", "choose(-1)", "previous version", "lists"),
    Key("version.next", "right", "→", "choose(1)", "next version", "lists"),
    Key("list.page_up", "pageup", "pgup", "page(-1)", "a screen up", "lists"),
    Key("list.page_down", "pagedown", "pgdn", "page(1)", "a screen down", "lists"),
    Key("list.first", "home", "home", "edge(-1)", "first", "lists"),
    Key("list.last", "end", "end", "edge(1)", "last", "lists"),
    Key("box.confirm", "y", "y", "confirm", "confirms the plan in the box", "box"),
    Key("box.leave_out", "space", "space", "leave_out", "leaves a part out of a rollback", "box"),
)

IN_BOX = frozenset(
    {"confirm", "leave_out", "go_back", "move", "page", "edge", "copy_line", "leave"}
)
"""The actions that a key may still have while a plan is open."""

FOOTERS: dict[str, tuple[str, ...]] = {
    "overview": (
        "console.command", "console.filter", "console.open", "page.what_changed",
        "change.rollback", "change.abort", "change.canary", "change.promote", "console.help",
    ),
    "service": (
        "console.command", "change.rollback", "change.abort", "version.next", "change.promote",
        "console.open", "change.canary", "page.what_changed", "console.back", "console.help",
    ),
    "version": (
        "console.command", "version.previous", "version.next", "change.promote", "console.back",
        "change.canary", "console.copy", "console.poll", "console.help",
    ),
    "gpus": ("console.command", "console.filter", "page.overview", "console.poll", "console.help"),
    "changes": (
        "console.command", "console.filter", "window.shorter", "window.longer", "console.back",
        "console.help",
    ),
    "help": ("console.back", "console.quit"),
    "answer": ("console.command", "console.copy", "console.back", "console.help"),
}  # fmt: skip


OF_A_CHOICE = frozenset({"version.previous", "version.next", "change.promote", "console.open"})
"""What does nothing on the page of a service of which no version can be chosen."""


def footer_keys(page: str, choice: bool = True) -> list[tuple[str, str]]:
    """(key, what it does) for the last line of a screen; `choice`: whether there are versions."""
    by_id = {key.id: key for key in KEYS}
    names = FOOTERS[page]
    if page in ("service", "version") and not choice:
        names = tuple(name for name in names if name not in OF_A_CHOICE)
    return [(by_id[name].shown, by_id[name].does) for name in names]
