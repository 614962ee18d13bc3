"""Tests of the native kernel are skipped, with the reason, where the installation has no native library."""

from __future__ import annotations

import pytest

from raggeddsl.kernels.native.library import register


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "without_library" in item.keywords:
        return
    reason = register()
    if reason is not None:
        pytest.skip(reason)
