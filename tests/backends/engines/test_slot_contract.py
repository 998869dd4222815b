"""The slot contract on the demo's model server and on its stand-in for a language model."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from backends.base import Context, Slot
from backends.contract.settable import SettableContract, SettableHarness
from backends.contract.slot import SlotContract, SlotHarness
from backends.engines import openai, v2
from core.refs import Ref, Value, slot_ref
from core.split import Split
from tests.live.seeds import Seeds
from tests.live.servers import model_server, openai_server

pytestmark = pytest.mark.live


class V2Harness:
    ref: Ref = slot_ref("fraud", "green")
    missing: Ref = slot_ref("fraud", "no-such-slot")
    holds: str | None = None
    versions: tuple[str, ...] = ("1", "2")
    values: tuple[Value, Value] = ("1", "2")
    missing_version: str = "99"
    wrong: Value = Split.all_on("green")

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self) -> Slot:
        options = v2.Options(self.url, load=True, timeout=20.0)
        return v2.open_backend(options, Context("fraud", "loadable", "green"))

    def outside(self, value: Value) -> None:
        config = f'{{"version_policy": {{"specific": {{"versions": [{value}]}}}}}}'
        path = f"{self.url}/v2/repository/models/loadable"
        body = {"parameters": {"config": config}}
        answer = (
            httpx.post(f"{path}/unload", trust_env=False, timeout=30)
            if value is None
            else httpx.post(f"{path}/load", json=body, trust_env=False, timeout=30)
        )
        assert answer.status_code == 200, answer.text


class OpenaiHarness:
    ref: Ref = slot_ref("chat", "only")
    holds: str | None = "helpdesk-stand-in"
    versions: tuple[str, ...] = ()
    missing_version: str = "another-model"

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self) -> Slot:
        options = openai.Options(self.url, timeout=20.0)
        return openai.open_backend(options, Context("chat", "", "only"))


@pytest.fixture(scope="session")
def loadable(seeds: Seeds) -> str:
    """A model with two versions that a server can really load."""
    name = seeds.model("loadable")
    assert [seeds.trained(name), seeds.trained(name)] == ["1", "2"]
    return name


@pytest.fixture(scope="session")
def server(
    mlflow_url: str, loadable: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with model_server(tmp_path_factory.mktemp("model-server"), mlflow_url, loadable) as url:
        yield url


@pytest.fixture
def v2_harness(server: str) -> Iterator[V2Harness]:
    harness = V2Harness(server)
    yield harness
    harness.outside(None)


class TestV2(SlotContract):
    @pytest.fixture
    def harness(self, v2_harness: V2Harness) -> SlotHarness:
        return v2_harness


class TestV2Version(SettableContract):
    @pytest.fixture
    def harness(self, v2_harness: V2Harness) -> SettableHarness:
        return v2_harness


class TestOpenai(SlotContract):
    @pytest.fixture
    def harness(
        self, mlflow_url: str, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[SlotHarness]:
        with openai_server(tmp_path_factory.mktemp("llm"), mlflow_url) as url:
            yield OpenaiHarness(url)
