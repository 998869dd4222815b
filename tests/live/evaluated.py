"""Versions that were evaluated: a run, a logged model with metrics per data set, and an MLmodel."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlparse

from tests.live.seeds import Seeds

_STEP = itertools.count()
COLUMNS = ({"name": "amount", "type": "double"}, {"name": "age", "type": "long"})


class Logged(NamedTuple):
    """One metric on one data set; "NaN" stands for what JSON cannot say."""

    metric: str
    value: float | str
    dataset: str | None = None
    digest: str | None = None


def evaluated(
    seeds: Seeds,
    name: str,
    logged: Sequence[Logged],
    *,
    run: Mapping[str, float | str] | None = None,
    inputs: Sequence[Mapping[str, Any]] | None = COLUMNS,
    tags: Mapping[str, str] | None = None,
    at: float | None = None,
) -> str:
    """A version of a registered model with all of it; its number.

    `run` are metrics without a data set, `inputs` the columns of the signature (None: no MLmodel),
    `at` when it was logged, in seconds since the epoch.
    """
    info = seeds.run(run or {})
    body = {"experiment_id": "0", "name": "model", "source_run_id": info["run_id"]}
    model = seeds.post("logged-models", body)["model"]["info"]
    when = int((time.time() if at is None else at) * 1000) - 1000
    for number, one in enumerate(logged):
        metric = {
            "run_id": info["run_id"], "model_id": model["model_id"], "key": one.metric,
            "value": one.value, "timestamp": when + number, "step": next(_STEP),
        }  # fmt: skip
        named = {"dataset_name": one.dataset, "dataset_digest": one.digest}
        metric |= {key: value for key, value in named.items() if value is not None}
        seeds.post("runs/log-metric", metric)
    if inputs is not None:
        folder = Path(urlparse(model["artifact_uri"]).path)
        folder.mkdir(parents=True)
        outputs = [{"type": "double", "name": "score"}]
        described = {
            "flavors": {"sklearn": {}},
            "signature": {"inputs": json.dumps(list(inputs)), "outputs": json.dumps(outputs)},
        }
        (folder / "MLmodel").write_text(json.dumps(described))
    source = f"models:/{model['model_id']}"
    number = seeds.version(name, source=source, run_id=info["run_id"], model_id=model["model_id"])
    for key, value in (tags or {}).items():
        seeds.tag(name, number, key, value)
    return number
