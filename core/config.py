"""The config as frozen, validated values. `config.example.toml` explains every key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from core.freeze import AsWindow
from core.gate.limits import GateConfig
from core.inference_log import InferenceLogConfig
from core.journal import JournalConfig, journal_problems
from core.policy import PolicyConfig
from core.schema import Adapter, Duration, Figure, OptionsOf, Problem, Reader

Layer = Literal["system", "data", "model", "business"]
LAYERS: tuple[Layer, ...] = ("system", "data", "model", "business")


@dataclass(frozen=True, slots=True)
class Environment:
    name: str | None = None
    """Also names the journal's file. Without it the config's file lends its own name."""
    production: bool = False
    read_only: bool = False
    freeze: tuple[AsWindow, ...] = ()
    """Windows in which nothing goes forward."""


@dataclass(frozen=True, slots=True)
class LineageConfig:
    """Where a version's evidence lies: keys as `core.evidence` has them; None is the default."""

    commit: tuple[str, ...] | None = None
    dataset: tuple[str, ...] | None = None
    feature_version: tuple[str, ...] | None = None
    hyperparameters: tuple[str, ...] | None = None
    seeds: tuple[str, ...] | None = None
    hardware: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    artifacts: tuple[str, ...] | None = None
    owner: tuple[str, ...] | None = None
    approval: tuple[str, ...] | None = None
    card: tuple[str, ...] | None = None
    """Where the model card lies: files and tags that hold Markdown."""
    clone: str | None = None
    """A local clone in which the commit is looked for."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on a figure is a warning, and critical; which layer it speaks for."""

    warning: Figure | None = None
    critical: Figure | None = None
    layer: Layer = "system"
    below: bool = False
    """Whether low is bad, as for quality, instead of high."""

    def __post_init__(self) -> None:
        if self.warning is None and self.critical is None:
            raise ValueError("takes warning, critical or both")


@dataclass(frozen=True, slots=True)
class Service:
    """What users call: one named endpoint. Each part adds what it makes possible."""

    name: str = ""
    model: str | None = None
    """The registered model."""
    owner: str | None = None
    champion_alias: str = "champion"
    prompts: tuple[str, ...] = ()
    """`NAME@ALIAS` in the prompt registry."""
    good_after: Duration = 600.0
    """How long a release must serve healthily, watched, before it counts as good."""
    max_ungated_percent: float = 50.0
    router: Adapter | None = field(default=None, metadata={"role": "router"})
    slots: Mapping[str, Adapter] = field(default_factory=dict, metadata={"role": "slot"})
    gate: GateConfig = field(default_factory=GateConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    lineage: LineageConfig = field(default_factory=LineageConfig)
    inference_log: InferenceLogConfig | None = None
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)

    @property
    def max_ungated(self) -> int:
        """`max_ungated_percent` in basis points."""
        return round(self.max_ungated_percent * 100)


@dataclass(frozen=True, slots=True)
class Config:
    environment: Environment = field(default_factory=Environment)
    registry: Adapter | None = field(default=None, metadata={"role": "registry"})
    journal: JournalConfig = field(default_factory=JournalConfig)
    gpus: Adapter | None = field(default=None, metadata={"role": "gpus"})
    lineage: LineageConfig = field(default_factory=LineageConfig)
    """For every service; a service's own keys go before."""
    services: Mapping[str, Service] = field(default_factory=dict)
    demo: str | None = None
    """The state folder of the embedded fleet, in the config that `modeldeck demo` writes."""


def read_config(
    table: Mapping[str, Any], options_of: OptionsOf, kinds_of: Any
) -> tuple[Config | None, list[Problem]]:
    """The config of a parsed TOML file, or every problem in it. Adapters declare their options."""
    from dataclasses import replace

    reader = Reader(options_of, kinds_of)
    config = reader.table(Config, table, ())
    if config is None or reader.problems:
        return None, reader.problems
    problems = [
        Problem(("services", name, "prompts"), f"holds {prompt!r}; a prompt is NAME@ALIAS")
        for name, service in config.services.items()
        for prompt in service.prompts
        if not all(prompt.rpartition("@")[::2])
    ]
    problems += _no_file_name(config.environment.name) + _unknown_figures(config)
    problems += _wrong_keys(config) + journal_problems(config.journal)
    if problems:
        return None, problems
    named = {name: replace(service, name=name) for name, service in config.services.items()}
    return replace(config, services=named), []


def _no_file_name(name: str | None) -> list[Problem]:
    """The name is a part of the journal's path, and must not lead out of its folder."""
    if name is None or (
        name.strip()
        and name.isprintable()
        and "/" not in name
        and name[0] != "."
        and len(name.encode()) <= 100
    ):
        return []
    said = f'is {name!r}; it names a file too: write a short name without "/", such as "prod"'
    return [Problem(("environment", "name"), said)]


def _unknown_figures(config: Config) -> list[Problem]:
    """Limits on figures that nobody measures would never speak."""
    found = []
    for name, service in config.services.items():
        named: list[tuple[tuple[str, ...], str]]
        named = [(("thresholds", figure), figure) for figure in service.thresholds]
        latency = service.gate.latency
        if latency is not None and latency.source == "traffic":
            named.append((("gate", "latency", "metric"), latency.metric))
        if not named:
            continue
        from core.concepts import CATALOG
        from core.errors import nearest

        for place, figure in named:
            if figure not in CATALOG:
                guess = nearest(figure, CATALOG) or f" There is {', '.join(CATALOG)}."
                path = ("services", name, *place)
                found.append(Problem(path, f"{figure!r} is no figure that is measured.{guess}"))
    return found


def _wrong_keys(config: Config) -> list[Problem]:
    """Lineage keys that could never name anything."""
    found: list[Problem] = []
    tables: dict[tuple[str, ...], LineageConfig] = {("lineage",): config.lineage}
    for name, service in config.services.items():
        tables["services", name, "lineage"] = service.lineage
    for path, table in tables.items():
        if table == LineageConfig():
            continue
        from core.lineage_keys import wrong_keys

        for item, keys in asdict(table).items():
            if item != "clone" and keys is not None:
                found += [Problem((*path, item), said) for said in wrong_keys(item, keys)]
    return found
