"""Hypothesis strategies of what changes set."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from core.plan import Finding, Plan, Set
from core.refs import KINDS, Ref, Value
from core.split import WHOLE, Split

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SLOTS = ("blue", "green", "canary")
# Names as registries have them: no control characters, but separators, blanks and other scripts.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20
)


@st.composite
def splits(draw: Any) -> Split:
    slots = draw(st.lists(st.sampled_from(SLOTS), min_size=1, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=len(slots) - 1,
                                max_size=len(slots) - 1)))  # fmt: skip
    edges = [0, *cuts, WHOLE]
    live = {slot: high - low for slot, low, high in zip(slots, edges, edges[1:], strict=False)}
    shadow = draw(st.dictionaries(st.sampled_from(SLOTS), st.integers(0, WHOLE)))
    return Split.of(live, shadow)


@st.composite
def refs(draw: Any) -> Ref:
    kind = draw(st.sampled_from(KINDS))
    if kind == "traffic":
        return Ref("traffic", draw(NAMES))
    separator = "@" if kind in ("alias", "prompt", "index") else "/"
    item = draw(NAMES.filter(lambda text: separator not in text))
    return Ref(kind, f"{draw(NAMES)}{separator}{item}")


VALUES: st.SearchStrategy[Value] = st.one_of(st.none(), NAMES, splits())
SETS = st.builds(Set, refs(), VALUES, VALUES, st.booleans(), st.sampled_from(("", "weights")))
FINDINGS = st.builds(
    Finding, st.sampled_from(("info", "warning", "refused")), NAMES, st.none() | NAMES
)
PLANS = st.builds(
    Plan,
    st.sampled_from(("canary", "abort", "promote")),
    NAMES,
    st.sampled_from(("forward", "back")),
    NAMES,
    st.lists(SETS, max_size=4).map(tuple),
    st.lists(FINDINGS, max_size=3).map(tuple),
    st.dictionaries(NAMES, st.integers() | NAMES, max_size=2),
)
