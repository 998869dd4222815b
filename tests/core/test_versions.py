"""Stages: derived from alias, tag and legacy stage, with what contradicts the result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.versions import (
    ALLOWED,
    NEXT,
    Model,
    Stage,
    Version,
    candidate,
    parse_stage,
    version_name,
)
from tests.core.values import quick

D, S, P, A = Stage.DRAFT, Stage.STAGING, Stage.PRODUCTION, Stage.ARCHIVED


@pytest.mark.parametrize(
    ("aliases", "tag", "legacy", "stage"),
    [
        ((), None, None, D),
        ((), None, "None", D),
        ((), None, "Staging", S),
        ((), None, "Archived", A),
        ((), "Staging", "Production", S),
        ((), "staging", None, S),
        ((), " ARCHIVED ", None, A),
        ((), "shipped", "Staging", S),
        ((), "shipped", None, D),
        ((), "", None, D),
        (("champion",), None, None, P),
        (("champion",), "Staging", "Archived", P),
        (("challenger",), "Staging", None, S),
        (("challenger", "champion"), "Production", None, P),
    ],
)
def test_the_stage_is_derived(
    aliases: tuple[str, ...], tag: str | None, legacy: str | None, stage: Stage
) -> None:
    version = Version("fraud", "13", tag_stage=tag, legacy_stage=legacy, aliases=aliases)
    assert version.stage() is stage


@pytest.mark.parametrize(
    ("aliases", "tag", "legacy", "says"),
    [
        (("champion",), "Production", None, None),
        (("champion",), None, None, None),
        (("champion",), "Staging", None, "its stage tag says Staging"),
        ((), "Production", None, "@champion does not name it"),
        ((), "Staging", None, None),
        ((), None, None, None),
        ((), "shipped", None, "'shipped', which is no stage"),
        (("champion",), "shipped", None, "'shipped', which is no stage"),
        ((), None, "Production", "its legacy stage says Production, but @champion does not"),
        (("champion",), None, "Archived", "@champion names it, but its legacy stage says Archived"),
        ((), "Staging", "Production", "its stage tag says Staging, its legacy stage Production"),
        ((), "Staging", "None", None),
        ((), None, "Staging", None),
    ],
)
def test_what_contradicts_the_stage_is_said(
    aliases: tuple[str, ...], tag: str | None, legacy: str | None, says: str | None
) -> None:
    version = Version("fraud", "13", tag_stage=tag, legacy_stage=legacy, aliases=aliases)
    found = version.disagreement()
    assert found is None if says is None else says in (found or "")


def test_the_champion_alias_may_have_another_name() -> None:
    version = Version("fraud", "13", tag_stage="Staging", aliases=("best",))
    assert version.stage() is S
    assert version.stage("best") is P
    assert "@best names it" in (version.disagreement("best") or "")


@quick
@given(
    st.lists(st.sampled_from(("champion", "challenger")), unique=True).map(tuple),
    st.none() | st.sampled_from([s.value for s in Stage]) | st.text(max_size=8),
    st.none() | st.sampled_from([s.value for s in Stage]),
)
def test_production_without_the_alias_always_contradicts(
    aliases: tuple[str, ...], tag: str | None, legacy: str | None
) -> None:
    version = Version("fraud", "13", tag_stage=tag, legacy_stage=legacy, aliases=aliases)
    if "champion" in aliases:
        assert version.stage() is P
    elif version.stage() is P:
        assert version.disagreement() is not None


@quick
@given(st.sampled_from(list(Stage)), st.sampled_from((str.lower, str.upper, str.title)))
def test_a_stage_is_read_in_any_case(stage: Stage, written: object) -> None:
    assert callable(written)
    assert parse_stage(f" {written(stage.value)} ") is stage
    assert parse_stage(stage.value + "x") is None


def test_what_may_follow_a_stage() -> None:
    assert set(ALLOWED) == set(Stage)
    assert all(stage not in after for stage, after in ALLOWED.items())
    assert [stage for stage, after in ALLOWED.items() if P in after] == [S], "through Staging only"
    assert ALLOWED[A] == {S}


def test_promoting_leads_where_a_version_may_go() -> None:
    assert set(NEXT) == set(Stage)
    assert all(after is stage or after in ALLOWED[stage] for stage, after in NEXT.items())


@pytest.mark.parametrize(
    ("stages", "aliases", "found"),
    [
        ({"4": S, "3": S, "2": P}, {"champion": "2"}, ("4", "the newest in Staging")),
        ({"4": S, "3": S, "2": P}, {"champion": "2", "challenger": "3"}, ("3", "@challenger")),
        ({"4": D, "3": P}, {"champion": "3", "challenger": "3"}, None),
        ({"4": S, "3": P}, {"champion": "3", "challenger": "9"}, ("4", "the newest in Staging")),
        ({}, {}, None),
    ],
)
def test_the_candidate(
    stages: dict[str, Stage], aliases: dict[str, str], found: tuple[str, str] | None
) -> None:
    made = [
        Version(
            "fraud",
            number,
            tag_stage=stage,
            aliases=tuple(a for a in aliases if aliases[a] == number),
        )
        for number, stage in stages.items()
    ]
    chosen = candidate(Model("fraud", tuple(made), aliases))
    assert (chosen and (chosen[0].number, chosen[1])) == found


def test_a_version_is_found_by_its_number() -> None:
    model = Model("fraud", (Version("fraud", "13"), Version("fraud", "12")))
    assert model.find("12") is model.versions[1]
    assert model.find("1") is None


@pytest.mark.parametrize(
    ("version", "name"),
    [("13", "v13"), ("?green", "?green"), ("support-7b", "support-7b"), ("", "")],
)
def test_names(version: str, name: str) -> None:
    assert version_name(version) == name
