"""The model cards of the demo's versions, with the figures that were measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from demo.data import Data

_USE = {
    "tumor": "Ranks biopsies by how likely they are benign, for a second look. Never the only "
    "reader.",
    "digits": "Reads single handwritten digits on forms. Not for whole numbers or letters.",
}


def weakest_slice(metrics: Mapping[str, float]) -> str:
    """The slice with the lowest figure, as a sentence."""
    slices = {name: value for name, value in metrics.items() if name.startswith("slice/")}
    name = min(slices, key=lambda one: slices[one])
    return f"Weakest on the slice `{name.split('/')[1]}`, with {slices[name]:.4f}."


def model_card(
    model: str,
    story: str,
    data: Data,
    metrics: Mapping[str, float],
    unwritten: Sequence[str] = (),
) -> str:
    """The card in Markdown, one heading per field; nothing but TODO under the `unwritten` ones."""
    profile = ("latency_p95", "cost_per_1k")
    figures = "\n".join(
        f"| {name} | {value:.4f} |" for name, value in metrics.items() if name not in profile
    )
    text = f"""# {model}

{story}.

## Intended use
{_USE[model]}

## Dataset summary
{data.name} as scikit-learn ships it: {len(data.train)} rows to train, {len(data.test)} held out,
{len(data.features)} features.

## Evaluation metrics and slices
| metric | value |
| --- | --- |
{figures}

## Failure modes
{weakest_slice(metrics)}

## Latency profile
p95 {metrics["latency_p95"] * 1000:.2f} ms for one row, measured while training.

## Cost profile
One CPU core serves it; no accelerator. {metrics["cost_per_1k"]:.2g} USD for a thousand requests.

## Safety notes
No personal data beyond the measures themselves.
"""
    for heading in unwritten:
        text = re.sub(rf"(?<=## {heading}\n)[^#]*", "TODO\n\n", text)
    return text
