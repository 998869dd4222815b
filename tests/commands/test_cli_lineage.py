"""`lineage` and `card` against a real fleet: verdicts, exit codes, the JSON that scripts read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.card import FIELDS, is_empty, parse_card
from core.lineage_keys import TITLES
from tests.commands.driving import DeckFleet, modeldeck

pytestmark = pytest.mark.live
REGISTRY = re.compile(r'(\[registry\]\nkind = "mlflow"\nurl = ")[^"]*')


def lineage_of(fleet: DeckFleet, *words: str) -> dict[str, dict[str, object]]:
    return {item["name"]: item for item in fleet.json("lineage", *words).data["items"]}


@pytest.mark.parametrize("service", ["tumor", "digits"])
def test_the_champion_has_all_ten_items_and_a_whole_card(fleet: DeckFleet, service: str) -> None:
    ran = fleet.json("lineage", service)
    assert ran.code == 0, ran.err
    assert (ran.data["version"], ran.data["complete"]) == ("2", True)
    assert [item["name"] for item in ran.data["items"]] == list(TITLES)
    for item in ran.data["items"]:
        assert set(item) >= {"name", "verdict", "value", "source"}
        assert item["verdict"] == "present"
        assert item["value"]
        assert item["source"]
        assert item["because"] is None
    card = fleet.json("card", service)
    assert (card.code, card.data["complete"]) == (0, True)
    assert [field["name"] for field in card.data["fields"]] == list(FIELDS)


def test_each_metric_names_the_data_set_that_it_was_measured_on(fleet: DeckFleet) -> None:
    parts = lineage_of(fleet, "tumor")["metrics"]["parts"]
    assert isinstance(parts, list)
    measured = [part for part in parts if "dataset" in part]
    assert {part["dataset"] for part in measured} > {"breast-cancer-test", "radius:high"}
    assert all(len(part["digest"]) == 8 for part in measured)
    timed = {part["name"] for part in parts if part not in measured}
    assert timed == {"latency_p95", "cost_per_1k"}


def test_a_version_that_was_not_evaluated_lacks_its_metrics(fleet: DeckFleet) -> None:
    ran = fleet.json("lineage", "tumor", "5")
    assert ran.code == 1
    assert ran.error["code"] == "no"
    verdicts = {item["name"]: item["verdict"] for item in ran.data["items"]}
    assert verdicts.pop("metrics") == "missing"
    assert set(verdicts.values()) == {"present"}


def test_a_commit_that_was_never_pushed_is_broken(fleet: DeckFleet) -> None:
    assert fleet.json("lineage", "digits", "1").code == 1
    item = lineage_of(fleet, "digits", "1")["commit"]
    assert (item["verdict"], item["because"]) == ("broken", "the clone does not have this commit")


def test_a_figure_that_is_not_a_number_is_broken_and_never_zero(fleet: DeckFleet) -> None:
    item = lineage_of(fleet, "digits", "4")["metrics"]
    assert (item["verdict"], item["because"]) == ("broken", "not a number: accuracy")


def test_a_clone_that_is_not_there_is_unreachable_and_the_rest_is_still_said(
    fleet: DeckFleet, folder: Path
) -> None:
    clone = str(fleet.layout.training)
    config = fleet.config_with(folder, old=f'clone = "{clone}"', new=f'clone = "{folder}/gone"')
    ran = modeldeck("lineage", "tumor", "-o", "json", config=config)
    assert ran.code == 5
    verdicts = {item["name"]: item["verdict"] for item in ran.data["items"]}
    assert verdicts.pop("commit") == "unreachable"
    assert set(verdicts.values()) == {"present"}


def test_a_registry_that_is_not_there_is_a_backend_error(fleet: DeckFleet, folder: Path) -> None:
    config = folder / "modeldeck.toml"
    config.write_text(REGISTRY.sub(r"\g<1>http://127.0.0.1:9", fleet.config.read_text()))
    for name in ("lineage", "card"):
        ran = modeldeck(name, "tumor", "-o", "json", config=config)
        assert (ran.code, ran.error["code"]) == (5, "unreachable")


def test_keys_of_the_config_decide_where_an_item_is_looked_for(
    fleet: DeckFleet, folder: Path
) -> None:
    config = folder / "modeldeck.toml"
    said = '\n[services.tumor.lineage]\nseeds = ["params.rows"]\nartifacts = ["model.nothing"]\n'
    config.write_text(fleet.config.read_text() + said)
    items = modeldeck("lineage", "tumor", "-o", "json", config=config).data["items"]
    found = {item["name"]: item for item in items}
    assert found["seeds"]["source"] == "run param rows"
    assert found["artifacts"]["verdict"] == "broken"


def test_a_table_says_the_verdict_in_words(fleet: DeckFleet) -> None:
    ran = fleet.run("lineage", "tumor", "5")
    assert "✖ missing" in ran.out
    assert "✔ present" in ran.out
    assert "metrics missing" in ran.err


def test_fields_that_hold_a_placeholder_are_empty(fleet: DeckFleet) -> None:
    ran = fleet.json("card", "tumor", "4")
    assert ran.code == 1
    empty = {field["name"] for field in ran.data["fields"] if field["verdict"] == "empty"}
    assert empty == {"intended_use", "cost_profile", "safety_notes"}
    said = fleet.run("card", "tumor", "4")
    assert "✖ empty" in said.out
    assert "lacks Intended use, Cost profile, Safety notes" in said.err


def test_a_template_is_printed_filled_in_with_what_the_lineage_knows(fleet: DeckFleet) -> None:
    ran = fleet.run("card", "digits", "1", "--init")
    assert ran.code == 0
    found = parse_card(ran.out)
    assert set(found) == set(FIELDS)
    assert "digits-train" in found["dataset_summary"]
    assert "accuracy" in found["evaluation"]
    assert is_empty(found["safety_notes"])
    assert ran.out == fleet.json("card", "digits", "1", "--init").data["template"]


def test_a_template_is_written_once_and_nothing_is_overwritten(
    fleet: DeckFleet, folder: Path
) -> None:
    path = folder / "model_card.md"
    ran = fleet.json("card", "tumor", "5", "--init", "--to", str(path))
    assert (ran.code, ran.data["path"]) == (0, str(path))
    assert path.read_text() == ran.data["template"]
    path.write_text("mine")
    assert fleet.run("card", "tumor", "5", "--init", "--to", str(path)).code == 3
    assert path.read_text() == "mine"
    assert fleet.run("card", "tumor", "--to", str(path)).code == 2
    assert fleet.run("card", "tumor", "--init", "--to", f"{folder}/no/where.md").code == 2


def test_a_service_without_a_model_is_refused_and_a_wrong_version_is_named(
    fleet: DeckFleet,
) -> None:
    for name in ("lineage", "card"):
        assert fleet.json(name, "helpdesk").code == 3
        ran = fleet.json(name, "tumor", "99")
        assert ran.code == 2
        assert "99" in ran.error["message"]
