"""What every model registry must do, beside `SettableContract` for each kind of its refs."""

from __future__ import annotations

from typing import Protocol

import pytest

from backends.base import Registry
from backends.contract.evidence import EvidenceContract, EvidenceHarness
from backends.contract.samples import HOSTILE_NAMES
from backends.contract.settable import said_well
from core.errors import Conflict, Denied
from core.refs import Ref, alias_ref, block_ref, stage_ref


class RegistryHarness(EvidenceHarness, Protocol):
    """A registry that can be filled past the adapter."""

    def prompt(self, versions: int) -> str:
        """A new prompt with that many versions; its name."""

    def outside_alias(self, model: str, alias: str, version: str) -> None:
        """Move an alias as somebody else would."""


class RegistryContract(EvidenceContract):
    """Aliases for a fleet, versions of a model, stages, prompts, and hostile names."""

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
            assert all(line.ok is not False for line in lines), lines
            assert lines[0].seconds is not None

        self.run(harness, body)
