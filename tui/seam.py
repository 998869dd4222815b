"""What the console needs from whatever stands behind it; `tui/wiring.py` joins it to the deck."""

from __future__ import annotations

from asyncio import Event as StopEvent
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from commands import readiness
from commands.spec import Grid
from core.errors import ModeldeckError
from core.figures import Figure, Mark
from core.ledger import Chain
from core.plan import Plan
from core.refs import Ref
from core.status import ServiceStatus
from core.versions import Model

T = TypeVar("T")

SourceKind = Literal[
    "services", "changes", "gpus", "figures", "ways", "versions", "traffic", "slots", "releases",
    "gate", "lineage", "card", "ledger",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What the first frame shows before anybody was asked."""

    environment: str
    production: bool
    read_only: bool
    actor: str
    services: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the header says besides, such as "lease: this account only"."""
    copies: Path | None = None
    """Where what is copied is kept as a file too."""


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """One thing to poll. `service` is "" where it is about the whole fleet.

    `read` raises only errors of `core.errors`. What it returns, by kind:
    services: tuple[ServiceView, ...] · changes: ChangesReport · ledger: Ledgers ·
    gpus: GpuReport · figures: Instruments · ways: WaysBack · versions: VersionsView ·
    traffic: tuple[TrafficView, ...] · slots: tuple[SlotView, ...] ·
    releases: tuple[ReleaseView, ...]; of one version gate: GateReport · lineage: Lineage ·
    card: Card.
    """

    kind: SourceKind
    every: float
    """Seconds between two polls."""
    read: Callable[[], Awaitable[T]]
    service: str = ""
    version: str = ""
    """The one version that it is about. What is known of it is kept while others are looked at,
    and asked for again only when it is old or the version has moved."""

    whole: Callable[[T], bool] = lambda _value: True
    """Whether an answer lacks nothing; what could only be read in part is soon asked for again."""

    wakes: SourceKind | None = None
    """The source of the fleet that is asked at once where this one brings something new."""

    @property
    def key(self) -> str:
        return source_key(self.kind, self.service, self.version)


def source_key(kind: SourceKind, service: str = "", version: str = "") -> str:
    name = f"{kind}/{service}" if service else kind
    return f"{name}@{version}" if version else name


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service's status, and the line about its canary: what is known, when more will be."""

    status: ServiceStatus
    canary: str = ""


@dataclass(frozen=True, slots=True)
class Instruments:
    """The figures of a service beside those of its release."""

    figures: tuple[Figure, ...]
    release: str | None = None
    """The release that `baseline` was taken on, such as "r17"."""
    baseline: Mapping[tuple[str, str | None], float] = field(default_factory=dict)
    """(concept, version) to the value on that release."""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionsView:
    model: Model
    champion_alias: str = "champion"
    chain: Chain | None = None
    """Who moved its aliases, as the ledger tells it."""


@dataclass(frozen=True, slots=True)
class TrafficView:
    """One version's traffic: shares are fractions of 1, None where they cannot be told."""

    version: str | None
    slot: str
    wanted: float
    shadow: float = 0.0
    arrives: float | None = None
    requests: int | None = None
    """How many requests `arrives` was counted on."""
    errors: int | None = None


@dataclass(frozen=True, slots=True)
class SlotView:
    slot: str
    version: str | None
    ready: bool | None
    """None where the slot does not answer."""
    active: int | None = None
    address: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseView:
    name: str
    version: str
    taken: str
    """RFC 3339."""
    by: str
    good: bool | None
    """None where nobody watched it long enough to tell."""
    live: bool = False
    contents: str = ""
    """Prompts and indexes in words."""


@dataclass(frozen=True, slots=True)
class Readiness(readiness.Readiness):
    """The traffic beside it."""

    traffic: tuple[TrafficView, ...] | ModeldeckError | None = None
    """None where no router is configured."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that waits for its confirmation, and the command line that does the same."""

    plan: Plan
    line: str
    notes: tuple[str, ...] = ()
    """What else the operator should know: the traffic that it touches, who changed it last."""
    reason: str = ""
    override: str | None = None
    """Why to go ahead against a freeze or without an approval."""
    token: Any = None
    """Whatever the backend needs back to apply it."""
    readiness: Readiness | None = None
    """What speaks for the version that the plan promotes, and against it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query answered, as tables for people."""

    title: str
    grids: tuple[Grid, ...]
    line: str = ""
    """The command line."""
    recorded: bool = False
    """Whether it wrote something down, such as an approval, that other panels show."""


SetState = Literal["waiting", "writing", "done", "undoing", "undone", "failed", "stranger"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of one set, or, without a ref, what goes on: "watching live traffic"."""

    ref: Ref | None
    state: SetState
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an applied plan ended, in the words of the commands' JSON."""

    state: str
    """done, undone, conflict, unfinished, needs_person …"""
    lines: tuple[str, ...] = ()
    change: int | None = None
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


class Commands(Protocol):
    """The command line as it is typed; these two are pure and fast, and never raise."""

    def complete(self, line: str, cursor: int, service: str | None) -> list[str]:
        """The whole lines that the line may become, best first."""

    def check(self, line: str, service: str | None) -> str | None:
        """What is wrong with the line so far, or None."""


class Backend(Commands, Protocol):
    """Everything that the console asks for."""

    facts: Facts

    async def open(self) -> None:
        """Called once, after the first frame. May be slow; polls begin when it returns."""

    async def close(self) -> None:
        """Give everything back; the console waits for it for half a second."""

    def sources(self) -> Sequence[Source[Any]]:
        """What is polled for the whole fleet, always."""

    def service_sources(self, service: str) -> Sequence[Source[Any]]:
        """What is polled for the one service that the operator looks at."""

    def version_sources(self, service: str, version: str) -> Sequence[Source[Any]]:
        """What is polled, rarely, for the one version that the operator chose."""

    async def propose(self, line: str, service: str | None) -> Proposal | Answer:
        """Run a command line. Raises ModeldeckError. Nothing is changed by it."""

    def without(self, proposal: Proposal, refs: frozenset[Ref]) -> Proposal:
        """The proposal with these sets left out of its plan and its command line."""

    async def apply(
        self, proposal: Proposal, progress: Callable[[Progress], None], stop: StopEvent
    ) -> Outcome:
        """Apply it. When `stop` is set: finish the set in hand, then undo (going back: go on)."""

    def redact(self, text: str) -> str:
        """The text with every loaded secret replaced."""
