"""Lineage: the ten things that a version's run must have logged, each judged on its own.

Evidence that is missing is never taken for present: what nobody could be asked about is
unreachable, what names something that is gone is broken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from core.evidence import OF_RUN, Evidence, Key, RunRecord, Unasked
from core.lineage_keys import TITLES, Keys

Verdict = Literal["present", "missing", "broken", "unreachable"]

_SHA = re.compile(r"[0-9a-fA-F]{7,64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One of several values of an item. `value` is None for a metric that is not a number."""

    name: str
    value: str | float | None
    verdict: Verdict = "present"
    dataset: str | None = None
    digest: str | None = None

    def to_json(self) -> dict[str, Any]:
        said = {"name": self.name, "value": self.value, "verdict": self.verdict}
        known = {"dataset": self.dataset, "digest": self.digest}
        return said | {key: value for key, value in known.items() if value}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist. `source` says where the value came from, `because` why the
    verdict is not present, or what could not be checked."""

    name: str
    verdict: Verdict
    value: str | None = None
    source: str | None = None
    because: str = ""
    parts: tuple[Part, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "verdict": self.verdict,
            "value": self.value,
            "source": self.source,
            "because": self.because or None,
            "parts": [part.to_json() for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Lineage:
    """The checklist of one version."""

    version: str
    run_id: str | None
    items: tuple[Item, ...]

    @property
    def complete(self) -> bool:
        return all(item.verdict == "present" for item in self.items)

    def of(self, *verdicts: Verdict) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.verdict in verdicts)

    def find(self, name: str) -> Item:
        return next(item for item in self.items if item.name == name)


def commit_of(evidence: Evidence, keys: Keys) -> str | None:
    """The commit to look for in a clone; None where none is logged or it is no SHA."""
    values = (evidence.text(key) for key in keys["commit"])
    found = next((value for value in values if value), None)
    return found if found and _SHA.fullmatch(found) else None


def judge(evidence: Evidence, keys: Keys) -> Lineage:
    """Every item on its own."""
    items = tuple(_JUDGES.get(name, _text_item)(name, keys, evidence) for name in TITLES)
    return Lineage(evidence.version.number, evidence.run_id, items)


def _text_item(name: str, keys: Keys, evidence: Evidence) -> Item:
    for key in keys[name]:
        value = evidence.text(key)
        if value is not None:
            return _kept(Item(name, "present", value, key.words), [key], evidence)
    return _absent(name, keys[name], evidence)


def _commit(name: str, keys: Keys, evidence: Evidence) -> Item:
    item = _text_item(name, keys, evidence)
    if item.verdict != "present" or item.value is None:
        return item
    if not _SHA.fullmatch(item.value):
        return replace(item, verdict="broken", because="this is no commit SHA")
    known = evidence.commit_known
    if isinstance(known, Unasked):
        return replace(item, verdict="unreachable", because=known.why)
    if known is None:
        return replace(item, because="not checked: the config names no clone")
    if not known:
        return replace(item, verdict="broken", because="the clone does not have this commit")
    return item


def _dataset(name: str, keys: Keys, evidence: Evidence) -> Item:
    run = evidence.run if isinstance(evidence.run, RunRecord) else RunRecord()
    measured = {(metric.dataset, metric.digest) for metric in run.metrics}
    for key in keys[name]:
        if key.kind != "inputs":
            value = evidence.text(key)
            if value is not None:
                return _kept(Item(name, "present", value, key.words), [key], evidence)
            continue
        # A store adds what a metric was measured on to the inputs, without a context.
        used = [
            data
            for data in run.datasets
            if data.context == key.name and (key.name or (data.name, data.digest) not in measured)
        ]
        if not used:
            continue
        parts = tuple(
            Part(data.name, data.source or None, "present" if data.digest else "missing",
                 digest=data.digest) for data in used
        )  # fmt: skip
        value = ", ".join(f"{data.name} {data.digest}".strip() for data in used)
        item = Item(name, "present", value, key.words, parts=parts)
        bare = [data.name for data in used if not data.digest]
        if bare:
            said = f"{', '.join(bare)} has no digest: that is a name, and no snapshot"
            return replace(item, verdict="missing", because=said)
        return _kept(item, [key], evidence)
    return _absent(name, keys[name], evidence)


def _hyperparameters(name: str, keys: Keys, evidence: Evidence) -> Item:
    run = evidence.run if isinstance(evidence.run, RunRecord) else RunRecord()
    # A seed or a feature version that is logged as a parameter speaks for its own item alone.
    others = {key for item, wanted in keys.items() if item != name for key in wanted}
    parts: list[Part] = []
    lacking: list[Key] = []
    for key in keys[name]:
        if str(key) == "params":
            found = [
                Part(param, value)
                for param, value in sorted(run.params.items())
                if Key("params", param) not in others
            ]
        else:
            text = evidence.text(key)
            found = [Part(key.name, text)] if text is not None else []
        parts += found
        lacking += [] if found else [key]
    if lacking:
        return _absent(name, lacking, evidence, parts)
    value = ", ".join(f"{part.name}={part.value}" for part in parts)
    item = Item(name, "present", value, _sources(keys[name]), parts=tuple(parts))
    return _kept(item, keys[name], evidence)


def _metrics(name: str, keys: Keys, evidence: Evidence) -> Item:
    run = evidence.run if isinstance(evidence.run, RunRecord) else RunRecord()
    if run.metrics_unasked is not None:
        return Item(name, "unreachable", because=run.metrics_unasked)
    parts: list[Part] = []
    lacking: list[Key] = []
    for key in keys[name]:
        found = [metric for metric in run.metrics if key.name in ("", metric.name)]
        lacking += [] if found else [key]
        for metric in found:
            holds = math.isfinite(metric.value)
            part = Part(
                metric.name,
                metric.value if holds else None,
                "present" if holds else "broken",
                metric.dataset or None,
                metric.digest or None,
            )
            if part not in parts:
                parts.append(part)
    if lacking:
        return _absent(name, lacking, evidence, parts)
    source = (
        f"logged model {run.model_id}" if run.model_id and not run.model_gone else "run metrics"
    )
    item = Item(name, "present", "; ".join(map(show_metric, parts)), source, parts=tuple(parts))
    wrong = sorted({part.name for part in parts if part.value is None})
    if wrong:
        return replace(item, verdict="broken", because=f"not a number: {', '.join(wrong)}")
    return _kept(item, keys[name], evidence)


def show_metric(part: Part) -> str:
    """ "auc 0.9831 on fraud-test (353327eb)"."""
    value = part.value
    shown = "NaN" if value is None else f"{value:.4g}" if isinstance(value, float) else value
    where = f" on {part.dataset}" if part.dataset else ""
    return f"{part.name} {shown}{where}" + (f" ({part.digest})" if part.digest else "")


def _artifacts(name: str, keys: Keys, evidence: Evidence) -> Item:
    run = evidence.run
    gone = isinstance(run, RunRecord) and run.model_gone
    parts: list[Part] = []
    reasons: list[str] = []
    for key in keys[name]:
        seen = evidence.files.get(key, Unasked("nobody asked for it"))
        if isinstance(seen, Unasked):
            parts.append(Part(str(key), None, "unreachable"))
            reasons.append(f"{key}: {seen.why}")
        elif not seen or (gone and key.kind == "model"):
            parts.append(Part(str(key), None, "broken"))
            why = "is not there" if not seen else f"belongs to {_model_of(run)}, which is gone"
            reasons.append(f"{key} {why}")
        else:
            parts.append(Part(str(key), key.name))
    verdicts = {part.verdict for part in parts}
    verdict: Verdict = "broken" if "broken" in verdicts else "present"
    if verdict == "present" and "unreachable" in verdicts:
        verdict = "unreachable"
    value = ", ".join(part.name for part in parts if part.verdict == "present") or None
    source = _sources(keys[name]) if value else None
    item = Item(name, verdict, value, source, "; ".join(reasons), tuple(parts))
    return _kept(item, keys[name], evidence) if verdict == "present" else item


def _model_of(run: RunRecord | Unasked) -> str:
    return f"logged model {run.model_id}" if isinstance(run, RunRecord) else "a logged model"


def _kept(item: Item, keys: Iterable[Key], evidence: Evidence) -> Item:
    """The item, unless what it stands on lies in the store's bin and is about to go."""
    run = evidence.run
    deleted = isinstance(run, RunRecord) and run.state == "deleted"
    if deleted and any(key.kind in OF_RUN for key in keys):
        return replace(item, verdict="broken", because=f"run {evidence.run_id} is deleted")
    return item


def _absent(
    name: str, lacking: Sequence[Key], evidence: Evidence, parts: Sequence[Part] = ()
) -> Item:
    """Why there is no value: nobody could be asked, the run is gone, or it logged none."""
    run, kept = evidence.run, tuple(parts)
    if any(key.kind in OF_RUN for key in lacking):
        if isinstance(run, Unasked):
            return Item(name, "unreachable", because=run.why, parts=kept)
        if run.state == "gone":
            said = f"run {run.run_id}, which the version names, is gone"
            return Item(name, "broken", because=said, parts=kept)
        if run.state == "none" and all(key.kind in OF_RUN for key in lacking):
            return Item(name, "missing", because="the version names no run", parts=kept)
    looked = " or ".join(map(str, lacking))
    return Item(name, "missing", because=f"nothing is logged as {looked}", parts=kept)


def _sources(keys: Sequence[Key]) -> str:
    return ", ".join(dict.fromkeys(key.words for key in keys))


_JUDGES: Mapping[str, Callable[[str, Keys, Evidence], Item]] = {
    "commit": _commit,
    "dataset": _dataset,
    "hyperparameters": _hyperparameters,
    "metrics": _metrics,
    "artifacts": _artifacts,
}
