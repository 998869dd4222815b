from __future__ import annotations

import pytest

from tests.live.stores import on_both_stores

READS = ("test_mlflow_evaluation", "test_mlflow_runs")
"""What only reads differs least between databases: on the second one not every day."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_both_stores(metafunc, slow=metafunc.module.__name__.endswith(READS))
