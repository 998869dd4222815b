"""The console script: a subcommand runs and exits, without one the console opens.

Nothing heavy is imported here: `--version` is answered before Typer loads, and a subcommand never
loads Textual.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the program."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("--version", "-V"):
        print(f"modeldeck {version()}")
        return 0
    if _opens_console(words):
        from tui.console import main as console

        return console(words)
    from commands.cli import main as cli

    return cli(words, _open_console)


def _open_console(config: Path, read_only: bool, no_color: bool) -> int:
    from tui.console import main as console

    flags = ["--read-only"] if read_only else []
    flags += ["--no-color"] if no_color else []
    return console(["--config", str(config), *flags])


def version() -> str:
    """The version that was installed, read without the machinery of importlib.metadata."""
    from commands import VERSION

    return VERSION


def _opens_console(words: list[str]) -> bool:
    """Whether no subcommand is named and no help is asked for."""
    import os

    if any(word in ("--help", "-h", "--install-completion", "--show-completion") for word in words):
        return False
    if "_MODELDECK_COMPLETE" in os.environ:
        return False
    takes_value = {"--config", "--env"}
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in takes_value:
            skip = True
        elif not word.startswith("-"):
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
