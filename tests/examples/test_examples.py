"""Every example runs from the command line as its README says, at small sizes where it is large."""

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
SPECS = sorted(EXAMPLES.glob("*/*.rmm"))
SMALLER = {
    "seed/seed.rmm": ["-D", "size=12"],
    "seed/ragged.rmm": ["-D", "size=60"],
    "moe/moe.rmm": ["-D", "wide=16", "-D", "hidden=24"],
}
SHORTER = {"resnet50/gram.rmm": 24, "resnet50/newton_schulz.rmm": 8}
"""Rows of its table that an example is tested on, where float64 takes long for all."""


def name(spec):
    return spec.relative_to(EXAMPLES).as_posix()


@pytest.fixture
def small(tmp_path):
    """`small(spec)`: the words that run it at a size that is tested in seconds."""

    def words(spec):
        if name(spec) not in SHORTER:
            return [str(spec), *SMALLER.get(name(spec), [])]
        for table in spec.parent.glob("*.csv"):
            rows = table.read_text().splitlines(keepends=True)
            (tmp_path / table.name).write_text("".join(rows[: 1 + SHORTER[name(spec)]]))
        (tmp_path / spec.name).write_text(spec.read_text())
        return [str(tmp_path / spec.name)]

    return words


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_an_example_agrees_with_the_reference(spec, small, capsys):
    assert main(["run", *small(spec), "--random", "0", "--verify", "--repeat", "1"]) == 0
    said = capsys.readouterr().out
    assert "\nverified: " in said or "\nagrees, but proves nothing of " in said


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_an_example_is_formatted(spec):
    assert rd.format(spec.read_text()) == spec.read_text()


@pytest.mark.parametrize("folder", sorted({spec.parent for spec in SPECS}), ids=lambda folder: folder.name)
def test_a_readme_names_the_commands_of_its_specs(folder):
    readme = (folder / "README.md").read_text()
    commands = [shlex.split(line) for line in re.findall(r"^ {4}(raggeddsl .*)$", readme, re.MULTILINE)]
    named = {Path(word).name for words in commands for word in words if word.endswith(".rmm")}
    assert named == {spec.name for spec in folder.glob("*.rmm")}
    assert folder.name + "/" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_a_readme_shows_what_a_summary_says(spec):
    """Up to the ellipsis of each line shown, and but for the lines that need a run."""
    page = (spec.parent / "README.md").read_text()
    shown = page.split(f"{spec.name} --random 0 --verify")[1].split("prints, among other lines:")[1]
    lines = re.match(r"\s*((?: {4}.*\n)+)", shown)[1].splitlines()
    summary = rd.compile_file(spec).explain().summary()
    for line in lines:
        if not line.strip().startswith(("verified: ", "agrees, but ")):
            assert line[4:].rstrip("…").rstrip() in summary


def test_tables_are_small():
    assert all(path.stat().st_size < 200_000 for path in EXAMPLES.glob("*/*.csv"))


def test_resnet50_declares_54_matrices():
    program = rd.compile_file(EXAMPLES / "resnet50" / "gram.rmm")
    assert program.inputs["X"].shapes.shape == (54, 2)
    assert np.array_equal(program.outputs["G"].shapes[:, 0], program.inputs["X"].shapes[:, 0])


def test_newton_schulz_of_resnet50_is_15_products_a_matrix():
    program = rd.compile_file(EXAMPLES / "resnet50" / "newton_schulz.rmm")
    assert program.explain().to_dict()["summary"]["products"] == 15 * 54
    shapes = program.inputs["X"].shapes
    assert (shapes[:, 0] <= shapes[:, 1]).all()


def test_chain_has_5000_graphs_of_all_sizes():
    nodes = rd.compile_file(EXAMPLES / "chain" / "chain.rmm").inputs["a"].shapes[:, 0]
    assert len(nodes) == 5000 and set(nodes.tolist()) == set(range(5, 61))


def test_moe_routes_every_token_once():
    rows = list(csv.DictReader((EXAMPLES / "moe" / "routing.csv").read_text().splitlines()))
    assert sum(int(row["tokens"]) for row in rows) == 8192
    assert len({(row["sequence"], row["expert"]) for row in rows}) == len(rows)
    assert all(0 <= int(row["expert"]) < 64 for row in rows)


def test_blocks_agrees_with_the_dense_product():
    """The blocks put in their places are two matrices whose product has the result's blocks."""
    program = rd.compile_file(EXAMPLES / "blocks" / "blocks.rmm")
    sizes = np.maximum(1, np.round(160 * np.exp(-((np.arange(-12, 13) / 5.0) ** 2) / 2))).astype(int)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    places = [(r, c) for r in range(25) for c in range(25) if abs(r - c) <= 2]
    inputs = program.random_inputs(0)
    left, right = (np.zeros((starts[-1], starts[-1])) for _ in range(2))
    for dense, family in ((left, inputs["X"]), (right, inputs["Z"])):
        for (r, c), block in zip(places, family, strict=True):
            dense[starts[r] : starts[r + 1], starts[c] : starts[c + 1]] = np.asarray(block)
    product = left @ right
    results = sorted((r, c) for r in range(25) for c in range(25) if abs(r - c) <= 4)
    for (r, c), block in zip(results, program(inputs)["C"], strict=True):
        expected = product[starts[r] : starts[r + 1], starts[c] : starts[c + 1]]
        np.testing.assert_allclose(np.asarray(block), expected, rtol=1e-4, atol=1e-2)
