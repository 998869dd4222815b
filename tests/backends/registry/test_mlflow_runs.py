"""What a real MLflow says of runs, logged models and files that are gone, or that deceive."""

from __future__ import annotations

import math
import uuid

import pytest

from backends.base import Registry
from backends.contract.samples import FILES, RECORD
from core.errors import BackendError
from core.evidence import Key, RunRecord
from core.versions import Version
from tests.backends.registry.asking import ask
from tests.live.faulty import HTML, faulty_server, http
from tests.live.seeds import Seeds

pytestmark = pytest.mark.live
MLMODEL = Key("model", "MLmodel")


@pytest.fixture
def made(seeds: Seeds) -> dict[str, str]:
    name = f"recorded {uuid.uuid4().hex[:12]}"
    return {"name": name, **seeds.recorded(name, RECORD, FILES)}


def record_of(url: str, name: str) -> RunRecord:
    async def body(registry: Registry) -> RunRecord:
        return await registry.run_record((await registry.model(name)).versions[0])

    found = ask(url, body)
    assert isinstance(found, RunRecord)
    return found


def test_a_deleted_run_is_said_to_be_deleted(
    mlflow_url: str, seeds: Seeds, made: dict[str, str]
) -> None:
    seeds.delete_run(made["run"])
    assert record_of(mlflow_url, made["name"]).state == "deleted"


def test_a_run_that_the_server_does_not_have_is_gone(mlflow_url: str) -> None:
    version = Version("fraud", "1", run_id="0" * 32, source="s3://bucket/model")
    found = ask(mlflow_url, lambda registry: registry.run_record(version))
    assert (found.state, found.metrics, found.model_id) == ("gone", (), None)


def test_a_logged_model_that_is_gone_leaves_the_runs_own_metrics_without_a_data_set(
    mlflow_url: str, seeds: Seeds, made: dict[str, str]
) -> None:
    seeds.delete_logged_model(made["logged_model"])
    found = record_of(mlflow_url, made["name"])
    assert (found.model_id, found.model_gone) == (made["logged_model"], True)
    values = {metric.name: metric.value for metric in found.metrics}
    assert values["auc"] == 0.93
    assert math.isnan(values["f1"])
    assert {metric.dataset for metric in found.metrics} == {""}


def test_the_server_itself_tells_of_nan_as_zero(
    mlflow_url: str, seeds: Seeds, made: dict[str, str]
) -> None:
    model = seeds.get(f"logged-models/{made['logged_model']}")["model"]
    values = [one["value"] for one in model["data"]["metrics"] if one["key"] == "f1"]
    assert values == [0.0], "if this server says NaN, the second question is not needed any more"
    told = {one.name: one.value for one in record_of(mlflow_url, made["name"]).metrics}
    assert math.isnan(told["f1"])
    assert told["toxicity"] == 0.0


def test_a_version_of_a_logged_model_without_a_run_of_its_own_has_the_models_run(
    mlflow_url: str, made: dict[str, str]
) -> None:
    version = Version(made["name"], "1", source=f"models:/{made['logged_model']}")
    assert ask(mlflow_url, lambda r: r.run_record(version)).run_id == made["run"]


def test_a_place_that_the_server_cannot_read_is_not_taken_for_an_empty_one(
    mlflow_url: str, seeds: Seeds
) -> None:
    name = seeds.model(f"in a bucket {uuid.uuid4().hex[:12]}", 1)
    version = Version(name, "1", source="s3://bucket/model")
    with pytest.raises(BackendError):
        ask(mlflow_url, lambda registry: registry.file(version, MLMODEL, most=1))


@pytest.mark.parametrize("status", [200, 404])
def test_a_page_to_sign_in_on_is_no_file(status: int) -> None:
    version = Version("fraud", "1", run_id="0" * 32)
    with faulty_server(http(status, HTML, "text/html")) as url, pytest.raises(BackendError):
        ask(url, lambda registry: registry.file(version, MLMODEL, most=1000))


def test_a_huge_file_is_left_where_it_is() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-disposition: attachment; filename=x\r\n"
    huge = head + b"content-length: 99999999999\r\n\r\n" + b"x" * 100_000
    version = Version("fraud", "1")
    with faulty_server(huge) as url:
        found = ask(url, lambda registry: registry.file(version, MLMODEL, most=1000))
    assert found == b"x" * 1000
