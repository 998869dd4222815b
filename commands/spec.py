"""One command, one definition: CLI, command bar, keys, help, completion and journal read it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from core.errors import BackendError, ModeldeckError
from core.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

    from commands.common import Common
    from commands.deck import Deck

Completes = Literal[
    "service", "version", "stage", "release", "part", "fault", "change", "approval", "asked", ""
]
Style = Literal["", "ok", "warning", "critical", "unknown", "dim", "strong"]
Cell = str | tuple[str, Style]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table for people: plain cells that any surface can draw."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    empty: str = ""
    """What is said where there are no rows."""
    right: frozenset[int] = frozenset()
    """The columns that are aligned to the right."""
    verbatim: bool = False
    """Whether each row is one line of text, printed as long as it is."""


class Report(Protocol):
    """What a query returns: one value that renders for people and for programs."""

    def data(self) -> Mapping[str, Any]:
        """The fields under "data" in JSON."""

    def grids(self) -> Sequence[Grid]:
        """The same for people."""

    def error(self) -> ModeldeckError | None:
        """Why the exit code is not 0: a `No`, or the backend that could not be asked."""


class No(ModeldeckError):
    """The answer is no, or not known (exit 1)."""

    code = "no"


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a command, as field metadata of its arguments."""

    help: str
    flag: str | None = None
    """None for a positional one; "--weight" for an option."""
    metavar: str = ""
    completes: Completes = ""


def positional(
    text: str, *, completes: Completes = "", metavar: str = "", default: Any = ...
) -> Any:
    """A positional parameter; optional where it has a default."""
    meta = {"param": Param(text, None, metavar, completes)}
    if default is ...:
        return field(metadata=meta)
    return field(default=default, metadata=meta)


def option(
    flag: str, text: str, *, default: Any, metavar: str = "", completes: Completes = ""
) -> Any:
    return field(default=default, metadata={"param": Param(text, flag, metavar, completes)})


OpenConsole = Callable[["Path", bool, bool], int]
"""On the config there; read-only or not, without colour or not."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a command of kind "other" is given: it does without a deck."""

    args: Any
    common: Common
    open_console: OpenConsole | None = None
    """Opens the console on a config; None where there is no console."""


Kind = Literal["query", "change", "record", "other"]
"""A record writes to our own database alone: it needs no plan and no lease."""
Result = Any
"""A Report for a query or a record, a Plan for a change, an exit code for the others."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A command. `args` is a frozen dataclass whose fields carry a `Param` each."""

    name: str
    kind: Kind
    summary: str
    args: type
    run: Callable[[Deck, Any], Awaitable[Result]]
    examples: tuple[str, ...] = ()
    needs_deck: bool = True
    """Whether the config is opened before it runs."""
    watch: bool = False
    """Whether `--watch` makes sense."""
    question: Callable[[Deck, Any], Awaitable[Sequence[Grid]]] | None = None
    """Of a record: what a person reads on a terminal before they are asked whether they mean it."""


def params(args: type) -> list[tuple[dataclasses.Field[Any], Param]]:
    return [(item, item.metadata["param"]) for item in dataclasses.fields(args)]


T = TypeVar("T")


def to_line(spec: Spec, args: Any) -> str:
    """The command line that gives these arguments, ready to copy into a shell."""
    words = ["modeldeck", spec.name]
    for item, param in params(spec.args):
        value = getattr(args, item.name)
        if value == item.default or value is None:
            continue
        if value is True and param.flag:
            words.append(param.flag)
        elif param.flag:
            words += [param.flag, _word(value)]
        elif _word(value).startswith("-"):
            words += ["--", _word(value)]
        else:
            words.append(_word(value))
    return shlex.join(words)


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


async def plan_of(spec: Spec, deck: Deck, args: Any) -> Plan:
    """Raises ModeldeckError; planning only reads, and what a backend answered says so."""
    service = getattr(args, "service", None)
    try:
        # Before anything else is read: a plan made in the middle of another change is stale.
        standing = await deck.journal.standing(service) if service else ""
        plan = await spec.run(deck, args)
    except BackendError as error:
        error.message += "; nothing was changed"
        raise
    assert isinstance(plan, Plan), spec.name
    return replace(plan, standing=standing)
