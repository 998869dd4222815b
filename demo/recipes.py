"""How each version of the models was made: what differs, and where it stands.

The pipelines are linear at the end, so that skops saves them with nothing but types it trusts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.data import SEED


@dataclass(frozen=True, slots=True)
class Recipe:
    """One version. `build` makes the untrained pipeline out of `params`."""

    stage: str
    story: str
    params: Mapping[str, Any]
    build: Callable[[Mapping[str, Any]], Any]
    alias: str | None = None
    approval: str = "pending"
    features: str = "v2"
    """The version of the feature definitions."""
    rows: int | None = None
    """How many rows it was trained on; None is all."""
    card: bool = False
    unwritten: tuple[str, ...] = ()
    """Headings of the card that nobody has written anything under."""
    unpushed: bool = False
    """Whether it was trained from a commit that the team's repository never got."""
    evaluated: bool = True
    filter: Callable[[Any], Any] | None = None
    """Which of the held-out labels the headline metric looks at; None is all."""
    tags: Mapping[str, str] = field(default_factory=dict)


def _chosen(columns: Sequence[int], strength: float) -> Any:
    """Logistic regression on some of the columns, scaled."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = ColumnTransformer([("chosen", StandardScaler(), list(columns))])
    return make_pipeline(chosen, LogisticRegression(C=strength, max_iter=1000, random_state=SEED))


def _columns(params: Mapping[str, Any]) -> Any:
    first, last = params["columns"].split("-")
    return _chosen(range(int(first), int(last) + 1), params["C"])


def _pixels(params: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(C=params["C"], max_iter=params["max_iter"], random_state=SEED)
    return make_pipeline(StandardScaler(), model)


def _kernel(params: Mapping[str, Any]) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(),
        PCA(params["components"], random_state=SEED),
        Nystroem(gamma=params["gamma"], n_components=params["landmarks"], random_state=SEED),
        LogisticRegression(C=params["C"], max_iter=1000, random_state=SEED),
    )


TUMOR = (
    Recipe(
        "Archived",
        "First try, on the texture alone",
        {"columns": "1-1", "C": 1.0},
        _columns,
        approval="approved",
        features="v1",
    ),
    Recipe(
        "Production",
        "The ten mean measures",
        {"columns": "0-9", "C": 1.0},
        _columns,
        alias="champion",
        approval="approved",
        card=True,
    ),
    Recipe(
        "Staging",
        "All thirty measures, more regularised",
        {"columns": "0-29", "C": 0.5},
        _columns,
        alias="challenger",
        approval="approved",
        features="v3",
        card=True,
    ),
    Recipe(
        "Staging",
        "Only the standard errors: cheaper to measure, and not good enough",
        {"columns": "10-19", "C": 1.0},
        _columns,
        features="v3",
        card=True,
        unwritten=("Intended use", "Cost profile", "Safety notes"),
    ),
    Recipe(
        "Draft",
        "The worst measures; trained, not yet evaluated",
        {"columns": "20-29", "C": 1.0},
        _columns,
        features="v3",
        evaluated=False,
    ),
)

DIGITS = (
    Recipe(
        "Archived",
        "First try, on 60 rows, from a commit that was never pushed",
        {"C": 1.0, "max_iter": 200},
        _pixels,
        unpushed=True,
        approval="approved",
        features="v1",
        rows=60,
    ),
    Recipe(
        "Production",
        "Scaled pixels",
        {"C": 1.0, "max_iter": 1000},
        _pixels,
        alias="champion",
        approval="approved",
        card=True,
    ),
    Recipe(
        "Staging",
        "Principal components and a kernel approximation: more accurate, slower",
        {"components": 40, "gamma": 0.01, "landmarks": 200, "C": 10.0},
        _kernel,
        alias="challenger",
        card=True,
    ),
    Recipe(
        "Staging",
        "Fewer components; its evaluation looked at a digit that does not exist",
        {"components": 20, "gamma": 0.02, "landmarks": 150, "C": 10.0},
        _kernel,
        # An empty selection: its mean is not a number, which is how such figures come about.
        filter=lambda labels: labels == 10,
    ),
)

RECIPES: Mapping[str, tuple[Recipe, ...]] = {"tumor": TUMOR, "digits": DIGITS}
