"""The reason that never promotes: drift alone. Detection is not proof of improvement."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.evaluation import Evaluation, newest
from core.gate.report import Check, Verdict
from core.units import show_time
from core.versions import Version

CHECK = "labelled evidence"
"""The name of the gate's check."""
MOTTO = "detection is not proof of improvement"


@dataclass(frozen=True, slots=True)
class DriftRule:
    """Under which tags a version says why it was trained, and what its labels are.

    Tags are the version's, else its run's; times are ISO 8601.
    """

    tag: str = "trigger"
    """Says what the training was triggered by; several reasons with a comma between."""
    equals: str = "drift"
    detected: str = "drift_detected_at"
    """When the drift was detected. Without it: when the version was made, which came after."""
    labelled: str = "labelled_until"
    """The time of the newest label that the version was evaluated on."""
    metric: str | None = None
    """A metric that is only ever measured on fresh labels: its time counts too."""
    dataset: str | None = None
    """The data set that this metric is measured on."""

    @property
    def metrics(self) -> frozenset[str]:
        return frozenset({self.metric}) if self.metric else frozenset()

    def alone(self, tags: Mapping[str, str]) -> bool:
        """Whether drift, and nothing beside it, triggered the training."""
        reasons = {word for word in re.split(r"[,;\s]+", tags.get(self.tag, "").lower()) if word}
        return reasons == {self.equals.lower()}


def check_trigger(
    rule: DriftRule, version: Version, evaluation: Evaluation, now: datetime
) -> Check | None:
    """Whether labels newer than the drift speak for the version; None where drift alone did not
    trigger its training.

    A time that cannot be read, or that lies ahead of `now`, is no evidence.
    """
    tags = {**evaluation.tags, **version.tags}
    if not rule.alone(tags):
        return None
    since, whence = _drift(rule, version, tags)
    if since is None:
        return _check("no_evidence", None, None, f"nobody can tell when the drift was: {whence}")
    found = []
    said = []
    for where, at, why in _labels(rule, evaluation, tags):
        if at is None:
            said.append(f"{where} {why}")
        elif at > now:
            said.append(f"{where} says {show_time(at)}, which is yet to come")
        else:
            found.append((at, where))
    latest, where = max(found, default=(None, ""))
    if latest is not None and latest > since:
        return _check("passed", latest, since, f"{where}; the drift is from {whence}")
    if latest is not None:
        said = [f"{where} says {show_time(latest)}, the drift is from {whence}", *said]
    verdict: Verdict = "failed" if latest is not None else "no_evidence"
    return _check(verdict, latest, since, "; ".join(said))


def _check(verdict: Verdict, at: datetime | None, since: datetime | None, said: str) -> Check:
    if verdict != "passed":
        said = f"drift alone triggered its training, and {MOTTO}: {said}"
    limit = f"after {show_time(since)}" if since else "after the drift"
    return Check(CHECK, verdict, show_time(at) if at else None, limit, said)


def _drift(
    rule: DriftRule, version: Version, tags: Mapping[str, str]
) -> tuple[datetime | None, str]:
    text = tags.get(rule.detected)
    if text is None:
        if version.created is None:
            return None, f"tag {rule.detected} is not set"
        return version.created, f"{show_time(version.created)} at the latest, when it was made"
    at = _time(text)
    if at is None:
        return None, f"tag {rule.detected} is no time with a zone"
    return at, f"{show_time(at)} (tag {rule.detected})"


def _labels(
    rule: DriftRule, evaluation: Evaluation, tags: Mapping[str, str]
) -> list[tuple[str, datetime | None, str]]:
    """(where, when, why there is no time) of each thing that could tell of fresh labels."""
    text = tags.get(rule.labelled)
    at = _time(text) if text is not None else None
    why = "is not set" if text is None else "is no time with a zone"
    told = [(f"tag {rule.labelled}", at, "" if at else why)]
    if rule.metric is None:
        return told
    on = f" on {rule.dataset}" if rule.dataset else ""
    measured = [
        one
        for one in evaluation.of(rule.metric)
        if rule.dataset in (None, one.dataset) and math.isfinite(one.value)
    ]
    one = newest(measured)
    logged = one.at if one is not None else None
    why = "" if logged else "was not measured" if one is None else "has no time"
    return [*told, (f"metric {rule.metric}{on}", logged, why)]


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
