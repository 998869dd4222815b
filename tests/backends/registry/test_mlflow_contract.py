"""The registry contract on a real MLflow server."""

from __future__ import annotations

import itertools
import math
import uuid
from collections.abc import Mapping, Sequence

import pytest

from backends.base import Context, Registry
from backends.contract.registry import RegistryContract, RegistryHarness
from backends.contract.settable import SettableContract, SettableHarness
from backends.registry.mlflow import Options, open_backend
from core.evaluation import Measurement
from core.evidence import Key, RunRecord
from core.refs import Ref, Value, alias_ref, block_ref, stage_ref
from core.signature import Column
from core.split import Split
from tests.live.evaluated import Logged, evaluated
from tests.live.seeds import Seeds

pytestmark = pytest.mark.live


def unique(name: str) -> str:
    return f"{name} {uuid.uuid4().hex[:12]}"


class MlflowHarness:
    def __init__(self, url: str, seeds: Seeds) -> None:
        self._url, self._seeds = url, seeds

    def open(self) -> Registry:
        return open_backend(Options(self._url, timeout=20.0), Context())

    def model(self, versions: int, name: str | None = None) -> str:
        return self._seeds.model(unique(name or "model"), versions)

    def prompt(self, versions: int) -> str:
        return self._seeds.prompt(unique("prompt"), [f"text {n}" for n in range(versions)])

    def outside_alias(self, model: str, alias: str, version: str) -> None:
        self._seeds.alias(model, alias, version)

    def measured(self, metrics: Mapping[str, float]) -> str:
        said = {key: "NaN" if math.isnan(value) else value for key, value in metrics.items()}
        name = self.model(0, "measured")
        self._seeds.version(name, run_id=self._seeds.run(said)["run_id"])
        return name

    def recorded(self, record: RunRecord, files: Mapping[Key, str]) -> str:
        name = unique("recorded")
        self._seeds.recorded(name, record, files)
        return name

    def evaluated(
        self, model: str, measured: Sequence[Measurement], inputs: Sequence[Column]
    ) -> str:
        names = {math.inf: "Infinity", -math.inf: "-Infinity"}
        logged = [
            Logged(
                one.metric,
                "NaN" if math.isnan(one.value) else names.get(one.value, one.value),
                one.dataset,
                one.digest,
            )
            for one in measured
        ]
        columns = [{"name": column.name, "type": column.type} for column in inputs]
        return evaluated(self._seeds, model, logged, inputs=columns or None)


class RefHarness(MlflowHarness):
    """One kind of ref, on a model or prompt of its own."""

    wrong: Value = Split.all_on("blue")

    def __init__(self, url: str, seeds: Seeds, kind: str) -> None:
        super().__init__(url, seeds)
        self.values: tuple[Value, Value] = ("2", "3")
        if kind == "alias":
            self.ref = alias_ref(self.model(3), "champion")
            self.missing = alias_ref("no such model", "champion")
        elif kind == "prompt":
            self.ref = Ref("prompt", f"{self.prompt(3)}@production")
            self.missing = Ref("prompt", "no such prompt@production")
        else:
            make = stage_ref if kind == "stage" else block_ref
            name = self.model(1)
            self.ref, self.missing = make(name, "1"), make(name, "99")
            self.values = ("Staging", "a reason, with = and 'quotes'")

    def outside(self, value: Value) -> None:
        owner, item = self.ref.parts
        if self.ref.kind in ("alias", "prompt"):
            self.outside_alias(owner, item, str(value))
        else:
            key = "stage" if self.ref.kind == "stage" else "modeldeck.blocked"
            self._seeds.tag(owner, item, key, str(value))


class TestMlflow(RegistryContract):
    @pytest.fixture
    def harness(self, mlflow_url: str, seeds: Seeds) -> RegistryHarness:
        return MlflowHarness(mlflow_url, seeds)


@pytest.mark.parametrize("kind", ["alias", "prompt", "stage", "block"])
class TestMlflowRefs(SettableContract):
    @pytest.fixture
    def harness(self, mlflow_url: str, seeds: Seeds, kind: str) -> SettableHarness:
        return RefHarness(mlflow_url, seeds, kind)


def test_taking_a_value_away_leaves_none(mlflow_url: str, seeds: Seeds) -> None:
    contract = RegistryContract()
    harness = MlflowHarness(mlflow_url, seeds)
    name, prompt = harness.model(1), harness.prompt(1)
    refs = [alias_ref(name, "champion"), stage_ref(name, "1"), block_ref(name, "1")]
    refs.append(Ref("prompt", f"{prompt}@production"))

    async def body(registry: Registry) -> None:
        for ref, value in itertools.product(refs, ("1", None, None)):
            await contract.put(registry, ref, value)
            assert (await registry.read(ref)).value == value

    contract.run(harness, body)


def test_the_legacy_stage_and_why_a_version_is_not_ready_are_read(
    mlflow_url: str, seeds: Seeds
) -> None:
    contract = RegistryContract()
    harness = MlflowHarness(mlflow_url, seeds)
    name = harness.model(2)
    seeds.legacy_stage(name, "1", "Production")

    async def body(registry: Registry) -> None:
        newest, oldest = (await registry.model(name)).versions
        assert (newest.legacy_stage, oldest.legacy_stage) == (None, "Production")

    contract.run(harness, body)


def test_a_misspelt_model_proposes_the_nearest(mlflow_url: str, seeds: Seeds) -> None:
    contract = RegistryContract()
    harness = MlflowHarness(mlflow_url, seeds)
    name = harness.model(1)

    async def body(registry: Registry) -> None:
        with pytest.raises(Exception, match="there is no registered model") as raised:
            await registry.model(name[:-1])
        assert name in str(getattr(raised.value, "hint", ""))

    contract.run(harness, body)
