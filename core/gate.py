"""The quality gate. A check passes, fails, or has no evidence; no evidence does not pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.config import Headline
from core.versions import Version

Verdict = Literal["passed", "failed", "no_evidence"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the gate's report with the evidence behind it."""

    name: str
    verdict: Verdict
    value: float | str | None
    limit: str | None
    evidence: str

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "verdict": self.verdict,
            "value": self.value,
            "limit": self.limit,
            "evidence": self.evidence,
        }


@dataclass(frozen=True, slots=True)
class GateReport:
    version: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        verdicts = {check.verdict for check in self.checks}
        if "failed" in verdicts:
            return "failed"
        return "no_evidence" if "no_evidence" in verdicts or not verdicts else "passed"

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "verdict": self.verdict,
            "checks": [check.to_json() for check in self.checks],
        }


def check_ready(version: Version) -> Check:
    verdict: Verdict = "passed" if version.status == "READY" else "failed"
    return Check("ready", verdict, version.status, "READY", "status in the registry")


def check_headline(
    headline: Headline | None, metrics: Mapping[str, float], run: str | None
) -> Check:
    """The run's headline metric against the configured limit; NaN or missing is no evidence."""
    if headline is None:
        return Check(
            "headline", "no_evidence", None, None, "the service's config names no headline metric"
        )
    limit = f">= {headline.min:g}" if headline.min is not None else f"<= {headline.max:g}"
    value = metrics.get(headline.metric)
    source = f"metric {headline.metric} of run {run}" if run else "the version names no run"
    if value is None:
        return Check(
            "headline", "no_evidence", None, limit, f"{source}: not logged" if run else source
        )
    if not math.isfinite(value):
        return Check("headline", "no_evidence", str(value), limit, f"{source}: not a number")
    low = headline.min is not None and value < headline.min
    high = headline.max is not None and value > headline.max
    return Check("headline", "failed" if low or high else "passed", value, limit, source)


def evaluate(
    version: Version, headline: Headline | None, metrics: Mapping[str, float]
) -> GateReport:
    """The first two checks: the version is READY, its headline metric meets the limit."""
    checks = (check_ready(version), check_headline(headline, metrics, version.run_id))
    return GateReport(version.number, checks)
