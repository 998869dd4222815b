"""Every string that a backend can hand over, hostile: what a model registry accepts as a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from commands.spec import Grid
from core.card import FIELDS, Card, CardField
from core.errors import Unreachable
from core.figures import Figure, Mark
from core.freeze import Frozen
from core.gate import Check, GateReport
from core.gpus import Gpu, GpuProcess, GpuReport, HostStatus
from core.history import Event, WaysBack
from core.ledger import Chain, Deed, End, Entry
from core.lineage import Item, Lineage
from core.lineage_keys import TITLES
from core.plan import Finding, Plan, Set
from core.refs import Ref
from core.status import LayerState, OpenChange, ServiceStatus, State
from core.versions import Model, Version
from tests.tui.scripted import NOW, Scripted
from tests.tui.scripted_changes import told
from tui.seam import (
    Answer,
    Facts,
    Instruments,
    Outcome,
    Proposal,
    Readiness,
    ReleaseView,
    ServiceView,
    SlotView,
    TrafficView,
    VersionsView,
)

NAME = "m\x1b]0;owned\x07\x1b[97;45m\x9b31m\x1b]52;c;b3duZWQ=\x07\n\r\u202e[@click=app.bell]x[/][bold]é日"
GIB = 1024**3


def hostile_backend(bad: str = NAME, name: str = NAME) -> Scripted:
    """`name` is what services are called, `bad` everything else."""
    layers = {
        "system": LayerState(State.CRITICAL, bad),
        "data": LayerState(State.WARNING, bad),
        "model": LayerState(State.UNKNOWN, bad),
        "business": LayerState(State.OK, bad),
    }
    status = ServiceStatus(
        name, bad, bad, bad, {bad: 0.5, "13": 0.5}, {bad: 0.1}, layers,  # type: ignore[arg-type]
        bad, OpenChange(1, bad, bad, bad, NOW, False), None, NOW, {bad: bad},
        NOW - timedelta(minutes=3), Frozen(bad, NOW + timedelta(hours=3)), (bad, "A-1"),
    )  # fmt: skip
    calm = replace(status, service=f"{name} 2", open_change=None)
    gpu = Gpu(bad, 0, bad, bad, 0.5, GIB, 2 * GIB, 100.0, 200.0, 50.0, (bad,), 1,
              (GpuProcess(7, GIB, bad),), State.WARNING, bad, bad)  # fmt: skip
    host = HostStatus(bad, State.CRITICAL, bad, bad, 1, 2, bad, NOW, NOW)
    event = Event(NOW - timedelta(hours=1), name, bad, bad, "outside", NOW - timedelta(hours=2))
    ours = Event(
        NOW - timedelta(hours=2), name, bad, bad, change=4, kind=bad, state=bad, reason=bad
    )
    figure = Figure(bad, bad, "system", "seconds", 1.0, bad, bad, history=((NOW.timestamp(), 1.0),))
    untold = Figure(bad, bad, "system", "seconds", None, why=bad)
    plan = Plan(
        bad, name, "back", bad,
        (
            Set(Ref("prompt", f"{bad}@{bad}"), bad, bad, False, "prompts"),
            Set(Ref("index", f"{bad}@live"), None, bad, True, "indexes"),
        ),
        (Finding("info", bad, bad), Finding("warning", bad, bad)),
    )  # fmt: skip
    good = Check(bad, "passed", 0.5, bad, bad)
    verdicts = ("present", "missing", "broken", "unreachable")
    items = [
        Item(name, verdicts[number % 4], bad, bad, bad)  # type: ignore[arg-type]
        for number, name in enumerate(TITLES)
    ]
    fields = [
        CardField(name, ("present", "empty", "unreachable")[number % 3], bad, bad, bad)  # type: ignore[arg-type]
        for number, name in enumerate(FIELDS)
    ]
    backend = Scripted(Facts(bad, True, False, bad, (name, f"{name} 2"), (bad,)))
    backend.reads = {
        "services": (ServiceView(status, bad), ServiceView(calm, bad)),
        "changes": told(event, ours, untold=bad),
        "gpus": GpuReport((gpu, replace(gpu, index=1, seen=False)), {bad: host}),
        "figures": Instruments((figure, untold), bad, {}, (Mark(NOW, bad),)),
        "ways": WaysBack(bad, True, bad, False),
        "versions": VersionsView(
            Model(bad, (Version(bad, bad, NOW, bad, bad, bad, bad, (bad,), bad),), {bad: bad}),
            bad,
            Chain(bad, (Entry(1, bad, bad, "7", bad, bad, Deed(bad), NOW, end=End("set", bad)),)),
        ),
        "traffic": (TrafficView(bad, bad, 0.5, 0.1, 0.4, 900, 3),),
        "slots": (SlotView(bad, bad, None, 3, bad, bad), SlotView(bad, None, False)),
        "releases": (ReleaseView(bad, bad, "2026-03-01T09:00:00Z", bad, True, True, bad),),
        "gate": GateReport(bad, (Check(bad, "failed", bad, bad, bad), good), bad),
        "lineage": Lineage(bad, bad, tuple(items)),
        "card": Card(bad, tuple(fields)),
    }
    ready = Readiness(
        bad, backend.reads["gate"], backend.reads["lineage"], backend.reads["card"],
        backend.reads["traffic"],
    )  # fmt: skip
    proposal = Proposal(plan, bad, (bad,), bad, readiness=ready)
    backend.proposals = {
        "answer": Answer(bad, (Grid((bad, bad), ((bad, (bad, "ok")), (bad, bad)), bad, bad),), bad),
        "plan": proposal,
        "error": Unreachable(bad, backend=bad, operation=bad, hint=bad),
    }
    backend.outcome = Outcome(bad, (bad,), 4, 6)
    return backend
