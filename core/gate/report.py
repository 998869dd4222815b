"""The gate's answer. A check passes, fails, or has no evidence; no evidence does not pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["passed", "failed", "no_evidence"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the gate's report with the evidence behind it.

    `value` and `champion` are numbers in the metric's own unit (a latency in seconds), or words;
    `champion` is what the champion has where the two are compared. `limit` and `evidence` are for
    people. `dataset` and `digest` name the data set that `value` was measured on, `run_id` the
    run that logged it. `age` is in seconds since then. None where there is no such thing.
    """

    name: str
    verdict: Verdict
    value: float | str | None
    limit: str | None
    evidence: str
    champion: float | str | None = None
    dataset: str | None = None
    digest: str | None = None
    run_id: str | None = None
    age: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "verdict": self.verdict,
            "value": _json(self.value),
            "limit": self.limit,
            "evidence": self.evidence,
            "champion": _json(self.champion),
            "dataset": self.dataset,
            "digest": self.digest,
            "run_id": self.run_id,
            "age_seconds": _json(self.age),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Check:
        """The check as a plan kept it; a number that JSON has not is a word now."""
        age = value.get("age_seconds")
        return cls(
            value["name"],
            value["verdict"],
            value["value"],
            value["limit"],
            value["evidence"],
            value.get("champion"),
            value.get("dataset"),
            value.get("digest"),
            value.get("run_id"),
            None if age is None else float(age),
        )


@dataclass(frozen=True, slots=True)
class GateReport:
    """Every configured check of one version. `champion` is the version that it was compared with."""

    version: str
    checks: tuple[Check, ...]
    champion: str | None = None

    @property
    def verdict(self) -> Verdict:
        """A report without any check has no evidence."""
        return worst(self.checks)

    @property
    def tally(self) -> str:
        """How many checks pass: "14 of 14 checks", "5 of 14 checks passed"."""
        good = sum(check.verdict == "passed" for check in self.checks)
        said = f"{good} of {len(self.checks)} checks"
        return said if self.verdict == "passed" else f"{said} passed"

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "champion": self.champion,
            "verdict": self.verdict,
            "checks": [check.to_json() for check in self.checks],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> GateReport:
        checks = tuple(Check.from_json(check) for check in value["checks"])
        return cls(value["version"], checks, value.get("champion"))


def worst(checks: Sequence[Check]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    if "failed" in verdicts:
        return "failed"
    return "no_evidence" if "no_evidence" in verdicts or not verdicts else "passed"


def show_number(value: float | str | None) -> str:
    """A check's value as a person reads it; "–" where there is none."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.6g}"


def _json(value: float | str | None) -> float | str | None:
    """JSON has no number for NaN and infinity."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
