"""The options that every command takes, before or after its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import UsageError

Output = Literal["table", "json"]


@dataclass(frozen=True, slots=True)
class CommonOption:
    flag: str
    short: str | None
    text: str
    metavar: str = ""
    """Empty for a switch."""
    default: str | bool | None = None
    only: tuple[str, ...] = ()
    """The kinds of command that take it; empty for all."""

    @property
    def name(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")


COMMON: tuple[CommonOption, ...] = (
    CommonOption("--config", None, "the config file", "PATH"),
    CommonOption("--env", None, "the environment: NAME.toml in the config folder", "NAME"),
    CommonOption("--output", "-o", "table or json", "FORMAT", "table"),
    CommonOption("--read-only", None, "refuse every change", default=False),
    CommonOption("--no-color", None, "no colour", default=False),
    CommonOption("--quiet", None, "no progress on standard error", default=False),
    CommonOption("--debug", None, "write tracebacks to the log file", default=False),
    CommonOption("--dry-run", None, "show the plan and stop", default=False, only=("change",)),
    CommonOption("--yes", None, "confirm the plan", default=False, only=("change", "record")),
    CommonOption(
        "--confirm", None, "confirm the plan for this service", "SERVICE", only=("change",)
    ),
    CommonOption("--reason", None, "why, for the journal", "TEXT", only=("change",)),
    CommonOption(
        "--override",
        None,
        "why to go ahead against a freeze, without an approval, or back to a release that has not "
        "proved good; everybody sees it",
        "REASON",
        only=("change",),
    ),
    CommonOption("--key", None, "the same key gives back the same change", "KEY", only=("change",)),
    CommonOption("--watch", "-w", "again every so many seconds", "SECONDS", only=("query",)),
)
_BY_FLAG = {flag: option for option in COMMON for flag in (option.flag, option.short) if flag}


@dataclass(frozen=True, slots=True)
class Common:
    """What the common options say for one run."""

    config: str | None = None
    env: str | None = None
    output: Output = "table"
    read_only: bool = False
    no_color: bool = False
    quiet: bool = False
    debug: bool = False
    dry_run: bool = False
    yes: bool = False
    confirm: str | None = None
    reason: str | None = None
    override: str | None = None
    key: str | None = None
    watch: float | None = None

    @property
    def json(self) -> bool:
        return self.output == "json"


def split_line(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """The command's name and everything else, with options from before the name moved behind it.

    A bare `--watch` gets its default of two seconds, since Typer knows no optional values.
    """
    before, name, rest = take_name(argv)
    return name, _with_watch([*rest, *before] if "--" not in rest else [*before, *rest])


def take_name(argv: Sequence[str]) -> tuple[list[str], str | None, list[str]]:
    """The options before the command's name, the name, and what follows it."""
    before: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            return before, word, rest
        before.append(word)
        option = _BY_FLAG.get(word)
        if option is not None and option.metavar and rest and not _bare_watch(option, rest[0]):
            before.append(rest.pop(0))
    return before, None, []


def _bare_watch(option: CommonOption, following: str) -> bool:
    return option.flag == "--watch" and not _is_number(following)


def _with_watch(words: list[str]) -> list[str]:
    out: list[str] = []
    for index, word in enumerate(words):
        out.append(word)
        if word == "--":
            return [*out, *words[index + 1 :]]
        if word in ("--watch", "-w"):
            following = words[index + 1] if index + 1 < len(words) else ""
            if not _is_number(following):
                out.append("2")
    return out


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()


def check_common(values: dict[str, Any]) -> Common:
    output = values.get("output")
    if output not in ("table", "json"):
        raise UsageError(f"--output {output} cannot be: write table or json")
    watch = values.get("watch")
    if isinstance(watch, float) and not 0.2 <= watch <= 3600:
        raise UsageError("--watch takes from 0.2 to 3600 seconds")
    return Common(**values)
