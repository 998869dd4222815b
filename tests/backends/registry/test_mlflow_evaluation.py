"""What MLflow keeps of an evaluation, on the real server, and the files that describe a model."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.registry.mlflow import MlflowRegistry
from backends.registry.mlflow_fields import Malformed
from backends.registry.mlflow_run_answers import logged_model_id
from backends.registry.mlflow_signature import parse_mlmodel
from core.evaluation import Evaluation
from core.signature import Column, Signature
from tests.backends.registry.asking import ask
from tests.backends.registry.test_mlflow_contract import unique
from tests.live.evaluated import Logged, evaluated
from tests.live.seeds import Seeds

AUC = frozenset({"auc"})


def evaluation(url: str, model: str, metrics: frozenset[str] = AUC) -> Evaluation:
    async def body(registry: MlflowRegistry) -> Evaluation:
        return await registry.evaluation((await registry.model(model)).versions[0], metrics)

    found = ask(url, body)
    assert isinstance(found, Evaluation)
    return found


@pytest.mark.live
def test_the_run_keeps_one_value_and_the_logged_model_all(mlflow_url: str, seeds: Seeds) -> None:
    name = seeds.model(unique("model"))
    evaluated(seeds, name, [Logged("auc", 0.9, "eu", "d1"), Logged("auc", 0.8, "us", "d2")])
    found = evaluation(mlflow_url, name)
    assert [one.value for one in found.run] == [0.8]
    assert {(one.dataset, one.value) for one in found.measured} == {("eu", 0.9), ("us", 0.8)}


@pytest.mark.live
def test_mlflow_stores_nan_as_zero_and_it_comes_as_nan(mlflow_url: str, seeds: Seeds) -> None:
    name = seeds.model(unique("model"))
    evaluated(seeds, name, [Logged("auc", "NaN", "eu", "d1"), Logged("auc", 0.0, "us", "d2")])
    model = seeds.get("model-versions/search", filter=f"name = '{name}'")["model_versions"][0]
    path = f"logged-models/{logged_model_id(model['source'])}"
    stored = seeds.get(path)["model"]["data"]["metrics"]
    assert [metric["value"] for metric in stored] == [0, 0], "else there is no need to look again"
    values = {one.dataset: one.value for one in evaluation(mlflow_url, name).measured}
    assert math.isnan(values["eu"])
    assert values["us"] == 0


@pytest.mark.live
def test_a_run_that_is_gone_vouches_for_nothing(mlflow_url: str, seeds: Seeds) -> None:
    name = seeds.model(unique("model"))
    number = evaluated(seeds, name, [Logged("auc", 0.9, "eu", "d1")])
    body = {"name": name, "version": number}
    version = seeds.get("model-versions/get", **body)["model_version"]
    seeds.post("registered-models/create", {"name": f"{name} 2"})
    model_id = logged_model_id(version["source"])
    seeds.version(f"{name} 2", source=version["source"], model_id=model_id, run_id="0" * 32)
    found = evaluation(mlflow_url, f"{name} 2")
    assert [one.value for one in found.measured] == [0.9]
    assert found.gaps == (f"run {'0' * 32} is gone",)


@pytest.mark.live
def test_a_logged_model_that_is_gone_is_said(mlflow_url: str, seeds: Seeds) -> None:
    name = seeds.model(unique("model"))
    number = evaluated(seeds, name, [Logged("auc", 0.7, "eu", "d1")])
    version = seeds.get("model-versions/get", name=name, version=number)["model_version"]
    seeds.delete(f"logged-models/{logged_model_id(version['source'])}")
    found = evaluation(mlflow_url, name)
    assert [one.value for one in found.run] == [0.7]
    assert found.measured == ()
    assert "is gone" in found.gaps[0]


@pytest.mark.live
def test_tags_are_the_versions_and_then_the_runs(mlflow_url: str, seeds: Seeds) -> None:
    name = seeds.model(unique("model"))
    number = evaluated(seeds, name, [], tags={"review": "passed", "odd": "a\x1b[31m"})
    version = seeds.get("model-versions/get", name=name, version=number)["model_version"]
    for key, value in (("review", "failed"), ("cost", "1 USD")):
        seeds.post("runs/set-tag", {"run_id": version["run_id"], "key": key, "value": value})
    tags = evaluation(mlflow_url, name).tags
    assert (tags["review"], tags["cost"], tags["odd"]) == ("passed", "1 USD", "a\\x1b[31m")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("models:/m-0a1B", "m-0a1B"),
        ("models:/fraud/13", None),
        ("models:/m-0/../../secret", None),
        ("s3://bucket/m-0", None),
        ("", None),
    ],
)
def test_only_a_source_that_is_a_logged_model_names_one(source: str, found: str | None) -> None:
    assert logged_model_id(source) == found


def mlmodel(inputs: Any, **more: Any) -> bytes:
    return json.dumps({"flavors": {}, "signature": {"inputs": json.dumps(inputs), **more}}).encode()


def test_columns_tensors_and_what_is_nested_have_a_type() -> None:
    inputs = [
        {"name": "a", "type": "double"},
        {"name": "b", "type": "string", "required": False},
        {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 8, 8]}},
        {"name": "c", "type": "array", "items": {"type": "long"}},
    ]
    assert parse_mlmodel(mlmodel(inputs)).inputs == (
        Column("a", "double"),
        Column("b", "string", False),
        Column("2", "tensor float32 [-1, 8, 8]"),
        Column("c", 'array {"items": {"type": "long"}}'),
    )


@pytest.mark.parametrize("content", [b"flavors: {}", mlmodel([])])
def test_a_model_without_inputs_has_no_signature(content: bytes) -> None:
    assert parse_mlmodel(content).why


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b"a: b",
        b"{" * 100_000,
        b"flavors: &a [*a]\nsignature: *a",
        b"\xff\xfe",
        b"flavors: {}\nsignature: []",
        b"flavors: {}\nsignature: {inputs: 7}",
        b"flavors: !!python/object/apply:os.system [x]",
        mlmodel({}),
        mlmodel([7]),
        mlmodel([{"name": 7, "type": "x"}]),
        mlmodel([{"name": "a"}]),
        mlmodel([{"type": "tensor"}]),
        mlmodel([{"name": "a", "type": "long"}], outputs="["),
    ],
)
def test_what_is_no_mlmodel_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_mlmodel(content)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_file_is_a_signature_or_malformed(content: bytes) -> None:
    try:
        found = parse_mlmodel(b"flavors: {}\nsignature: " + content)
    except Malformed:
        return
    assert isinstance(found, Signature)
