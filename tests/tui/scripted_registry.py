"""What the script says of a model's versions and of what speaks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.card import FIELDS, Card, CardField
from core.gate import Check, GateReport
from core.lineage import Item, Lineage
from core.versions import Model, Version
from tui.seam import VersionsView

NOW = datetime(2026, 3, 4, 2, 14, 7, tzinfo=UTC)


def versions_view() -> VersionsView:
    made = [
        Version("chat", "31", NOW - timedelta(days=3), aliases=("champion",), tag_stage="Production"),
        Version("chat", "32", NOW - timedelta(hours=5), tag_stage="Staging"),
        Version("chat", "30", NOW - timedelta(days=9), tag_stage="Archived", blocked="rolled back"),
        Version("chat", "33", NOW - timedelta(minutes=5)),
    ]  # fmt: skip
    return VersionsView(Model("chat", tuple(made), {"champion": "31"}))


def gate_report(version: str = "32", good: bool = False) -> GateReport:
    headline = Check("headline", "no_evidence", None, ">= 0.91", "metric auc of run 7: not logged")
    if good:
        headline = Check("headline", "passed", 0.9312, ">= 0.91", "auc on chat-test, run 7")
    slow = Check("latency", "failed", 1.9, "<= 0.8 s", "ttft_p95 1.9 s over 15m, 812 requests")
    fast = Check("latency", "passed", 0.6, "<= 0.8 s", "ttft_p95 0.6 s over 15m, 812 requests")
    ready = Check("ready", "passed", "READY", "READY", "status in the registry")
    return GateReport(version, (ready, headline, fast if good else slow), "31")


def lineage(version: str = "32", good: bool = False) -> Lineage:
    """Ten items; of a bad one each of the four verdicts."""
    values = {
        "commit": "9f3c2e1d0a", "dataset": "chat-train 353327eb", "feature_version": "f12",
        "hyperparameters": "depth=4, rate=0.1", "seeds": "42", "hardware": "registry/train:7",
        "metrics": "auc 0.9312", "artifacts": "MLmodel", "owner": "team-chat",
        "approval": "approved",
    }  # fmt: skip
    items = {name: Item(name, "present", value, "tag") for name, value in values.items()}
    if not good:
        items["commit"] = Item(
            "commit", "broken", "9f3c2e1d0a", "tag", "the clone does not have this commit"
        )
        items["seeds"] = Item("seeds", "missing", because="nothing is logged as params.seed")
        items["artifacts"] = Item(
            "artifacts", "unreachable", because="model.MLmodel: nothing answers at :9000"
        )
    return Lineage(version, "7", tuple(items.values()))


def card(version: str = "32", good: bool = False) -> Card:
    empty = () if good else ("cost_profile", "safety_notes")
    fields = [
        CardField(name, "empty", because="model_card.md has nothing under this heading")
        if name in empty
        else CardField(name, "present", f"About {title}.", "model_card.md")
        for name, title in FIELDS.items()
    ]
    return Card(version, tuple(fields))
