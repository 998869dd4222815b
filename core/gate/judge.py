"""The gate's checks: what the config asks for against what was found. Missing, NaN, infinite or
stale is no evidence, and no evidence does not pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.evaluation import Measurement
from core.gate.compare import against, asked, holds, limit_text, wanted
from core.gate.evidence import Evidence, Lacking, age, find, find_pair, usable
from core.gate.limits import (
    COMPLETE,
    Bound,
    Cost,
    GateConfig,
    Latency,
    Money,
    Safety,
    Slice,
    Tolerance,
    parse_money,
)
from core.gate.report import Check, GateReport, Verdict
from core.signature import changes
from core.units import show_duration, show_value
from core.versions import Version

_FIRST = "no version was in Production before: nothing to compare with"


def judge(config: GateConfig, evidence: Evidence) -> GateReport:
    """The report on the candidate. A check that is not configured is not in it."""
    candidate = evidence.candidate.version
    checks = [check_ready(candidate), *_configured(config, evidence), *evidence.supplied]
    made = {check.name for check in evidence.supplied}
    checks += [
        Check(name, "no_evidence", None, COMPLETE, "nobody looked for it")
        for name in config.supplied
        if name not in made
    ]
    if len(checks) == 1:
        said = "the service's config asks for no evidence: [services.NAME.gate] names what to check"
        checks.append(Check("configured", "no_evidence", None, None, said))
    champion = evidence.champion.version.number if evidence.champion else None
    return GateReport(candidate.number, tuple(checks), champion)


def check_ready(version: Version) -> Check:
    verdict: Verdict = "passed" if version.status == "READY" else "failed"
    return Check("ready", verdict, version.status, "READY", "status in the registry")


def _configured(config: GateConfig, evidence: Evidence) -> Iterator[Check]:
    line = _Lines(config.max_age, evidence)
    if config.headline:
        one = config.headline
        yield line.metric("headline", one.metric, one.dataset, one.bound)
    for rule in config.champion:
        on = f" on {rule.dataset}" if rule.dataset else ""
        yield line.metric(f"champion {rule.metric}{on}", rule.metric, rule.dataset, rule.bound)
    for part in config.slices:
        yield from line.slices(part)
    if config.latency:
        yield line.latency(config.latency)
    if config.cost:
        yield line.cost(config.cost)
    for limit in config.safety:
        yield line.safety(limit)
    if config.schema:
        yield line.schema()


class _Lines:
    """Makes one line after the other from the same evidence."""

    def __init__(self, max_age: float | None, evidence: Evidence) -> None:
        self._max_age = max_age
        self._evidence = evidence
        self._mine = evidence.candidate.evaluation

    def metric(
        self, name: str, metric: str, dataset: str | None, bound: Bound, *, unit: str = ""
    ) -> Check:
        """A metric against its limit, or against the champion's on the same data set."""
        limit = wanted(bound, unit)
        try:
            if not bound.compared:
                found = find(self._mine, metric, dataset)
                value = usable(found, self._evidence.now, self._max_age)
                return self._judged(name, found, holds(bound.side, value, bound.by.amount), limit)
            return self._compared(name, metric, dataset, bound, limit)
        except Lacking as lacking:
            return self._lacking(name, limit, lacking)

    def _compared(
        self, name: str, metric: str, dataset: str | None, bound: Bound, limit: str
    ) -> Check:
        evidence = self._evidence
        if evidence.champion is None:
            found = find(self._mine, metric, dataset)
            usable(found, evidence.now, self._max_age)
            if evidence.first:
                return self._line(name, "passed", found, limit, _FIRST)
            raise Lacking("the champion's alias names no version", found)
        found, other = find_pair(self._mine, evidence.champion.evaluation, metric, dataset)
        value = usable(found, evidence.now, self._max_age)
        if not math.isfinite(other.value):
            raise Lacking("the champion's value is not a finite number", found)
        side, amount = against(bound, other.value)
        limit = f"{limit_text(side, amount)} ({asked(bound)})"
        return self._judged(name, found, holds(side, value, amount), limit, other)

    def slices(self, part: Slice) -> Iterator[Check]:
        """One line for each slice that the candidate or the champion was measured on: one that
        only the champion has is no evidence."""
        names = {part.name} if "*" not in part.name else set()
        champion = self._evidence.champion
        for side in (self._evidence.candidate, champion):
            if side is not None:
                names |= {n for n in side.evaluation.datasets(part.metric) if part.matches(n)}
        for dataset in sorted(names):
            yield self.metric(f"slice {dataset} {part.metric}", part.metric, dataset, part.bound)
        if not names:
            why = Lacking(f"metric {part.metric} was logged on no data set of such a name")
            yield self._lacking(f"slice {part.name} {part.metric}", wanted(part.bound), why)

    def latency(self, ceiling: Latency) -> Check:
        if ceiling.source == "run":
            bound = Bound("max", Tolerance(ceiling.max))
            return self._never_negative(self.metric("latency", ceiling.metric, None, bound))
        limit = f"<= {show_value(ceiling.max, 'seconds')}"
        figure = self._evidence.traffic
        if figure is None or figure.value is None:
            why = self._evidence.no_traffic if figure is None else figure.why
            why = why or "nothing was measured on its own traffic"
            return Check(
                "latency", "no_evidence", None, limit, f"{ceiling.metric} on traffic: {why}"
            )
        n = figure.n or 0
        measured = f"over {show_duration(figure.seconds)}" if figure.seconds else "just now"
        said = f"{ceiling.metric} of {n} requests {measured}, seen from the {figure.vantage}"
        value = figure.value
        if not math.isfinite(value):
            return Check(
                "latency", "no_evidence", str(value), limit, f"{said}: not a finite number"
            )
        if n < ceiling.requests:
            said = f"{said}: {ceiling.requests} are needed"
            return Check("latency", "no_evidence", value, limit, said)
        inside = holds("max", value, ceiling.max)
        open_ended = figure.bounds is not None and math.isinf(figure.bounds[1])
        if inside and open_ended:
            said = f"{said}: beyond the histogram's last bucket"
            return Check("latency", "no_evidence", value, limit, said)
        return Check("latency", "passed" if inside else "failed", value, limit, said)

    def cost(self, guard: Cost) -> Check:
        if guard.metric is not None:
            unit = guard.max.currency if guard.max else ""
            check = self.metric("cost", guard.metric, None, guard.bound, unit=unit)
            return self._never_negative(check)
        assert guard.tag is not None
        bound = guard.bound
        limit = f"<= {guard.max}" if guard.max else asked(bound)
        said = f"tag {guard.tag}"
        try:
            mine = _money(self._mine.tags.get(guard.tag), said)
            if guard.max is not None:
                if mine.currency != guard.max.currency:
                    raise Lacking(f"it is in {mine.currency}, the limit in {guard.max.currency}")
                amount, theirs = guard.max.amount, None
            elif self._evidence.champion is None:
                if not self._evidence.first:
                    raise Lacking("the champion's alias names no version")
                return Check("cost", "passed", str(mine), limit, f"{said}; {_FIRST}")
            else:
                tags = self._evidence.champion.evaluation.tags
                theirs = _money(tags.get(guard.tag), f"the champion's {said}")
                if mine.currency != theirs.currency:
                    raise Lacking(f"it is in {mine.currency}, the champion's in {theirs.currency}")
                _, amount = against(bound, theirs.amount)
                limit = f"<= {Money(amount, theirs.currency)} ({asked(bound)})"
        except Lacking as lacking:
            value = self._mine.tags.get(guard.tag)
            return Check("cost", "no_evidence", value, limit, f"{said}: {lacking}")
        verdict: Verdict = "passed" if holds("max", mine.amount, amount) else "failed"
        return Check("cost", verdict, str(mine), limit, said, str(theirs) if theirs else None)

    def safety(self, limit: Safety) -> Check:
        if limit.metric is not None:
            on = f" on {limit.dataset}" if limit.dataset else ""
            name = f"safety {limit.metric}{on}"
            return self.metric(name, limit.metric, limit.dataset, limit.bound)
        assert limit.tag is not None
        value = self._mine.tags.get(limit.tag)
        must, name, said = f"= {limit.equals}", f"safety {limit.tag}", f"tag {limit.tag}"
        if value is None:
            return Check(name, "no_evidence", None, must, f"{said} is not set")
        return Check(name, "passed" if value == limit.equals else "failed", value, must, said)

    def schema(self) -> Check:
        """The signature against the champion's. `core.inference_log` looks at what is sent."""
        limit = "compatible with the champion"
        mine, champion = self._evidence.candidate.signature, self._evidence.champion
        if mine.why:
            return Check("schema", "no_evidence", None, limit, f"its signature: {mine.why}")
        said = f"{len(mine.inputs)} inputs, {len(mine.outputs)} outputs"
        if champion is None:
            verdict: Verdict = "passed" if self._evidence.first else "no_evidence"
            why = _FIRST if self._evidence.first else "the champion's alias names no version"
            return Check("schema", verdict, said, limit, why)
        if champion.signature.why:
            why = f"the champion's signature: {champion.signature.why}"
            return Check("schema", "no_evidence", said, limit, why)
        found = changes(champion.signature, mine)
        told = "; ".join(found[:6]) + (f"; {len(found) - 6} more" if len(found) > 6 else "")
        evidence = f"{told or 'no change'}; signature in MLmodel"
        other = (
            f"{len(champion.signature.inputs)} inputs, {len(champion.signature.outputs)} outputs"
        )
        return Check("schema", "failed" if found else "passed", said, limit, evidence, other)

    def _never_negative(self, check: Check) -> Check:
        """Less than nothing is a mistake in what was logged, and no evidence."""
        if isinstance(check.value, float) and check.value < 0 and check.verdict == "passed":
            said = f"{check.evidence}: it cannot be negative"
            return Check(check.name, "no_evidence", check.value, check.limit, said)
        return check

    def _judged(
        self,
        name: str,
        found: Measurement,
        holds: bool,
        limit: str,
        other: Measurement | None = None,
    ) -> Check:
        return self._line(name, "passed" if holds else "failed", found, limit, "", other)

    def _lacking(self, name: str, limit: str, why: Lacking) -> Check:
        if why.found is None:
            return Check(name, "no_evidence", None, limit, str(why))
        return self._line(name, "no_evidence", why.found, limit, str(why))

    def _line(
        self, name: str, verdict: Verdict, found: Measurement, limit: str, why: str,
        other: Measurement | None = None,
    ) -> Check:  # fmt: skip
        old = age(found, self._evidence.now)
        value = found.value if math.isfinite(found.value) else str(found.value)
        champion = other.value if other else None
        return Check(
            name, verdict, value, limit, _source(found, old, why, other), champion,
            found.dataset, found.digest, found.run_id, old,
        )  # fmt: skip


def _source(found: Measurement, old: float | None, why: str, other: Measurement | None) -> str:
    """Where the value comes from, in words."""
    said = f"metric {found.metric}"
    if found.dataset:
        said += f" on {found.dataset}" + (f" ({found.digest})" if found.digest else "")
    if found.run_id:
        said += f" of run {found.run_id[:8]}"
    if old is not None and old >= 0:
        said += f", {show_duration(old)} ago"
    if other is not None:
        said += f"; the champion has {other.value:.6g}"
    return f"{said}: {why}" if why else said


def _money(text: str | None, said: str) -> Money:
    if text is None:
        raise Lacking(f"{said} is not set")
    try:
        return parse_money(text)
    except ValueError:
        raise Lacking(f"{said} is no amount with its currency") from None
