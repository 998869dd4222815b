"""The databases that MLflow runs on in the tests: what is proven on one may be wrong on the other.

SQLite lets one writer in at a time and PostgreSQL many, so a race that never happens on the one
is common on the other; errors have other codes there, and text another order.
"""

from __future__ import annotations

import pytest

SQLITE, POSTGRES = "sqlite", "postgres"


def on_both_stores(metafunc: pytest.Metafunc, *, slow: bool = False) -> None:
    """The `pytest_generate_tests` of whatever must hold on both: each test of the run's MLflow.

    With `slow` the second time is not for every day.
    """
    if "mlflow_url" in metafunc.fixturenames:
        again = pytest.param(POSTGRES, marks=pytest.mark.slow) if slow else POSTGRES
        metafunc.parametrize("store", [SQLITE, again], indirect=True, scope="session")
