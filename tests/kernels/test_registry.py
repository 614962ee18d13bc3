"""One table knows the kernels by name, and what else names them agrees with it."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from raggeddsl.cli import main
from raggeddsl.kernels.registry import KERNELS, kernel
from raggeddsl.options import KernelName
from raggeddsl.tuning import DEFAULT

DOCS = Path(__file__).parents[2] / "docs"


def test_the_names_that_type_checkers_know_are_those_of_the_table():
    assert get_args(KernelName) == ("auto", *KERNELS)


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_has_the_same_methods_in_the_same_order(name):
    made = kernel(name, DEFAULT)
    assert made.name == name
    cls = getattr(import_module(KERNELS[name].module), KERNELS[name].name)
    methods = [
        method
        for base in reversed(cls.__mro__)
        for method in vars(base)
        if method in ("tuned", "unavailable", "lower")
    ]
    assert list(dict.fromkeys(methods)) == ["tuned", "unavailable", "lower"]
    assert list(inspect.signature(cls.unavailable).parameters) == ["self", "plan", "backend"]


def test_there_is_no_kernel_of_another_name():
    assert kernel("nativ") is None


def test_the_command_line_offers_them(capsys):
    assert main(["run", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"--kernel {{{','.join(('auto', *KERNELS))}}}" in said


@pytest.mark.parametrize("name", KERNELS)
def test_the_docs_say_what_it_is(name):
    row = f"| `{name}` | {KERNELS[name].summary} |"
    assert row in (DOCS / "performance.md").read_text(encoding="utf-8")
