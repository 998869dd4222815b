"""MLflow's answers as values, for every way in which they can be wrong."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.registry import mlflow_answers as answers
from backends.registry import mlflow_filters as filters
from backends.registry import mlflow_run_answers as runs
from backends.registry.mlflow_fields import Malformed

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)

MODEL = {
    "registered_model": {
        "name": "fraud",
        "aliases": [{"alias": "champion", "version": "12"}],
        "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}],
    }
}
VERSION = {
    "name": "fraud",
    "version": "12",
    "creation_timestamp": 1795421162727,
    "current_stage": "Production",
    "status": "FAILED_REGISTRATION",
    "status_message": "no \x1b[31mspace",
    "run_id": "a" * 32,
    "tags": [{"key": "stage", "value": "Staging"}, {"key": "empty"}],
}
METRICS = [
    {"key": "auc", "value": 0.9, "step": 1, "timestamp": "5"},
    {"key": "nan", "value": "NaN"},
]
DATASET = {"name": "train", "digest": "353327eb", "source": '{"uri": "s3://bucket/x"}'}
RUN = {
    "run": {
        "info": {"run_id": "r1", "status": "FINISHED", "lifecycle_stage": "active"},
        "data": {
            "metrics": METRICS,
            "params": [{"key": "seed", "value": "7"}],
            "tags": [{"key": "owner", "value": "risk"}],
        },
        "inputs": {
            "dataset_inputs": [
                {"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": DATASET}
            ]
        },
    }
}
LOGGED = {
    "model": {
        "info": {"model_id": "m-1", "source_run_id": "r1"},
        "data": {
            "metrics": [
                {"key": "auc", "value": 0.0, "run_id": "r1", "dataset_name": "eu", "step": 1},
                {"key": "auc", "value": 0.9, "run_id": "r1", "dataset_digest": "1"},
            ]
        },
    }
}


def everything(model: Any, version: Any, run: Any, logged: Any) -> None:
    found = answers.registered_model(model, "fraud")
    answers.is_prompt(found)
    answers.model("fraud", answers.aliases_of(found), [version])
    answers.tags_of(answers.model_version({"model_version": version}, ("fraud", "12")))
    own = runs.metrics_of_run(run, "r1")
    of_model = runs.metrics_of_model(runs.logged_model(logged, "m-1"))
    told = runs.telling(own, of_model)
    runs.doubtful(of_model, told)
    runs.source_run_of(logged)
    runs.run_record("r1", run, runs.last(runs.vouched([*of_model, *own], told)))
    answers.page({"registered_models": [found], "next_page_token": "x"}, "registered_models")


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        found
        for key, item in inner
        for found in [
            (*path, key),
            *(paths(item, (*path, key)) if isinstance(item, dict | list) else []),
        ]
    ]


WHOLE = {"model": MODEL, "version": VERSION, "run": RUN, "logged": LOGGED}


@settings(max_examples=300, deadline=None)
# The outermost value is an object: the client sees to that.
@given(st.sampled_from([path for path in paths(WHOLE) if len(path) > 1]), junk, st.booleans())
def test_a_part_that_is_missing_or_wrong_is_understood_or_malformed(
    path: tuple[Any, ...], value: Any, gone: bool
) -> None:
    said = copy.deepcopy(WHOLE)
    place: Any = said
    for key in path[:-1]:
        place = place[key]
    if gone:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    try:
        everything(said["model"], said["version"], said["run"], said["logged"])
    except Malformed as error:
        message = str(error)
    else:
        return
    assert message


def test_a_version_comes_whole_and_only_its_prose_is_cleaned() -> None:
    aliases = answers.aliases_of(answers.registered_model(MODEL))
    (version,) = answers.model("fraud", aliases, [VERSION]).versions
    assert version.number == "12"
    assert version.aliases == ("champion",)
    assert version.tag_stage == "Staging"
    assert version.legacy_stage == "Production"
    assert version.status == "FAILED_REGISTRATION: no \\x1b[31mspace"
    assert version.tags == {"stage": "Staging", "empty": ""}
    assert version.created is not None
    assert version.created.isoformat() == "2026-11-23T08:06:02.727000+00:00"


@pytest.mark.parametrize("gone", ["version", "name"])
def test_a_version_without_its_name_or_number_is_malformed(gone: str) -> None:
    with pytest.raises(Malformed, match=gone):
        answers.model("fraud", {}, [{k: v for k, v in VERSION.items() if k != gone}])


def test_versions_are_ordered_by_number_and_counted_once() -> None:
    numbers = ["9", "10", "2", "10"]
    versions = [{"name": "fraud", "version": number} for number in numbers]
    others = [{"name": "freud", "version": "99"}]
    model = answers.model("fraud", {}, [*versions, *others])
    assert [version.number for version in model.versions] == ["10", "9", "2"]


def metrics_of(*said: dict[str, Any]) -> dict[str, float]:
    found = runs.metrics_of_run({"run": {"data": {"metrics": list(said)}}}, "r1")
    return {one.name: one.value for one in found}


def test_metrics_that_json_has_no_number_for() -> None:
    values = {"a": "NaN", "b": "-Infinity", "c": 3, "d": 0.5, "e": None}
    found = metrics_of(*({"key": key, "value": value} for key, value in values.items()))
    assert math.isnan(found["a"])
    assert math.isnan(found["e"])
    assert (found["b"], found["c"], found["d"]) == (-math.inf, 3.0, 0.5)


def test_the_largest_float_is_how_a_database_keeps_infinity() -> None:
    found = metrics_of({"key": "a", "value": 1.7976931348623157e308}, {"key": "b", "value": -1e308})
    assert found["a"] == math.inf
    assert math.isfinite(found["b"])


def test_a_runs_own_metric_has_no_data_set_whatever_is_said() -> None:
    metric = {"key": "auc", "value": 0.9, "dataset_name": "eu", "dataset_digest": "1"}
    (found,) = runs.metrics_of_run({"run": {"data": {"metrics": [metric]}}}, "r1")
    assert (found.dataset, found.digest) == ("", "")


def logged(value: float, time: int, dataset: str = "") -> runs.Logged:
    return runs.Logged("r1", "auc", value, 0, time, dataset)


def vouched(of_model: list[runs.Logged], told: list[runs.Logged]) -> dict[str, float]:
    return {one.dataset: one.value for one in runs.vouched(of_model, told)}


def test_a_zero_of_a_logged_model_is_one_only_where_the_run_says_so() -> None:
    of_model = [logged(0.0, 1, "eu"), logged(0.0, 2, "us"), logged(0.0, 3, "asia")]
    own = [logged(0.0, 3)]
    assert runs.telling(own, of_model) == own
    assert runs.doubtful(of_model, own) == [("r1", "auc")]
    assert runs.doubtful(of_model, [logged(math.nan, n) for n in (1, 2, 3)]) == []
    values = vouched(of_model, [logged(math.nan, 1), logged(0.0, 1), *own])
    assert math.isnan(values["eu"]), "one of two at the same moment is no number"
    assert math.isnan(values["us"]), "nobody says that it is 0"
    assert values["asia"] == 0.0


def test_the_runs_last_value_says_nothing_of_a_moment_at_which_more_was_logged() -> None:
    of_model = [logged(0.0, 1, "eu"), logged(0.0, 1, "us")]
    own = [logged(0.0, 1)]
    assert runs.telling(own, of_model) == []
    assert runs.doubtful(of_model, []) == [("r1", "auc")]
    assert all(map(math.isnan, vouched(of_model, []).values())), "the history could not be asked"
    assert vouched(of_model, own) == {"eu": 0.0, "us": 0.0}, "its history has no NaN"


def test_a_zero_beside_another_number_of_its_moment_stays_one() -> None:
    of_model = [logged(0.0, 1, "eu"), logged(0.9, 1, "us")]
    assert vouched(of_model, [logged(0.0, 1), logged(0.9, 1)]) == {"eu": 0.0, "us": 0.9}


def test_the_last_step_of_a_metric_counts_on_each_data_set() -> None:
    found = runs.last(
        [
            runs.Logged("r1", "auc", 0.8, 2, 1, "eu"),
            runs.Logged("r1", "auc", 0.7, 1, 9, "eu"),
            runs.Logged("r1", "auc", 0.6, 0, 0, "us"),
        ]
    )
    assert {metric.dataset: metric.value for metric in found} == {"eu": 0.8, "us": 0.6}


def test_a_record_comes_as_it_was_logged() -> None:
    record = runs.run_record("r1", RUN, ())
    assert (record.state, record.status, record.params) == ("there", "FINISHED", {"seed": "7"})
    (data,) = record.datasets
    assert (data.name, data.digest, data.context) == ("train", "353327eb", "training")
    assert data.source == "s3://bucket/x"
    with pytest.raises(Malformed):
        runs.run_record("r2", RUN, ())


@given(st.text(min_size=1))
def test_a_filter_holds_the_name_in_quotes_that_it_does_not_end(name: str) -> None:
    text = filters.versions_of(name)
    quote = text[-1]
    literal = text[text.index(quote) + 1 : -1]
    assert quote not in literal
    assert len(literal) == len(name)
    assert all(mine == theirs or mine == "_" for mine, theirs in zip(literal, name, strict=True))


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_list_is_asked_for_only_where_no_name_can_break_out_of_it(names: list[str]) -> None:
    text = filters.any_of(names)
    if text is not None:
        assert text.count("'") == 2 * len(names)
        assert not any(character in text for character in '"\\`\n')
