"""A model card to start from, with what the lineage knows already filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.card import FIELDS, Card
from core.lineage import Item, Lineage, Part
from core.text import clean, clean_block

_HINTS: Mapping[str, str] = {
    "intended_use": "Who uses it for what, and what it must not be used for.",
    "dataset_summary": "What it was trained on: rows, period, labels, what was left out.",
    "evaluation": "The headline metric and every slice that matters, each with its data set.",
    "failure_modes": "Where it is known to err, and how that would be noticed.",
    "latency_profile": "p50, p95 and p99, on which hardware, at which load.",
    "cost_profile": "What a thousand requests cost, and on which hardware.",
    "safety_notes": "Personal data, harms, and what was done about them.",
}
_MARKS = str.maketrans({mark: "\\" + mark for mark in "\\`*_[]|#"} | {"<": "&lt;", ">": "&gt;"})


def template(model: str, card: Card, lineage: Lineage | None) -> str:
    """The card as Markdown, one heading per field.

    A field that is filled already stays as it is. What only a person can say is a comment, which
    counts as empty until it is replaced.
    """
    parts = [f"# {_inline(model)} v{_inline(card.version)}", ""]
    known = _known(lineage) if lineage else {}
    for field in card.fields:
        parts.append(f"## {FIELDS[field.name]}")
        if field.verdict == "present":
            parts += [clean_block(field.text), ""]
        else:
            text = known.get(field.name, "")
            parts += [f"<!-- {_HINTS[field.name]} -->", *(["", text] if text else []), ""]
    return "\n".join(parts).rstrip() + "\n"


def _known(lineage: Lineage) -> dict[str, str]:
    """What the run says about the fields; only items that are present speak."""
    items = {item.name: item for item in lineage.items if item.verdict == "present"}
    figures = items["metrics"].parts if "metrics" in items else ()
    known = {
        "dataset_summary": _dataset(items),
        "evaluation": _table(
            part for part in figures if not _names(part, "latency") and not _names(part, "cost")
        ),
        "latency_profile": _table(part for part in figures if _names(part, "latency")),
        "cost_profile": _table(part for part in figures if _names(part, "cost")),
    }
    hardware = items.get("hardware")
    if hardware and known["latency_profile"]:
        known["latency_profile"] += f"\n\nMeasured on {_inline(hardware.value)}."
    return {name: text for name, text in known.items() if text}


def _names(part: Part, word: str) -> bool:
    return word in part.name.lower()


def _dataset(items: Mapping[str, Item]) -> str:
    lines = []
    if "dataset" in items:
        lines.append(f"Trained on {_inline(items['dataset'].value)}.")
    if "feature_version" in items:
        lines.append(f"Features {_inline(items['feature_version'].value)}.")
    return "\n".join(lines)


def _table(parts: Iterable[Part]) -> str:
    rows = [
        f"| {_inline(part.name)} | {_figure(part)} | {_inline(part.dataset or '')} |"
        for part in parts
    ]
    return (
        "\n".join(["| metric | value | data set |", "| --- | --- | --- |", *rows]) if rows else ""
    )


def _figure(part: Part) -> str:
    return f"{part.value:.4g}" if isinstance(part.value, float) else _inline(part.value)


def _inline(text: object) -> str:
    """Text from outside as plain words within Markdown."""
    return clean(text).translate(_MARKS)
