"""The data sets: which rows train, which are held out, and the slices that they are judged on.

Imports scikit-learn: only the training does that here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEED = 7
HELD_OUT = 0.4


@dataclass(frozen=True, slots=True)
class Data:
    """Arrays of float features and whole-number labels, split once and for all by `SEED`."""

    name: str
    features: tuple[str, ...]
    train: Any
    train_labels: Any
    test: Any
    test_labels: Any
    slices: Mapping[str, Any]
    """Per slice which of the held-out rows are in it, as an array of truth values."""

    @property
    def held_out(self) -> str:
        """The name of the data set of all held-out rows; a slice is one of its own name."""
        return f"{self.name}-test"


def _split(name: str, loaded: Any, features: tuple[str, ...], slices: Any) -> Data:
    from sklearn.model_selection import train_test_split

    train, test, train_labels, test_labels = train_test_split(
        loaded.data,
        loaded.target,
        test_size=HELD_OUT,
        random_state=SEED,
        stratify=loaded.target,
    )
    return Data(
        name,
        features,
        train,
        train_labels,
        test,
        test_labels,
        slices(train, test, test_labels),
    )


def _halves(name: str, train: Any, test: Any, column: int) -> dict[str, Any]:
    import numpy

    high = test[:, column] > numpy.median(train[:, column])
    return {f"{name}:high": high, f"{name}:low": ~high}


def tumor() -> Data:
    """569 biopsies with 30 measures each; 1 is benign. Sliced by size, texture, smoothness."""
    from sklearn.datasets import load_breast_cancer

    def slices(train: Any, test: Any, _: Any) -> dict[str, Any]:
        return {
            **_halves("radius", train, test, 0),
            **_halves("texture", train, test, 1),
            **_halves("smoothness", train, test, 4),
        }

    loaded = load_breast_cancer()
    names = tuple(str(name).replace(" ", "_") for name in loaded.feature_names)
    return _split("breast-cancer", loaded, names, slices)


def digits() -> Data:
    """1,797 handwritten digits of 8 by 8 pixels. Sliced by how much ink there is, and by digit."""
    from sklearn.datasets import load_digits

    def slices(train: Any, test: Any, labels: Any) -> dict[str, Any]:
        import numpy

        ink = numpy.median(train.sum(axis=1))
        heavy = test.sum(axis=1) > ink
        by_digit = {f"digit:{digit}": labels == digit for digit in range(10)}
        return {"ink:heavy": heavy, "ink:light": ~heavy, **by_digit}

    loaded = load_digits()
    names = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    return _split("digits", loaded, names, slices)


LOADERS = {"tumor": tumor, "digits": digits}
