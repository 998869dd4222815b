from __future__ import annotations

import pytest

from tests.live.stores import POSTGRES, on_both_stores

READS = ("test_mlflow_evaluation", "test_mlflow_runs")
"""What only reads differs least between databases: on the second one not every day."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_both_stores(metafunc, slow=metafunc.module.__name__.endswith(READS))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A prompt's alias differs from a model's in the calls, which do not depend on the database."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("store") == POSTGRES and params.get("prompt") is True:
            item.add_marker(pytest.mark.slow)
