"""Complete lineage and a complete model card as checks of the gate."""

from __future__ import annotations

from collections.abc import Iterable

from core.card import FIELDS, Card
from core.gate.limits import COMPLETE
from core.gate.report import Check, Verdict
from core.lineage import Lineage
from core.lineage_keys import TITLES
from core.redaction import shown
from core.text import clean

LONGEST = 300
"""Characters of one reason; `modeldeck lineage` and `modeldeck card` have all of it."""


def check_lineage(lineage: Lineage) -> Check:
    """Failed where an item is missing or broken, else no evidence where one is unreachable."""
    lacking = [item for item in lineage.items if item.verdict != "present"]
    # An item may be present and unchecked: a commit without a clone to look for it in.
    unchecked = [item for item in lineage.items if item.because]
    said = _grouped((TITLES[i.name], i.verdict, i.because) for i in lacking or unchecked)
    if not lacking:
        said = f"every item is present; {said}" if said else "every item is present"
    return Check(
        "lineage",
        _verdict(lineage.complete, bool(lineage.of("missing", "broken"))),
        f"{len(lineage.of('present'))} of {len(lineage.items)} items",
        COMPLETE,
        said,
        run_id=clean(lineage.run_id) if lineage.run_id else None,
    )


def check_card(card: Card) -> Check:
    """Failed where a field is empty, else no evidence where one is unreachable."""
    found = [(FIELDS[f.name], f.verdict, f.because) for f in card.fields if f.verdict != "present"]
    sources = ", ".join(dict.fromkeys(f.source for f in card.fields if f.source))
    return Check(
        "card",
        _verdict(card.complete, bool(card.of("empty"))),
        f"{len(card.of('present'))} of {len(card.fields)} fields",
        COMPLETE,
        _grouped(found) or f"every field is filled, from {clean(sources)}",
    )


def _verdict(complete: bool, wrong: bool) -> Verdict:
    if complete:
        return "passed"
    return "failed" if wrong else "no_evidence"


def _grouped(found: Iterable[tuple[str, str, str]]) -> str:
    """ "seeds, owner unreachable: …; commit SHA broken: …": what shares a reason says it once."""
    groups: dict[tuple[str, str], list[str]] = {}
    for title, verdict, because in found:
        groups.setdefault((verdict, because), []).append(title)
    said = []
    for (verdict, because), titles in groups.items():
        reason = f": {shown(because)[:LONGEST]}" if because else ""
        said.append(f"{', '.join(titles)} {verdict}{reason}")
    return "; ".join(said)
