"""Figures of a service: the catalog's rules applied to what its scrapes say, per version and whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.concepts import CATALOG, Catalog, Concept, Pick, Rule, Vantage, rules
from core.figures import Figure
from core.rates import Told, merge, quantile, rate, ratio
from core.scrapes import Counted, Page, PageKey, count, read


def figures(
    before: Sequence[Page],
    after: Sequence[Page],
    versions: Mapping[str, str],
    catalog: Catalog = CATALOG,
) -> tuple[Figure, ...]:
    """Every concept for the whole service (version None) and for each version, from two scrapes.

    `versions` maps each slot to the version that it holds; a slot whose version nobody knows may
    stand there under any name. Slots of one version are taken together. A concept is told from
    one vantage point for all slots, so that its figures compare. Pages may be missing.
    """
    earlier = {reading.key: reading for reading in (read(page, catalog) for page in before)}
    later = [read(page, catalog) for page in after]
    counted = {reading.key: count(earlier.get(reading.key), reading) for reading in later}
    return tell(counted, versions, catalog)


def tell(
    counted: Mapping[PageKey, Counted], versions: Mapping[str, str], catalog: Catalog = CATALOG
) -> tuple[Figure, ...]:
    """The same from what was counted per slot; in the catalog's order, whole service first."""
    slots = list(dict.fromkeys([*versions, *(slot for _, slot in counted)]))
    of_version: dict[str, list[str]] = {}
    for slot, version in versions.items():
        of_version.setdefault(version, []).append(slot)
    found = []
    for concept in catalog.values():
        vantage = _vantage(concept, counted)
        views = {slot: _view(concept, vantage, slot, counted) for slot in slots}
        found.append(_figure(concept, vantage, views, slots, None))
        for version, held_by in of_version.items():
            found.append(_figure(concept, vantage, views, held_by, version))
    return tuple(found)


def _vantage(concept: Concept, counted: Mapping[PageKey, Counted]) -> Vantage | None:
    """The first of the concept's vantage points from which any slot tells it."""
    for vantage in concept.vantages:
        for (seen_from, _), page in counted.items():
            if seen_from == vantage and _rule(concept, vantage, page):
                return vantage
    return None


def _rule(concept: Concept, vantage: str, page: Counted) -> Rule | None:
    for rule in rules(concept, page.engine):
        if rule.vantage == vantage and not page.shown.isdisjoint(rule.anchors):
            return rule
    return None


@dataclass(frozen=True, slots=True)
class _View:
    """How one slot tells a concept, or why it does not."""

    part: tuple[Rule, Counted] | None
    why: str = ""
    silent: bool = False
    """The engine would tell it, and shows no series: it makes one with the first event, so that
    such a slot adds nothing to the others."""


def _view(
    concept: Concept, vantage: Vantage | None, slot: str, counted: Mapping[PageKey, Counted]
) -> _View:
    if vantage is None:
        return _View(None, _nobody(concept, counted))
    page = counted.get((vantage, slot))
    if page is None:
        return _View(None, f"no metrics of slot {slot} from the {vantage}")
    rule = _rule(concept, vantage, page)
    if rule is not None:
        return _View((rule, page))
    if any(rule.vantage == vantage for rule in rules(concept, page.engine)):
        return _View(None, f"slot {slot} shows no series of it", silent=True)
    return _View(None, f"{page.engine} in slot {slot} does not report it")


def _nobody(concept: Concept, counted: Mapping[PageKey, Counted]) -> str:
    if not counted:
        return "no metrics were read"
    for (_, slot), page in counted.items():
        if any(True for _ in rules(concept, page.engine)):
            return f"slot {slot} shows no series of it"
    engines = sorted({page.engine for page in counted.values()})
    return f"not reported by {', '.join(engines)}"


def _figure(
    concept: Concept,
    vantage: Vantage | None,
    views: Mapping[str, _View],
    slots: Sequence[str],
    version: str | None,
) -> Figure:
    parts = [view.part for slot in slots if (view := views[slot]).part is not None]
    lacking = [view for slot in slots if (view := views[slot]).part is None]
    mute = [view for view in lacking if not view.silent] or ([] if parts else lacking)
    seconds = None
    if mute or not parts:
        told = Told(None, why=mute[0].why if mute else "no metrics were read")
    else:
        told, seconds = _combine(concept, parts)
    return Figure(
        concept=concept.name,
        title=concept.title,
        layer=concept.layer,
        unit=concept.unit,
        value=told.value,
        version=version,
        slot=slots[0] if version is not None and len(slots) == 1 else None,
        bounds=told.bounds,
        n=told.n,
        vantage=vantage or "",
        why=told.why,
        direction=concept.direction,
        seconds=seconds,
    )


_Parts = Sequence[tuple[Rule, Counted]]


def _combine(concept: Concept, parts: _Parts) -> tuple[Told, float | None]:
    """The figure over some slots, and the seconds it was measured over."""
    kinds = {rule.kind for rule, _ in parts}
    if len(kinds) > 1:
        return Told(None, why="the slots' engines report it in different ways"), None
    kind = kinds.pop()
    seconds = None if kind == "gauge" else max(page.seconds for _, page in parts)
    return _BY_KIND[kind](concept, parts), seconds


def _rates(_: Concept, parts: _Parts) -> Told:
    each = []
    for rule, page in parts:
        total = _sum(rule.of, page.increases)
        if total is None:
            return _untold(page)
        told = rate(total * rule.scale, page.seconds)
        if told.value is None:
            return told
        each.append(told)
    return Told(sum(t.value or 0.0 for t in each), sum(t.n or 0 for t in each))


def _gauges(_: Concept, parts: _Parts) -> Told:
    total = 0.0
    for rule, page in parts:
        value = _sum(rule.of, page.gauges)
        if value is None:
            return _untold(page)
        total += value * rule.scale
    return Told(total) if math.isfinite(total) else Told(None, why=f"it reads {total:g}")


def _ratios(concept: Concept, parts: _Parts) -> Told:
    part = whole = 0.0
    for rule, page in parts:
        over, under = _sum(rule.of, page.increases), _sum(rule.per, page.increases)
        if over is None and all(pick.absent_is_zero for pick in rule.of):
            over = 0.0
        if over is None or under is None:
            return _untold(page)
        part += over * rule.scale
        whole += under
    return ratio(part, whole, least=concept.least)


def _quantiles(_: Concept, parts: _Parts) -> Told:
    rule = parts[0][0]
    histograms = []
    for other, page in parts:
        if other.of != rule.of:
            return Told(None, why="the slots' engines have different histograms")
        buckets = page.buckets.get(rule.of[0])
        if buckets is None:
            return _untold(page)
        histograms.append(buckets)
    merged = merge(histograms)
    assert merged is not None
    told = quantile(rule.q, merged)
    bounds = told.bounds and (told.bounds[0] * rule.scale, told.bounds[1] * rule.scale)
    value = None if told.value is None else told.value * rule.scale
    return Told(value, told.n, bounds, told.why)


def _untold(page: Counted) -> Told:
    one = page.seconds == 0
    return Told(
        None, why="one reading so far, two are needed" if one else "a part of it is missing"
    )


_BY_KIND = {"rate": _rates, "gauge": _gauges, "ratio": _ratios, "quantile": _quantiles}


def _sum(picks: Sequence[Pick], values: Mapping[Pick, float]) -> float | None:
    """The sum over the picks; None where all are absent, or one whose absence means nothing."""
    if not any(pick in values for pick in picks):
        return None
    if not all(pick in values or pick.absent_is_zero for pick in picks):
        return None
    return sum(values[pick] for pick in picks if pick in values)
