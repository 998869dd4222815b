"""What was found of a version and of the champion that it is compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from core.evaluation import Evaluation, Measurement, newest
from core.figures import Figure
from core.gate.report import Check
from core.signature import Signature
from core.units import show_duration
from core.versions import Model, Version, parse_stage

_SKEW = 60.0
"""Seconds that a clock may be ahead of ours."""
UNREAD = Signature(why="it was not read")


@dataclass(frozen=True, slots=True)
class Side:
    """One version with what the registry knows of it."""

    version: Version
    evaluation: Evaluation = field(default_factory=Evaluation)
    signature: Signature = UNREAD


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the gate judges, read at `now`.

    `champion` is None where the alias names nobody; `first` says that no other version has ever
    been in Production. `traffic` is the latency figure of the candidate's own live or shadow
    requests; `no_traffic` says why there is none. `supplied` are checks that others made, such as
    approvals, complete lineage and a complete card.
    """

    candidate: Side
    now: datetime
    champion: Side | None = None
    first: bool = False
    traffic: Figure | None = None
    no_traffic: str = ""
    supplied: tuple[Check, ...] = ()


class Lacking(Exception):
    """There is no evidence. The message says why; `found` is what cannot be used, if anything."""

    def __init__(self, why: str, found: Measurement | None = None) -> None:
        super().__init__(why)
        self.found = found


def is_first(model: Model, champion_alias: str, candidate: str) -> bool:
    """Whether no other version of the model has ever been in Production, by all that it shows."""
    if champion_alias in model.aliases:
        return False
    served = {"Production", "Archived"}
    return not any(
        parse_stage(written) in served
        for version in model.versions
        if version.number != candidate
        for written in (version.tag_stage, version.legacy_stage)
        if written
    )


def find(evaluation: Evaluation, metric: str, dataset: str | None) -> Measurement:
    """The newest measurement of a metric on a data set; without one, on the only one there is.

    Raises Lacking.
    """
    every = evaluation.of(metric)
    if dataset is not None:
        chosen = [one for one in every if one.dataset == dataset]
        if not chosen:
            raise Lacking(_missing(evaluation, f"metric {metric} was not logged on {dataset}"))
    else:
        chosen = [one for one in every if one.dataset is None]
        names = evaluation.datasets(metric)
        if not chosen and len(names) > 1:
            listed = ", ".join(names[:6]) + (" …" if len(names) > 6 else "")
            raise Lacking(
                f"metric {metric} was logged on {len(names)} data sets ({listed}): "
                "name one with dataset"
            )
        chosen = chosen or list(every)
    found = newest(chosen)
    if found is None:
        raise Lacking(_missing(evaluation, f"metric {metric} was not logged"))
    return found


def find_pair(
    candidate: Evaluation, champion: Evaluation, metric: str, dataset: str | None
) -> tuple[Measurement, Measurement]:
    """The newest measurements of both on one and the same data set. Raises Lacking.

    The same means the same digest: a name alone may stand for other rows by now.
    """
    named = find(candidate, metric, dataset)
    mine = [m for m in candidate.of(metric) if m.dataset == named.dataset and m.digest]
    if not mine:
        raise Lacking("the digest of its data set was not logged", named)
    theirs = champion.of(metric)
    shared = {one.digest for one in theirs if one.digest}
    found = newest(one for one in mine if one.digest in shared)
    if found is None:
        others = sorted({f"{m.dataset} {m.digest}" for m in theirs if m.dataset == named.dataset})
        has = (
            f"the champion has it on {', '.join(others[:3])}" if others else "the champion lacks it"
        )
        raise Lacking(f"no evidence on the same data set: {has}", named)
    other = newest(one for one in theirs if one.digest == found.digest)
    assert other is not None
    return found, other


def usable(found: Measurement, now: datetime, max_age: float | None) -> float:
    """Its value, a finite number that is no older than `max_age` seconds. Raises Lacking."""
    if not math.isfinite(found.value):
        raise Lacking("not a finite number", found)
    if max_age is not None:
        old = age(found, now)
        if old is None:
            raise Lacking("when it was logged is not known", found)
        if old < -_SKEW:
            raise Lacking("it was logged in the future", found)
        if old > max_age:
            limit = show_duration(max_age)
            raise Lacking(f"stale: {show_duration(old)} old, at most {limit} counts", found)
    return found.value


def age(found: Measurement, now: datetime) -> float | None:
    """Seconds since it was logged; None where that is not known."""
    return None if found.at is None else (now - found.at).total_seconds()


def _missing(evaluation: Evaluation, said: str) -> str:
    return f"{said} ({'; '.join(evaluation.gaps)})" if evaluation.gaps else said
