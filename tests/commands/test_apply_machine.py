"""Consoles in every order, and proof that the machine would see an engine without its rules."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from backends.journal import changes
from commands.apply import Applier
from tests.commands.harness.machine import Consoles
from tests.commands.harness.mutants import MUTANTS, no_check


def settings_for(examples: int, *, mutant: bool = False) -> settings:
    # A mutant's failure need not be made small, and is not worth remembering.
    phases = (Phase.generate,) if mutant else (Phase.generate, Phase.shrink)
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        database=None,
        phases=phases,
        derandomize=mutant,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def machine(engine: type[Applier]) -> type[Consoles]:
    return type("Consoles", (Consoles,), {"applier": engine})


def caught(engine: type[Applier]) -> None:
    """Whether the machine sees it. Where a replay took another course, nothing is shown yet."""
    for last in (False, True):
        try:
            run_state_machine_as_test(machine(engine), settings=settings_for(6000, mutant=True))
        except HypothesisException:
            if last:
                raise
        except AssertionError:
            return
        else:
            pytest.fail("an engine without this rule was not caught")


def test_whatever_happens_in_whatever_order_a_service_is_wholly_old_or_new() -> None:
    run_state_machine_as_test(Consoles, settings=settings_for(150))


@pytest.mark.slow
def test_the_same_for_long() -> None:
    run_state_machine_as_test(Consoles, settings=settings_for(10_000))


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(MUTANTS))
def test_an_engine_without_this_rule_is_caught(rule: str) -> None:
    caught(MUTANTS[rule])


@pytest.mark.slow
def test_a_journal_that_does_not_check_the_lease_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "check", no_check)
    caught(Applier)
