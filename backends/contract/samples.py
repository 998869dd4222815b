"""What the registry suite puts into a registry, and wants back as it was."""

from __future__ import annotations

import math

from core.evidence import DatasetInput, Key, Metric, RunRecord

HOSTILE_NAMES = (
    "escape \x1b[31m",
    "new\nline",
    "[@click=app.bell]model[b]",
    "right \u202e to left",
    "it's",
    'say "it"',
    "both ' and \"",
    "100% _under",
    "a) OR (name = 'b",
    "back\\slash\\",
    "q?x=1&y#z +",
    "@at@two",
    "名前 🚀",
)
"""Names that some registry has accepted from somebody."""


RECORD = RunRecord(
    tags={"owner": "risk \x1b[31m", "mlflow.source.git.commit": "c" * 40},
    params={"seed": "7", "depth": "3"},
    datasets=(DatasetInput("fraud-train", "abcd1234", "training", "s3://bucket/train.parquet"),),
    metrics=(
        Metric("auc", 0.91, "fraud-eu", "11112222"),
        Metric("auc", math.nan, "fraud-us", "33334444"),
        Metric("auc", 0.93, "fraud-asia", "55556666"),
        Metric("toxicity", 0.0, "fraud-eu", "11112222"),
        Metric("f1", math.nan, "fraud-eu", "11112222"),
    ),
)
"""A store that loses a data set, or takes NaN for 0, does not give this back."""
FILES = {
    Key("model", "MLmodel"): "flavors: {}\n",
    Key("artifacts", "model_card.md"): "# Karte \u00fc\n",
}
