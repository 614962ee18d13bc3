"""Tests of the native kernel are skipped, with the reason, where the installation has no native library."""

from __future__ import annotations

import pytest

from raggeddsl.native.library import register


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("without_library") is None and (reason := register()) is not None:
        pytest.skip(reason)
