from __future__ import annotations

from tests.live.stores import on_both_stores as pytest_generate_tests

__all__ = ["pytest_generate_tests"]
