"""What every model registry must tell of a version: its run, its files, its metrics, its signature."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from backends.base import Registry
from backends.contract.samples import FILES, RECORD
from core.evaluation import Measurement
from core.evidence import Key, RunRecord
from core.lineage_keys import TITLES, wrong_keys
from core.signature import Column


class EvidenceHarness(Protocol):
    """A registry whose versions were trained and evaluated past the adapter."""

    def open(self) -> Registry:
        """A fresh adapter. The suite closes it."""

    def model(self, versions: int, name: str | None = None) -> str:
        """A new registered model with versions 1 to `versions`; its name."""

    def measured(self, metrics: Mapping[str, float]) -> str:
        """A new model with one version, whose run logged these metrics on no data set and whose
        files no run logged; its name."""

    def recorded(self, record: RunRecord, files: Mapping[Key, str]) -> str:
        """A new model with one version, whose run logged this, with these files; its name."""

    def evaluated(
        self, model: str, measured: Sequence[Measurement], inputs: Sequence[Column]
    ) -> str:
        """One more version of the model with these metrics on their data sets, and with these
        inputs in its signature, or without a signature where there are none; its number."""


class EvidenceContract:
    """Runs, logged models, files and signatures of versions."""

    def run(self, harness: EvidenceHarness, body: Callable[[Registry], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            registry = harness.open()
            try:
                return await body(registry)
            finally:
                await registry.close()

        return asyncio.run(whole())

    def test_its_own_keys_are_keys_that_a_config_could_name(self, harness: EvidenceHarness) -> None:
        async def body(registry: Registry) -> None:
            assert set(registry.lineage_keys) <= set(TITLES)
            for name, keys in registry.lineage_keys.items():
                assert wrong_keys(name, keys) == []
            prose = list(registry.description_keys)
            assert not prose or wrong_keys("card", prose) == []

        self.run(harness, body)

    def test_the_runs_own_metrics_keep_what_is_no_number(self, harness: EvidenceHarness) -> None:
        logged = {"auc": 0.93, "nan": math.nan, "zero": 0.0, "slice/region:eu/auc": 0.8}
        name = harness.measured(logged)

        async def body(registry: Registry) -> None:
            (version,) = (await registry.model(name)).versions
            record = await registry.run_record(version)
            found = await registry.evaluation(version, frozenset(logged))
            assert found.measured == ()
            for told in (
                {one.name: one.value for one in record.metrics},
                {one.metric: one.value for one in found.run},
            ):
                assert math.isnan(told.pop("nan"))
                assert told == {"auc": 0.93, "zero": 0.0, "slice/region:eu/auc": 0.8}

        self.run(harness, body)

    def test_what_a_run_logged_comes_back_with_the_data_set_of_each_metric(
        self, harness: EvidenceHarness
    ) -> None:
        name = harness.recorded(RECORD, FILES)

        async def body(registry: Registry) -> None:
            (version,) = (await registry.model(name)).versions
            found = await registry.run_record(version)
            assert (found.state, found.metrics_unasked) == ("there", None)
            assert found.run_id == version.run_id
            assert found.params == RECORD.params
            assert {**found.tags, **RECORD.tags} == found.tags
            assert found.datasets == RECORD.datasets
            told = {(one.name, one.dataset, one.digest): one.value for one in found.metrics}
            wanted = {(one.name, one.dataset, one.digest): one.value for one in RECORD.metrics}
            assert told.keys() == wanted.keys()
            for key, value in wanted.items():
                assert told[key] == value or (math.isnan(value) and math.isnan(told[key])), key

        self.run(harness, body)

    def test_a_file_is_there_or_gone_and_is_read_no_further_than_asked(
        self, harness: EvidenceHarness
    ) -> None:
        name = harness.recorded(RECORD, FILES)

        async def body(registry: Registry) -> None:
            (version,) = (await registry.model(name)).versions
            for key, text in FILES.items():
                assert await registry.file(version, key, most=1000) == text.encode()
                assert await registry.file(version, key, most=3) == text.encode()[:3]
                gone = Key(key.kind, "no such file")
                assert await registry.file(version, gone, most=1) is None

        self.run(harness, body)

    def test_a_version_without_a_run_has_a_record_that_says_so(
        self, harness: EvidenceHarness
    ) -> None:
        name = harness.model(1)

        async def body(registry: Registry) -> None:
            (version,) = (await registry.model(name)).versions
            found = await registry.run_record(version)
            assert (found.run_id, found.state, found.metrics) == (None, "none", ())

        self.run(harness, body)

    def test_an_evaluation_tells_data_sets_apart_and_keeps_what_is_no_number(
        self, harness: EvidenceHarness
    ) -> None:
        name = harness.model(1)
        logged = [
            Measurement("auc", 0.93, "us", "d1"),
            Measurement("auc", 0.8, "eu", "d2"),
            Measurement("auc", math.nan, "asia", "d3"),
            Measurement("toxicity", 0.0, "us", "d1"),
            Measurement("loss", math.inf, "us", "d1"),
        ]
        number = harness.evaluated(name, logged, (Column("amount", "double"),))

        async def body(registry: Registry) -> None:
            version = (await registry.model(name)).find(number)
            assert version is not None
            found = await registry.evaluation(version, frozenset({"auc", "toxicity", "loss"}))
            told = {(one.metric, one.dataset): one for one in found.measured}
            assert len(told) == len(found.measured) == len(logged)
            for one in logged:
                same = told[one.metric, one.dataset]
                assert same.digest == one.digest
                assert same.value == one.value or (math.isnan(same.value) and math.isnan(one.value))
                assert same.at is not None
                assert same.run_id == version.run_id
            assert found.gaps == ()
            few = await registry.evaluation(version, frozenset({"loss"}))
            assert {one.metric for one in (*few.measured, *few.run)} == {"loss"}
            assert (await registry.signature(version)).inputs == (Column("amount", "double"),)

        self.run(harness, body)

    def test_a_version_that_nobody_evaluated_has_no_metrics_and_no_signature(
        self, harness: EvidenceHarness
    ) -> None:
        name = harness.model(1)
        harness.evaluated(name, (), ())

        async def body(registry: Registry) -> None:
            newest, bare = (await registry.model(name)).versions
            for version in (newest, bare):
                found = await registry.evaluation(version, frozenset({"auc"}))
                assert (found.measured, found.run) == ((), ())
            assert found.gaps, "there is neither a run nor a model that a run logged"
            assert (await registry.signature(newest)).why

        self.run(harness, body)
