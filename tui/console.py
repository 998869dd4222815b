"""Opening the console: its own options, the config, the app."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from commands.output import print_error
from core.errors import ModeldeckError, UsageError, nearest

_VALUED = ("--config", "--env")
_SWITCHES = ("--read-only", "--no-color", "--low-bandwidth", "--no-mouse", "--quiet", "--debug")


def main(words: Sequence[str]) -> int:
    """The exit code of the console."""
    try:
        options = _parse(words)
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError(
                "the console needs a terminal", hint="in a script: modeldeck status -o json"
            )
        from commands.deck import Deck

        deck = Deck.open(options.get("--config"), options.get("--env"), "--read-only" in options)
    except ModeldeckError as error:
        print_error(error)
        return error.exit_code
    if "--no-color" in options:
        os.environ["NO_COLOR"] = "1"
    slow = "--low-bandwidth" in options
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if slow:
        os.environ.setdefault("TEXTUAL_FPS", "4")
    from tui.app import ConsoleApp
    from tui.run import run_console
    from tui.wiring import DeckBackend

    def console() -> ConsoleApp:
        return ConsoleApp(DeckBackend(deck), pace=3.0 if slow else 1.0)

    return run_console(console, mouse="--no-mouse" not in options)


def _parse(words: Sequence[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in _VALUED:
            if not equals and not rest:
                raise UsageError(f"{word} needs a value")
            options[word] = value if equals else rest.pop(0)
        elif word in _SWITCHES and not equals:
            options[word] = ""
        else:
            known = [*_VALUED, *_SWITCHES, "--help", "--version"]
            raise UsageError(
                f"the console has no option {word!r}.{nearest(word, known)}",
                hint="modeldeck --help lists the commands",
            )
    return options
