"""What tests of examples share: the modules of an example, imported as its scripts import each other."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """`example("muon/train")`: that module, with its folder first on the path; forgotten afterwards."""

    def load(name):
        folder, module = name.split("/")
        monkeypatch.syspath_prepend(EXAMPLES / folder)
        return import_module(module)

    before = set(sys.modules)
    yield load
    for name in set(sys.modules) - before:
        if EXAMPLES in Path(getattr(sys.modules[name], "__file__", None) or "/").parents:
            del sys.modules[name]
