"""The protocols of the roles. Adapters raise only the errors of `core.errors`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from core.evidence import Key, RunRecord
from core.ledger import Chain, Deed
from core.refs import Ref, Value
from core.versions import Model, Version

if TYPE_CHECKING:
    from core.evaluation import Evaluation
    from core.signature import Signature


@dataclass(frozen=True, slots=True)
class Reading:
    """What a ref holds now. `revision` is opaque; a write may hand it back to be compared."""

    value: Value
    revision: str = ""
    moving: bool = False
    """A controller is on its way to a value that was asked for."""
    note: str = ""
    """Who or what set it, where the system can tell."""


@runtime_checkable
class Settable(Protocol):
    """A system whose refs can be read and set."""

    settle_seconds: float
    """How long a request that timed out may still land."""
    timeout: float
    """How long a request is waited for, in seconds. One whose program has died may still land for
    this long, and for `settle_seconds` after."""
    guarded: bool
    """Whether the system itself compares before it sets, and every write of ours makes older
    revisions stale, also one of the value that is there already."""

    async def read(self, ref: Ref) -> Reading:
        """The value now. A thing that exists and has none reads as None.

        Raises BackendError; Denied where the thing that the ref names does not exist.
        """

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:
        """Set the ref, and return only when the system has accepted it.

        Raises Conflict where a guarded system holds something other than `before`, Denied where
        it refuses, Unreachable where the request had no effect, Timeout where that is not known.
        """

    async def close(self) -> None:
        """Give connections back, within one second."""


StillOurs = Callable[[], Awaitable[None]]
"""Raises where the writer may not write any more, or nobody can tell it."""


async def always_ours() -> None:
    """Of a write that needs no lease."""


@runtime_checkable
class Ledgered(Protocol):
    """A settable system that keeps who set what, where every machine can read it.

    Its plain `write` does the same as `write_for` for nobody in particular.
    """

    async def write_for(
        self,
        ref: Ref,
        after: Value,
        *,
        before: Value,
        revision: str,
        deed: Deed,
        still_ours: StillOurs = always_ours,
    ) -> str:
        """Like `write`; what the journal should say beside it, "" where nothing.

        Of several writers that start from one value at once, one sets the ref and the others get
        Conflict, where the ref is one that the ledger guards and the ledger can be written. So
        does one whose change the ledger has as taken back already, unless its deed is the undo.

        It may wait for others, for longer than a lease lasts: `still_ours` is asked right before
        the claim and right before the ref is set. What it raises is raised as it is, and the ref
        was not touched.
        """

    async def ledger(self, models: Sequence[str]) -> Mapping[str, Chain]:
        """The chains of these models and prompts, in as few calls as possible.

        One without any entry has an empty chain. Raises Denied where the ledger may not be read
        or was deleted, BackendError.
        """


@dataclass(frozen=True, slots=True)
class Health:
    """One line of `doctor`: what was asked, whether it held, how long it took in seconds.

    `ok` is None where nothing failed and nothing was proved: it was not tried, or is not there.
    """

    what: str
    ok: bool | None
    detail: str
    seconds: float | None = None
    hint: str | None = None


@runtime_checkable
class Checked(Protocol):
    """Every adapter can be examined by `doctor`."""

    async def check(self) -> Sequence[Health]:
        """Never raises: what fails is a line of its own."""


@runtime_checkable
class Registry(Settable, Checked, Protocol):
    """Model registry: the truth of versions, stages, aliases and prompts.

    Its refs: `stage` (the tag as written), `alias`, `prompt`, `block`.
    """

    lineage_keys: Mapping[str, Sequence[str]]
    """Per item of lineage where the clients of this registry note it by themselves."""
    description_keys: Sequence[str]
    """Where they keep prose about a run, which may fill a model card."""

    async def aliases(self, models: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Per model what each alias names, for a fleet, in as few calls as possible.

        A model that does not exist is left out.
        """

    async def model(self, name: str) -> Model:
        """One model with all its versions, newest first. Denied where it does not exist."""

    async def names(self) -> Sequence[str]:
        """Every registered model, without prompts."""

    async def run_record(self, version: Version) -> RunRecord:
        """What the version's run logged; a run or a logged model that is gone is a value.

        What is NaN or infinite comes as that, as in `evaluation`. Raises BackendError where nobody
        can tell.
        """

    async def file(self, version: Version, key: Key, *, most: int) -> bytes | None:
        """The first `most` bytes of an `artifacts` or `model` file; None where it is not there.

        Raises BackendError where nobody can tell whether it is.
        """

    async def evaluation(self, version: Version, metrics: frozenset[str]) -> Evaluation:
        """These metrics of a version with their data sets, and its tags.

        A run or a logged model that is gone is a gap, no error. What is NaN or infinite comes as
        that, also where the registry stores another number in its place.
        """

    async def signature(self, version: Version) -> Signature:
        """The version's signature; with `why` where it has none or its files are gone."""


@dataclass(frozen=True, slots=True)
class RouterAbility:
    shadow: bool
    smallest_step: int
    """In basis points."""
    seconds: float
    """How long a shift usually takes to reach live traffic."""
    limits: tuple[str, ...] = ()
    """What it cannot do, in words for a plan."""


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """Cumulative counters of one slot since the router started."""

    requests: int
    errors: int
    active: int
    mirrored: int = 0
    """Copies that it was sent; what came of them no client sees."""


@runtime_checkable
class Router(Settable, Checked, Protocol):
    """Traffic router: the truth of the split. Its ref: `traffic`, with a Split as value."""

    ability: RouterAbility

    async def counts(self) -> Mapping[str, SlotCounts]:
        """What arrived per slot, from the slot's own counters; copies are counted apart.

        A slot without any request yet counts 0.
        """

    async def pages(self, wanted: frozenset[str]) -> Sequence[MetricsPage]:
        """The router's own metrics, one page per slot, reduced to the wanted names."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """What a slot holds. `version` is None where nothing is loaded."""

    version: str | None
    ready: bool
    detail: str = ""


@runtime_checkable
class Slot(Settable, Checked, Protocol):
    """A place where a version is loaded. Its ref: `slot`, with the version as value."""

    address: str
    can_load: bool
    why_not: str
    """Where `can_load` is false: the reason, and what would load a version."""

    async def state(self) -> SlotState:
        """Raises BackendError where the slot does not answer."""

    async def pages(self, wanted: frozenset[str]) -> Sequence[MetricsPage]:
        """The engine's own metrics; nothing where the slot exposes none."""


@dataclass(frozen=True, slots=True)
class Series:
    """One sample of an exposition."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """One scrape, reduced to the names that were wanted."""

    engine: str
    """Whose names these are: "envoy", "v2", "vllm" …"""
    vantage: str
    """Where it was measured: "proxy", "engine" or "client"."""
    slot: str
    taken: float
    """Seconds since the epoch."""
    series: Mapping[str, Sequence[Series]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter may need beyond its own options."""

    service: str = ""
    model: str = ""
    slot: str = ""
    slots: tuple[str, ...] = ()
    """All slots of the service, for its router."""
