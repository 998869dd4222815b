"""The registry in the console on the real fleet: looked at, doubted, promoted, put back."""

from __future__ import annotations

import pytest

from tests.commands.driving import DeckFleet
from tests.sessions.person import Person

pytestmark = pytest.mark.live


def test_a_version_is_chosen_judged_and_promoted_by_keys(fleet: DeckFleet) -> None:
    with Person(fleet.config, lines=60) as person:
        person.sees("tumor", "v2 100", "digits")
        person.press("/")
        person.look(0.5)
        person.terminal.write(b"tumor")
        person.press("enter")
        person.sees("tumor", gone="digits  ")
        person.press("enter")
        screen = person.sees(
            "P promotes v3 to Production", "Gate of v3  ✔ passed", "Lineage of v3  ✔ 10 of 10",
            "Model card of v3  ✔ 7 of 7",
        )  # fmt: skip
        assert "Draft 1" in screen
        assert "v2 @champion" in screen
        assert "v3 @challenger" in screen

        person.press("left")
        person.sees("P promotes v4", "Gate of v4  ✖ FAILED", "Model card of v4  ✖ 4 of 7 present")
        person.sees("✖ Intended use", "✖ Cost profile", "✖ Safety notes")
        person.press("P")
        person.sees("gate     ✖ FAILED", "card     ✖ 4 of 7 present", "refused")
        person.press("y")
        person.look(1.0)
        person.press("esc")
        assert fleet.alias("tumor") == "2", "a refused plan does nothing"

        person.press("left")
        person.sees("P promotes v5 to Staging", "Lineage of v5  ✖", "missing metrics")
        person.press("enter")
        person.sees("tumor v5", "Draft · READY", "nothing is logged as metrics")
        person.press("esc")

        person.press("right", "right")
        person.sees("Gate of v3  ✔ passed")
        person.press("P")
        person.sees(
            "v3 becomes the champion of tumor", "gate     ✔ passed", "lineage  ✔ 10 of 10 present",
            "card     ✔ 7 of 7 present", "traffic  now v2 100 %", "y goes ahead",
        )  # fmt: skip
        assert fleet.alias("tumor") == "2", "a plan that is shown has changed nothing"
        person.confirms()
        person.sees("done, seen on live traffic", within=60)
        person.press("esc")
        person.sees("v3 @champion @challenger", "v3 is the champion")
        assert fleet.answered_by("tumor", 10) == {"3": 10}
        person.leaves()


@pytest.mark.slow
def test_a_registry_that_went_away_leaves_doubt_and_not_a_pass(fleet: DeckFleet) -> None:
    with Person(fleet.config, lines=60) as person:
        person.sees("tumor", "v2 100")
        person.press("2")
        person.sees("Gate of v3  ✔ passed")
        fleet.stage("registry-down")
        try:
            person.sees(
                "Gate of v3  ? was passed", "nothing answers", gone="Gate of v3  ✔", within=60
            )
            person.press("left")
            person.sees("Gate of v4", "FAILED", within=30)
        finally:
            fleet.stage("none")
        assert person.leaves() < 5
