"""The recipes of CONTRIBUTING.md, followed on paper: the files that they name are there, at most six each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = {
    recipe.splitlines()[0]: re.findall(r"^\d+\. `([^`]+)`: .", recipe, re.MULTILINE)
    for recipe in TEXT[TEXT.index("## Recipes") :].split("\n### ")[1:]
}


def test_what_is_asked_for_most_has_a_recipe():
    for word in ("operation", "pass", "kernel", "diagnostic", "command"):
        assert any(word in title for title in RECIPES), word


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_names_files_that_are_there(title):
    files = RECIPES[title]
    assert 2 <= len(files) <= 6
    for file in files:
        assert exists(file), f"{file} of the recipe for {title.lower()}"


def exists(file: str) -> bool:
    """Whether the file is there; of what is new, whether its folder has others of its form."""
    if "NAME" not in file:
        return (ROOT / file).is_file()
    path = ROOT / file
    return any(path.parent.glob(path.name.replace("NAME", "*")))


@pytest.mark.parametrize(
    "file", sorted(set(re.findall(r"`((?:raggeddsl|tests|docs|grammar)/[\w/.-]+)`", TEXT)))
)
def test_files_named_in_passing_are_there(file):
    assert exists(file) or (ROOT / file).is_dir()
