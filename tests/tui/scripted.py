"""A backend that plays a script: what the console is driven with where no fleet is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from commands.spec import Grid
from core.config import Threshold
from core.errors import ModeldeckError, UsageError
from core.figures import Figure, Mark
from core.gpus import Gpu, GpuReport, HostStatus, judged
from core.history import WaysBack
from core.plan import Plan, Set
from core.refs import Ref
from core.status import LayerState, ServiceStatus, State, unmeasured
from tests.tui.scripted_changes import events, told
from tests.tui.scripted_registry import NOW, card, gate_report, lineage, versions_view
from tui.seam import (
    Answer,
    Facts,
    Instruments,
    Outcome,
    Progress,
    Proposal,
    Readiness,
    ReleaseView,
    ServiceView,
    SlotView,
    Source,
    TrafficView,
)

BAD = LayerState(State.CRITICAL, "TTFT p95 1.9 s > 0.8 s")
WARN = LayerState(State.WARNING, "PSI amount 0.31, noise 0.04")
FINE = LayerState(State.OK, "latency p95 41.0 ms")


def status(
    name: str,
    state: State = State.OK,
    because: str = "latency p95 41.0 ms",
    traffic: dict[str, float] | None = None,
    **more: Any,
) -> ServiceView:
    layers = unmeasured() | {"system": LayerState(state, because)}
    canary = more.pop("canary", "")
    live = traffic or {"7": 1.0}
    return ServiceView(
        ServiceStatus(
            name, name, "prod", more.pop("champion", next(iter(live))), live, more.pop("shadow", {}),
            layers, more.pop("release", "r4"), more.pop("open_change", None), None, NOW,
            more.pop("errors", {}),
            NOW - timedelta(minutes=17) if state is not State.OK else None,
        ),
        canary,
    )  # fmt: skip


def fleet() -> tuple[ServiceView, ...]:
    """The three services of the drawing."""
    fraud = status("fraud", traffic={"12": 0.95, "13": 0.05})
    layers = {**fraud.status.layers, "data": WARN}
    return (
        status("search"),
        ServiceView(replace(fraud.status, layers=layers, since=NOW - timedelta(minutes=34))),
        status("chat", State.CRITICAL, BAD.because, {"31": 1.0}),
    )


def instruments(moving: float = 0.0) -> Instruments:
    at = NOW.timestamp()
    history = tuple((at - 900 + 30 * i, 0.6 + (0.05 * i if i > 15 else 0)) for i in range(31))
    return Instruments(
        (
            Figure("ttft_p95", "TTFT p95", "system", "seconds", 1.9 + moving,
                   threshold=Threshold(0.7, 0.8), history=history, direction="lower"),
            Figure("tokens_in", "tokens in/req", "model", "tokens", 4310.0),
            Figure("requests", "requests", "system", "per_second", 214.0 + moving, history=history),
            Figure("errors", "error share", "system", "share", 0.0031,
                   threshold=Threshold(critical=0.02)),
            Figure("cost", "cost", "business", "count", None, why="nothing measures it"),
        ),
        "r17",
        {("ttft_p95", None): 0.6, ("tokens_in", None): 812.0},
        (Mark(NOW - timedelta(minutes=7), "prompt"),),
    )  # fmt: skip


def report(count: int = 4) -> GpuReport:
    gib = 1024**3
    gpus = [
        judged(
            Gpu("gpu-a", i, f"GPU-{i}", "H100", 0.61, 40 * gib, 80 * gib, 412.0, 700.0, 61.0,
                service="chat")
        )
        for i in range(count - 1)
    ]  # fmt: skip
    lost = Gpu("gpu-c", 3, "GPU-x", "H100", state=State.CRITICAL, because="LOST Xid 79 02:01", service="chat", seen=False)  # fmt: skip
    hosts = {
        "gpu-a": HostStatus("gpu-a", State.OK, f"{count - 1} GPUs", seen=count - 1, expected=count - 1),
        "gpu-c": HostStatus("gpu-c", State.CRITICAL, "GPU 3 LOST", seen=0, expected=1),
    }  # fmt: skip
    return GpuReport((*gpus, lost), hosts)


def plan(goal: str = "back", kind: str = "rollback", refused: bool = False) -> Plan:
    from core.plan import Finding

    sets = (
        Set(Ref("prompt", "chat-system@live"), "9", "8", False, "prompts"),
        Set(Ref("index", "docs@live"), "docs-11-20", "docs-11-13", True, "indexes"),
    )
    findings = (Finding("info", "weights and traffic are already as on r17"),)
    if refused:
        findings = (Finding("refused", "v32 did not pass the gate", "modeldeck gate chat 32"),)
    title = "to release r17 (good, 3 days, made by ci)"
    return Plan(kind, "chat", goal, title, sets, findings)  # type: ignore[arg-type]


OF_VERSION = ("gate", "lineage", "card")
"""Sources about one version: `reads` has them by its number."""
RARELY = 300.0
MISSING = UsageError("chat has no such version")
FACTS = Facts("prod", True, False, "ana", ("chat", "fraud", "search"))
DONE = Outcome("done", ("seen on 100 % of 512 live requests",), 214)


@dataclass
class Scripted:
    """`reads` maps a source's key to what its poll brings; a callable is asked each time."""

    facts: Facts = field(default_factory=lambda: FACTS)
    reads: dict[str, Any] = field(default_factory=dict)
    every: float = 2.0
    proposals: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=lambda: DONE)
    applied: list[Proposal] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    looked: list[tuple[str, str]] = field(default_factory=list)
    """What was read of which version."""
    hold: asyncio.Event | None = None
    """Where it is set, a plan's application waits for it in the middle."""
    closed: bool = False

    async def open(self) -> None:
        return

    async def close(self) -> None:
        self.closed = True

    def sources(self) -> Sequence[Source[Any]]:
        return [
            self._source(kind) for kind in ("services", "changes", "gpus") if kind in self.reads
        ]  # type: ignore[misc]

    def service_sources(self, service: str) -> Sequence[Source[Any]]:
        kinds = ("figures", "ways", "versions", "traffic", "slots", "releases")
        return [self._source(kind, service) for kind in kinds if kind in self.reads]  # type: ignore[misc]

    def version_sources(self, service: str, version: str) -> Sequence[Source[Any]]:
        return [self._source(kind, service, version) for kind in OF_VERSION if kind in self.reads]  # type: ignore[misc]

    def _source(self, kind: Any, service: str = "", version: str = "") -> Source[Any]:
        async def read() -> Any:
            found = self.reads[kind]
            if version:
                self.looked.append((kind, version))
                found = found.get(version, MISSING) if isinstance(found, dict) else found
            if callable(found):
                found = found()
                if asyncio.iscoroutine(found):
                    found = await found
            if isinstance(found, Exception):
                raise found
            return found

        return Source(kind, RARELY if version else self.every, read, service, version)

    async def propose(self, line: str, _service: str | None) -> Proposal | Answer:
        self.asked.append(line)
        found = self.proposals.get(line)
        if found is None:
            raise UsageError(f"there is no command {line.split()[0]!r}", hint="? shows the keys")
        if isinstance(found, ModeldeckError):
            raise found
        if callable(found):
            found = await found()
        return found  # type: ignore[no-any-return]

    def without(self, proposal: Proposal, refs: frozenset[Ref]) -> Proposal:
        return replace(
            proposal,
            plan=proposal.plan.without(refs),
            line=proposal.line + " --only part",
        )

    async def apply(
        self, proposal: Proposal, progress: Callable[[Progress], None], stop: asyncio.Event
    ) -> Outcome:
        self.applied.append(proposal)
        for item in proposal.plan.sets:
            progress(Progress(item.ref, "writing"))
            if self.hold is not None:
                await self.hold.wait()
            if stop.is_set():
                return Outcome("undone", ("interrupted: what was set is put back",), 214, 130)
            progress(Progress(item.ref, "done"))
        return self.outcome

    def complete(self, line: str, _cursor: int, _service: str | None) -> list[str]:
        known = ["status", "canary chat", "canary fraud", "rollback chat", "releases chat"]
        return [one for one in known if one.startswith(line)]

    def check(self, line: str, _service: str | None) -> str | None:
        word = line.split()[0]
        known = ("status", "canary", "rollback", "releases", "versions")
        if any(one.startswith(word) for one in known):
            return None
        return f"there is no command {word!r}"

    def redact(self, text: str) -> str:
        return text.replace("s3cret-token", "•••")


def readiness(backend: Scripted, version: str) -> Readiness:
    """What the backend's reads say of the version."""
    gate, lineages, cards = (backend.reads[kind][version] for kind in OF_VERSION)
    return Readiness(version, gate, lineages, cards, backend.reads["traffic"])


def busy() -> Scripted:
    """Everything answers, with the values of the drawing."""
    backend = Scripted()
    backend.reads = {
        "services": fleet(),
        "changes": told(*events()),
        "gpus": report(),
        "figures": instruments(),
        "ways": WaysBack("r17: prompt 9→8", True, "no canary running", False),
        "versions": versions_view(),
        "traffic": (
            TrafficView("31", "blue", 0.95, 0.0, 0.948, 15428, 3),
            TrafficView("32", "green", 0.05, 0.1, 0.052, 812, 3),
        ),
        "slots": (
            SlotView("blue", "31", True, 4, "http://10.0.0.5:8000"),
            SlotView("green", "32", None, None, "http://10.0.0.6:8000", "connection refused"),
        ),
        "releases": (
            ReleaseView("r17", "31", "2026-03-01T09:00:00Z", "ci", True, True, "chat-system@live 8"),
            ReleaseView("r16", "30", "2026-02-20T09:00:00Z", "ana", None),
        ),
        "gate": {"32": gate_report()} | {v: gate_report(v, good=True) for v in ("31", "33")},
        "lineage": {"32": lineage()} | {v: lineage(v, good=True) for v in ("31", "33")},
        "card": {"32": card()} | {v: card(v, good=True) for v in ("31", "33")},
    }  # fmt: skip
    moved = Set(Ref("stage", "chat/33"), "Draft", "Staging", False, "weights")
    to_staging = Plan("promote", "chat", "forward", "v33 of chat: Draft → Staging", (moved,))
    backend.proposals = {
        "promote chat 33 --to Staging": Proposal(
            to_staging, "modeldeck promote chat 33 --to Staging", readiness=readiness(backend, "33")
        ),
        "promote chat 32 --to Production": Proposal(
            plan("forward", "promote", refused=True),
            "modeldeck promote chat 32 --to Production",
            readiness=readiness(backend, "32"),
        ),
        "rollback chat": Proposal(
            plan(),
            'modeldeck rollback chat --to r17 --reason "INC-7 TTFT p95 1.9 s"',
            ("touches 100 % of live requests (214/s) · last changed by ben, 13 h ago",),
            "INC-7 TTFT p95 1.9 s",
        ),
        "canary chat 32 --weight 5": Proposal(
            plan("forward", "canary"), "modeldeck canary chat 32 --weight 5"
        ),
        "promote chat 32": Proposal(plan("forward", "promote", refused=True), "modeldeck promote chat 32"),
        "versions chat": Answer(
            "versions of chat",
            (Grid(("version", "stage"), (("31", ("Production", "ok")), ("32", "Staging"))),),
            "modeldeck versions chat",
        ),
    }  # fmt: skip
    return backend
