"""The docs say what is so: every file that they name is there, every command line is understood."""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from backends import catalog as adapters
from backends.registry.mlflow import MlflowRegistry
from commands import catalog
from commands.common import COMMON, split_line
from commands.configfile import parse
from commands.parse import parse_line
from core import errors
from core.config import Config, Environment, LineageConfig, Service, Threshold
from core.gate import limits
from core.gate.limits import GateConfig
from core.journal import JournalConfig
from core.lineage_keys import CARD_KEYS, default_keys
from core.policy import PolicyConfig
from core.trigger import DriftRule

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
EXAMPLE = (ROOT / "config.example.toml").read_text()


def test_the_example_config_loads() -> None:
    config = parse(EXAMPLE, "config.example.toml")
    assert config.services["fraud"].router is not None
    assert config.services["fraud"].thresholds["error_share"].warning == 0.005
    gate = config.services["fraud"].gate
    assert [rule.bound.by.relative for rule in gate.champion] == [False, True]
    assert gate.cost is not None
    assert str(gate.cost.max) == "0.0004 USD"
    assert gate.max_age == 30 * 86400
    assert gate.supplied == ("lineage", "card")
    policy = config.services["fraud"].policy
    assert (policy.mode, policy.approvals, policy.expires) == ("approved", 1, 4 * 3600)
    assert policy.drift == DriftRule(metric="auc", dataset="fresh-labels")
    assert len(config.environment.freeze) == 2


GATE = (
    limits.Headline,
    limits.Regression,
    limits.Slice,
    limits.Latency,
    limits.Cost,
    limits.Safety,
)


def test_the_example_shows_the_keys_that_lineage_looks_under_by_itself() -> None:
    shown = {key: tuple(value) for key, value in tomllib.loads(EXAMPLE)["lineage"].items()}
    defaults = default_keys(MlflowRegistry.lineage_keys)
    assert {k: v for k, v in shown.items() if k != "clone"} == {**defaults, "card": CARD_KEYS}


def keys_of(cls: type) -> set[str]:
    return {field.name for field in dataclasses.fields(cls) if field.name != "name"}


def named_keys() -> set[str]:
    """Every key that the example sets or shows in a comment."""
    return set(re.findall(r"^(?:# )?(\w+) = ", EXAMPLE, re.M)) | set(
        re.findall(r"[{,] *(\w+) = ", EXAMPLE)
    )


def test_the_example_explains_every_key_of_every_adapter() -> None:
    tables = set(re.findall(r"^\[([\w.-]+)\]", EXAMPLE, re.M))
    wanted = {"kind"}
    for cls in (
        Environment,
        Service,
        GateConfig,
        *GATE,
        PolicyConfig,
        DriftRule,
        LineageConfig,
        JournalConfig,
        Threshold,
    ):
        wanted |= keys_of(cls)
    for role, kinds in adapters.MODULES.items():
        for kind in kinds:
            options = adapters.options_of(role, kind)
            assert options is not None
            if kind != "simulated":
                wanted |= keys_of(options)
    have = named_keys() | {part for table in tables for part in table.split(".")}
    assert wanted - have == set()
    assert "at most `max`" in EXAMPLE


def test_every_table_of_the_config_stands_in_the_example() -> None:
    table = tomllib.loads(EXAMPLE)
    assert keys_of(Config) - set(table) == {"demo"}, "demo is written by the demo alone"


def command_lines(text: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`(modeldeck [^`]+)`", text)
    return [line for line in [*lines, *inline] if line.startswith("modeldeck ")]


@pytest.mark.parametrize("line", command_lines(README) + command_lines(ARCHITECTURE))
def test_every_command_line_is_understood(line: str) -> None:
    name, words = split_line(shlex.split(line)[1:])
    if name is None:
        known = {option.flag for option in COMMON} | {"--install-completion"}
        assert {w for w in words if w.startswith("--")} <= known
        return
    assert name in catalog.NAMES
    words = ["1" if word.isupper() and word != "DIR" else word for word in words]
    if len(words) > 0 or name in ("status", "recover", "demo", "doctor"):
        parse_line(words, catalog.find(name))


def test_every_path_that_the_docs_name_is_there() -> None:
    named = set(
        re.findall(
            r"`((?:core|backends|commands|tui|demo|tests|docs|benchmarks)/[\w./]*)`",
            ARCHITECTURE + README,
        )
    )
    named |= set(re.findall(r"\]\(([\w./-]+)\)", README))
    missing = {path for path in named if "NAME" not in path and not (ROOT / path).exists()}
    assert missing == set()


def test_the_exit_codes_are_those_of_the_errors() -> None:
    told = {int(code): text for code, text in re.findall(r"^\| (\d+) \| (.+) \|$", README, re.M)}
    kinds = (
        errors.UsageError,
        errors.Refused,
        errors.Conflict,
        errors.BackendError,
        errors.Unfinished,
    )
    assert set(told) == {0, errors.EXIT_NO, errors.EXIT_INTERRUPTED} | {k.exit_code for k in kinds}
    assert "recover" in told[errors.Unfinished.exit_code]
    assert told[errors.Refused.exit_code].startswith("refused")


def test_every_command_stands_in_the_readme_or_its_help() -> None:
    for spec in catalog.everything():
        assert spec.examples, spec.name
        assert all(example.startswith(f"modeldeck {spec.name}") for example in spec.examples)


def test_nothing_names_a_machine() -> None:
    for path in (ROOT / "README.md", ROOT / "docs/architecture.md", ROOT / "pyproject.toml"):
        assert not re.search(r"/(home|root|work|tmp)/", path.read_text()), path
