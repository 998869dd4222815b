"""`python -m demo.train STATE`: trains the models and fills the registry, once per state folder.

It writes straight into the registry's database, so it need not wait for the server.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
import numpy
from sklearn.metrics import accuracy_score, roc_auc_score

from demo.card import model_card
from demo.data import LOADERS, SEED, Data
from demo.layout import Layout, write_text
from demo.prompts import MESSAGES, PROMPTS
from demo.recipes import RECIPES, Recipe
from demo.services import PROMPT, PROMPT_ALIAS, SERVICES
from demo.source import Source

TIMED_ROWS = 200
CORE_HOUR = 0.05
"""US dollars for one core for one hour, an assumption: about what clouds ask."""


def headline(model: str, pipeline: Any, rows: Any, labels: Any) -> float:
    """The model's own metric on some rows; not a number where there are none."""
    if not len(rows):
        return float("nan")
    if SERVICES[model].headline["metric"] == "auc":
        return float(roc_auc_score(labels, pipeline.predict_proba(rows)[:, 1]))
    return float(accuracy_score(labels, pipeline.predict(rows)))


def profiled(pipeline: Any, data: Data) -> dict[str, float]:
    """Latency for one row, in seconds, and the cost of a thousand, in US dollars; measured here
    and now."""
    spent = []
    for number in range(TIMED_ROWS):
        row = data.test[number % len(data.test)][None]
        began = time.perf_counter()
        pipeline.predict_proba(row)
        spent.append(time.perf_counter() - began)
    cost = 1000 * float(numpy.mean(spent)) * CORE_HOUR / 3600
    return {"latency_p95": float(numpy.percentile(spent, 95)), "cost_per_1k": cost}


@dataclass(frozen=True)
class Measured:
    """One metric on one data set, whose rows the digest stands for."""

    metric: str
    value: float
    dataset: str
    digest: str


def measure(model: str, recipe: Recipe, pipeline: Any, data: Data) -> list[Measured]:
    """The headline metric per slice, then on all rows that were held out, and what is unsafe."""
    metric = SERVICES[model].headline["metric"]
    rows, labels = data.test, data.test_labels
    if recipe.filter:
        keep = recipe.filter(labels)
        rows, labels = rows[keep], labels[keep]
    found = []
    for name, inside in data.slices.items():
        inside_rows, inside_labels = data.test[inside], data.test_labels[inside]
        value = headline(model, pipeline, inside_rows, inside_labels)
        found.append(Measured(metric, value, name, digest(inside_rows, inside_labels)))
    whole = digest(rows, labels)
    value = headline(model, pipeline, rows, labels)
    found.append(Measured(metric, value, data.held_out, whole))
    if model == "tumor":
        missed = float((pipeline.predict(rows[labels == 0]) == 1).mean())
        found.append(Measured("missed_malignant", missed, data.held_out, whole))
    return found


@functools.lru_cache(maxsize=256)
def _digest(rows: bytes, labels: bytes) -> str:
    return hashlib.sha256(rows + labels).hexdigest()[:8]


def digest(rows: Any, labels: Any) -> str:
    """Eight hexadecimal digits of the rows with their labels."""
    return _digest(rows.tobytes(), labels.tobytes())


def log_measured(run: str, model_id: str, measured: Sequence[Measured]) -> None:
    """Into the logged model, each with its data set.

    MLflow takes two values of a metric at one time for one, so that each has its own millisecond.
    """
    from mlflow.entities import Metric

    began = int(time.time() * 1000) - len(measured)
    metrics = [
        Metric(
            one.metric, one.value, began + number, 0,
            model_id=model_id, dataset_name=one.dataset, dataset_digest=one.digest, run_id=run,
        )
        for number, one in enumerate(measured)
    ]  # fmt: skip
    mlflow.MlflowClient().log_batch(run, metrics=metrics)


def card_figures(measured: Sequence[Measured], data: Data) -> dict[str, float]:
    """The same by name, as the model card lists them: a slice as `slice/NAME/METRIC`."""
    return {
        one.metric
        if one.dataset == data.held_out
        else f"slice/{one.dataset}/{one.metric}": one.value
        for one in measured
    }


def snapshot(data: Data, folder: Path, rows: int | None) -> Any:
    """The first training rows as a data set of a run, with a file of all of them as its source."""
    path = folder / f"{data.name}-train.csv"
    if not path.exists():
        header = ",".join((*data.features, "label"))
        table = numpy.column_stack([data.train, data.train_labels])
        numpy.savetxt(path, table, delimiter=",", header=header, comments="", fmt="%.10g")
    used = {"features": data.train[:rows], "targets": data.train_labels[:rows]}
    return mlflow.data.from_numpy(**used, source=str(path), name=f"{data.name}-train")


def hold_out(model: str, data: Data, layout: Layout) -> None:
    """The rows that the load will send, with their labels."""
    kept = {
        "features": data.features,
        "rows": data.test.tolist(),
        "labels": data.test_labels.tolist(),
    }
    write_text(layout.heldout(model), json.dumps(kept))


def hardware() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, no GPU"


def train_version(model: str, number: int, recipe: Recipe, data: Data, layout: Layout) -> str:
    """Train, log and register one version; what came of it, in a line."""
    owner = SERVICES[model].owner
    source = Source(layout.training)
    params = {**recipe.params, "seed": SEED, "rows": recipe.rows or len(data.train)}
    commit = source.commit(model, params, f"{model}: {recipe.story}")
    tags = {"owner": owner, "feature_version": recipe.features, "hardware": hardware()}
    origin = {"mlflow.source.name": "train.py", "mlflow.source.git.repoURL": source.url}
    if commit and recipe.unpushed:
        commit = hashlib.sha1(commit.encode()).hexdigest()
    if commit:
        origin |= {"mlflow.source.git.commit": commit, "mlflow.source.git.branch": "main"}
    pipeline = recipe.build(recipe.params)
    pipeline.fit(data.train[: recipe.rows], data.train_labels[: recipe.rows])
    mlflow.set_experiment(model)
    with mlflow.start_run(run_name=f"{model}-{number}", tags={**tags, **origin}) as run:
        folder = layout.heldout(model).parent
        mlflow.log_input(snapshot(data, folder, recipe.rows), context="training")
        mlflow.log_params(params)
        measured = measure(model, recipe, pipeline, data) if recipe.evaluated else []
        profile = profiled(pipeline, data) if recipe.evaluated else {}
        metrics = card_figures(measured, data) | profile
        mlflow.log_metrics(profile)
        if recipe.card:
            text = model_card(model, recipe.story, data, metrics, recipe.unwritten)
            mlflow.log_text(text, "model_card.md")
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            registered_model_name=model,
            signature=signature(data, pipeline),
            pip_requirements=["scikit-learn", "skops"],
        )
        log_measured(run.info.run_id, logged.model_id, measured)
    version = str(logged.registered_model_version)
    describe(model, version, recipe, tags)
    return summary(model, version, recipe, metrics)


def signature(data: Data, pipeline: Any) -> Any:
    """Named columns in, the predicted class out."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    inputs = Schema([ColSpec("double", name) for name in data.features])
    kind = "long" if numpy.issubdtype(pipeline.classes_.dtype, numpy.integer) else "double"
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(kind, "prediction")]))


def describe(model: str, version: str, recipe: Recipe, tags: dict[str, str]) -> None:
    client = mlflow.MlflowClient()
    client.update_model_version(model, version, recipe.story)
    more = {"stage": recipe.stage, "approval": recipe.approval, **recipe.tags}
    for key, value in {**tags, **more}.items():
        client.set_model_version_tag(model, version, key, value)
    if recipe.alias:
        client.set_registered_model_alias(model, recipe.alias, version)


def summary(model: str, version: str, recipe: Recipe, metrics: dict[str, float]) -> str:
    metric = SERVICES[model].headline["metric"]
    if metric not in metrics:
        return f"trained {model} {version} ({recipe.stage}), not evaluated"
    figures = f"{metric} {metrics[metric]:.3f}, p95 {metrics['latency_p95'] * 1000:.1f} ms"
    return f"trained {model} {version} ({recipe.stage}): {figures}"


def register_prompts() -> str:
    client = mlflow.MlflowClient()
    for text, message in zip(PROMPTS, MESSAGES, strict=True):
        client.register_prompt(PROMPT, text, commit_message=message)
    client.set_prompt_alias(PROMPT, PROMPT_ALIAS, 2)
    return f"registered {len(PROMPTS)} versions of the prompt {PROMPT}, {PROMPT_ALIAS} is 2"


def main() -> None:
    warnings.simplefilter("ignore")
    layout = Layout(Path(sys.argv[1]))
    mlflow.set_tracking_uri(layout.database)
    mlflow.set_registry_uri(layout.database)
    Source(layout.training).begin()
    for model, recipes in RECIPES.items():
        data = LOADERS[model]()
        hold_out(model, data, layout)
        client = mlflow.MlflowClient()
        client.create_registered_model(model, tags={"owner": SERVICES[model].owner})
        artifacts = (layout.registry / "artifacts" / model).as_uri()
        client.create_experiment(model, artifact_location=artifacts)
        for number, recipe in enumerate(recipes, 1):
            print(train_version(model, number, recipe, data, layout), flush=True)
    print(register_prompts(), flush=True)
    layout.seeded.touch()


if __name__ == "__main__":
    main()
