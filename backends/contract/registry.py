"""What every model registry must do, beside `SettableContract` for each kind of its refs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import pytest

from backends.base import Registry
from backends.contract.samples import FILES, HOSTILE_NAMES, RECORD
from backends.contract.settable import said_well
from core.errors import Conflict, Denied
from core.evaluation import Measurement
from core.evidence import Key, RunRecord
from core.refs import Ref, alias_ref, block_ref, stage_ref
from core.signature import Column


class RegistryHarness(Protocol):
    """A registry that can be filled past the adapter."""

    def open(self) -> Registry:
        """A fresh adapter. The suite closes it."""

    def model(self, versions: int, name: str | None = None) -> str:
        """A new registered model with versions 1 to `versions`; its name."""

    def prompt(self, versions: int) -> str:
        """A new prompt with that many versions; its name."""

    def outside_alias(self, model: str, alias: str, version: str) -> None:
        """Move an alias as somebody else would."""

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


class RegistryContract:
    """Aliases for a fleet, versions of a model, stages, prompts, and hostile names."""

    def run(self, harness: RegistryHarness, body: Callable[[Registry], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            registry = harness.open()
            try:
                return await body(registry)
            finally:
                await registry.close()

        return asyncio.run(whole())

    async def put(self, registry: Registry, ref: Ref, value: str | None) -> None:
        now = await registry.read(ref)
        await registry.write(ref, value, before=now.value, revision=now.revision)

    def test_is_a_registry(self, harness: RegistryHarness) -> None:
        async def body(registry: Registry) -> None:
            assert isinstance(registry, Registry)

        self.run(harness, body)

    def test_aliases_of_a_fleet_come_for_all_that_exist(self, harness: RegistryHarness) -> None:
        first, second, bare = harness.model(2), harness.model(1), harness.model(1)
        harness.outside_alias(first, "champion", "2")
        harness.outside_alias(first, "shadow", "1")
        harness.outside_alias(second, "champion", "1")

        async def body(registry: Registry) -> None:
            found = await registry.aliases([first, "no such model", second, bare])
            assert found == {
                first: {"champion": "2", "shadow": "1"},
                second: {"champion": "1"},
                bare: {},
            }
            assert await registry.aliases([first]) == {first: found[first]}
            assert await registry.aliases(["no such model"]) == {}
            assert await registry.aliases([]) == {}

        self.run(harness, body)

    def test_a_model_has_its_versions_newest_first_with_stage_and_alias(
        self, harness: RegistryHarness
    ) -> None:
        name = harness.model(12)
        harness.outside_alias(name, "champion", "9")

        async def body(registry: Registry) -> None:
            await self.put(registry, stage_ref(name, "10"), "Staging")
            await self.put(registry, block_ref(name, "11"), "rolled back: errs")
            model = await registry.model(name)
            assert model.name == name
            assert [version.number for version in model.versions] == [
                str(number) for number in range(12, 0, -1)
            ]
            assert model.aliases == {"champion": "9"}
            champion, staged, blocked = (model.find(number) for number in ("9", "10", "11"))
            assert champion is not None
            assert champion.aliases == ("champion",)
            assert champion.status == "READY"
            assert champion.created is not None
            assert staged is not None
            assert staged.tag_stage == "Staging"
            assert staged.aliases == ()
            assert blocked is not None
            assert blocked.blocked == "rolled back: errs"

        self.run(harness, body)

    def test_a_model_that_is_not_there_is_denied(self, harness: RegistryHarness) -> None:
        async def body(registry: Registry) -> None:
            with pytest.raises(Denied) as raised:
                await registry.model("no such model")
            said_well(raised.value)

        self.run(harness, body)

    def test_a_stage_is_kept_as_written_and_can_be_taken_away(
        self, harness: RegistryHarness
    ) -> None:
        ref = stage_ref(harness.model(1), "1")

        async def body(registry: Registry) -> None:
            assert (await registry.read(ref)).value is None
            for stage in ("Staging", "pRoDuCtIoN", None):
                await self.put(registry, ref, stage)
                assert (await registry.read(ref)).value == stage

        self.run(harness, body)

    def test_setting_one_ref_changes_no_other(self, harness: RegistryHarness) -> None:
        name = harness.model(2)
        refs = [
            alias_ref(name, "champion"),
            alias_ref(name, "other"),
            *(make(name, number) for make in (stage_ref, block_ref) for number in ("1", "2")),
        ]

        async def body(registry: Registry) -> None:
            written: dict[Ref, str | None] = dict.fromkeys(refs)
            for index, ref in enumerate(refs):
                value = "1" if ref.kind == "alias" else f"said {index}"
                await self.put(registry, ref, value)
                written[ref] = value
                assert {one: (await registry.read(one)).value for one in refs} == written

        self.run(harness, body)

    def test_an_alias_to_a_missing_version_is_denied_and_says_what_there_is(
        self, harness: RegistryHarness
    ) -> None:
        name = harness.model(2)
        harness.outside_alias(name, "champion", "1")

        async def body(registry: Registry) -> None:
            with pytest.raises(Denied) as raised:
                await self.put(registry, alias_ref(name, "champion"), "21")
            said_well(raised.value)
            assert "21" in raised.value.message
            assert "2, 1" in raised.value.message
            assert (await registry.read(alias_ref(name, "champion"))).value == "1"
            with pytest.raises(Denied) as raised:
                await registry.read(stage_ref(name, "21"))
            assert "2, 1" in raised.value.message

        self.run(harness, body)

    def test_an_alias_moved_by_somebody_else_is_a_conflict(self, harness: RegistryHarness) -> None:
        name = harness.model(3)
        ref = alias_ref(name, "champion")
        harness.outside_alias(name, "champion", "1")

        async def body(registry: Registry) -> None:
            now = await registry.read(ref)
            harness.outside_alias(name, "champion", "2")
            with pytest.raises(Conflict):
                await registry.write(ref, "3", before=now.value, revision=now.revision)
            assert (await registry.read(ref)).value == "2"

        self.run(harness, body)

    def test_prompts_have_aliases_and_are_no_models(self, harness: RegistryHarness) -> None:
        prompt, model = harness.prompt(2), harness.model(1)

        async def body(registry: Registry) -> None:
            ref = Ref("prompt", f"{prompt}@production")
            await self.put(registry, ref, "2")
            assert (await registry.read(ref)).value == "2"
            assert prompt not in await registry.names()
            for wrong in (Ref("prompt", f"{model}@production"), alias_ref(prompt, "production")):
                with pytest.raises(Denied) as raised:
                    await registry.read(wrong)
                said_well(raised.value)

        self.run(harness, body)

    def test_the_runs_own_metrics_keep_what_is_no_number(self, harness: RegistryHarness) -> None:
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
        self, harness: RegistryHarness
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
        self, harness: RegistryHarness
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
        self, harness: RegistryHarness
    ) -> None:
        name = harness.model(1)

        async def body(registry: Registry) -> None:
            (version,) = (await registry.model(name)).versions
            found = await registry.run_record(version)
            assert (found.run_id, found.state, found.metrics) == (None, "none", ())

        self.run(harness, body)

    def test_an_evaluation_tells_data_sets_apart_and_keeps_what_is_no_number(
        self, harness: RegistryHarness
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
        self, harness: RegistryHarness
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

    @pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
    def test_a_hostile_name_is_an_identifier_like_any_other(
        self, harness: RegistryHarness, name: str
    ) -> None:
        made = harness.model(2, name)
        other = harness.model(1)

        async def body(registry: Registry) -> None:
            assert made in await registry.names()
            hostile = "\x1b]0;Staging\x07"
            await self.put(registry, alias_ref(made, "champion"), "2")
            await self.put(registry, stage_ref(made, "2"), hostile)
            model = await registry.model(made)
            assert model.name == made
            assert [version.number for version in model.versions] == ["2", "1"]
            assert model.versions[0].tag_stage == hostile
            found = await registry.aliases([made, other])
            assert found == {made: {"champion": "2"}, other: {}}

        self.run(harness, body)

    def test_check_says_that_it_answers(self, harness: RegistryHarness) -> None:
        async def body(registry: Registry) -> None:
            lines = await registry.check()
            assert lines
            assert all(line.ok for line in lines), lines
            assert lines[0].seconds is not None

        self.run(harness, body)
