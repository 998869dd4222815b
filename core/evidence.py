"""What a run, a version and the files beside them say, and the keys that name one thing of it.

A key is written `KIND.NAME`, in the config as here:

    tags.NAME           a tag of the run
    params, params.NAME every parameter of the run, or one
    inputs, inputs.X    the run's data set inputs without a context, or those of the context X
    metrics, metrics.X  every metric, or one
    artifacts.PATH      a file among the run's artifacts
    model.PATH          a file of the version's own model, such as `MLmodel`
    version_tags.NAME   a tag of the model version
    model_tags.NAME     a tag of the registered model
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.errors import nearest
from core.versions import Version

Kind = Literal[
    "tags", "params", "inputs", "metrics", "artifacts", "model", "version_tags", "model_tags"
]
KINDS: Mapping[str, str] = {
    "tags": "run tag",
    "params": "run param",
    "inputs": "data set input",
    "metrics": "metric",
    "artifacts": "run artifact",
    "model": "model file",
    "version_tags": "model version tag",
    "model_tags": "registered model tag",
}
"""Each kind in words."""
OF_RUN = frozenset({"tags", "params", "inputs", "metrics", "artifacts"})
FILES = frozenset({"artifacts", "model"})
WHOLE = frozenset({"params", "inputs", "metrics"})
"""The kinds that may stand without a name."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where one thing is looked for."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else self.kind

    @property
    def words(self) -> str:
        return f"{KINDS[self.kind]} {self.name}".strip()


def parse_key(text: str) -> Key:
    """Raises ValueError with what is wrong."""
    kind, dot, name = text.strip().partition(".")
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise ValueError(f"{text!r} begins with none of {known}.{nearest(kind, KINDS)}")
    if not name and (dot or kind not in WHOLE):
        raise ValueError(f"{text!r} names nothing; write {kind}.NAME")
    return Key(kind, name)


@dataclass(frozen=True, slots=True)
class Unasked:
    """Nobody could be asked, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A data set that a run says it used. `digest` is of its content, `source` where it lay."""

    name: str
    digest: str
    context: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """The last value of a metric on one data set; no data set where the store knows none."""

    name: str
    value: float
    dataset: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a version's run logged.

    `state` is "gone" where the version names a run that the store no longer has, "deleted" where
    it lies in the store's bin, "none" where the version names no run.
    """

    run_id: str | None = None
    state: Literal["there", "deleted", "gone", "none"] = "none"
    status: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetInput, ...] = ()
    metrics: tuple[Metric, ...] = ()
    """Those of the logged model, each with its data set; else the run's own, without."""
    metrics_unasked: str | None = None
    """Why the store could not be asked for the metrics."""
    model_id: str | None = None
    """The logged model that the version was made from."""
    model_gone: bool = False
    """The version names a logged model that the store no longer has."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that lineage is judged on.

    `files`: whether each file is there. `commit_known`: whether the run's commit is in the local
    clone; None where the config names none.
    """

    version: Version
    run: RunRecord | Unasked
    model_tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Key, bool | Unasked] = field(default_factory=dict)
    commit_known: bool | Unasked | None = None

    @property
    def run_id(self) -> str | None:
        return self.run.run_id if isinstance(self.run, RunRecord) else self.version.run_id

    def text(self, key: Key) -> str | None:
        """The value of a tag or a parameter; None where there is none, or only blanks."""
        run = self.run if isinstance(self.run, RunRecord) else RunRecord()
        tables: Mapping[str, Mapping[str, str]] = {
            "tags": run.tags,
            "params": run.params,
            "version_tags": self.version.tags,
            "model_tags": self.model_tags,
        }
        value = tables.get(key.kind, {}).get(key.name, "").strip()
        return value or None
