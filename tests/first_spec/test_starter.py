"""A starter spec checks clean and runs, whatever the file's arrays are called and look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import raggeddsl as rd
from raggeddsl.first_spec import ArrayInfo, starter
from raggeddsl.graph.compare import compare

FILE = Path("model.safetensors")


def infos(*shapes, dtype="f32"):
    return [ArrayInfo(f"layer.{k}", shape, dtype) for k, shape in enumerate(shapes)]


def test_a_small_file_has_its_names_beside_its_sizes():
    made = starter(FILE, infos((3, 4), (8, 3, 3, 3), (5,)), beside="net")
    assert made.matrices == 2 and made.tables == {}
    assert made.text == (
        "# The 2 matrices of model.safetensors, written by `raggeddsl init`.\n"
        "# Flattened to their first axis by the rest: layer.1 f32[8, 3, 3, 3].\n"
        "# Left out, since they are no matrices: layer.2 f32[5].\n"
        "\n"
        "rmm 1\n"
        "\n"
        "index i in 2\n"
        "dim m[i] = [\n"
        "    3,  # 0: layer.0\n"
        "    8,  # 1: layer.1\n"
        "]\n"
        "dim n[i] = [4, 27]\n"
        "input W[i] : f32[m[i], n[i]]\n"
        "output G[i] = W[i] @ W[i].T\n"
    )


def test_a_large_file_has_its_sizes_and_names_in_a_table(tmp_path):
    made = starter(FILE, infos(*[(k + 1, 5) for k in range(100)]), beside='a "b"')
    ((name, table),) = made.tables.items()
    assert table.startswith("name,rows,cols\nlayer.0,1,5\nlayer.1,2,5\n")
    (tmp_path / name).write_text(table)
    assert rd.check(made.text, folder=tmp_path) == []


def test_each_element_type_is_a_family_and_64_bits_are_narrowed():
    arrays = [
        *infos((3, 4), dtype="f64"),
        *infos((2, 2), dtype="bf16"),
        *infos((2, 3)),
        *infos((9, 9), dtype="u8"),
    ]
    text = starter(FILE, arrays).text
    assert "input W_f32[i] : f32[m_f32[i], n_f32[i]]" in text
    assert "input W_bf16[j] : bf16[m_bf16[j], n_bf16[j]]" in text
    assert "Declared in 32 bits" in text and "Left out for their element type: layer.0 u8[9, 9]" in text
    assert rd.check(text) == []
    assert "input W[i] : f64[" in starter(FILE, arrays, dtype="f64").text


def test_the_example_never_makes_results_much_larger_than_the_matrices():
    assert "W[i] @ W[i].T" in starter(FILE, infos((64, 1000))).text
    assert "W[i].T @ W[i]" in starter(FILE, infos((50257, 768))).text
    assert "input x[i] : f32[n[i], 1]" in starter(FILE, infos((50257, 8), (8, 50257))).text


names = st.text(max_size=20)
shapes = st.lists(st.integers(0, 9), max_size=4).map(tuple)
dtypes = st.sampled_from(["f32", "f64", "bf16", "i8", "c64", "bool", "object"])
arrays = st.lists(st.builds(ArrayInfo, names, shapes, dtypes), max_size=50)


@given(arrays, st.booleans())
def test_every_file_with_a_matrix_gives_a_spec_that_runs(found, beside):
    usable = [one for one in found if len(one.shape) >= 2 and one.dtype not in ("bool", "object")]
    if not usable:
        with pytest.raises(rd.RmmError, match="RMM432"):
            starter(FILE, found)
        return
    made = starter(FILE, found, beside=None)
    assert rd.check(made.text) == []
    program = rd.compile(made.text, ahead=False, kernel="reference")
    inputs = program.random_inputs()
    assert sum(len(value) for name, value in inputs.items() if name.startswith("W")) == len(usable)
    assert compare(program(inputs), program.reference(inputs)).agreed


def test_a_shape_that_no_file_can_hold_is_refused():
    with pytest.raises(rd.RmmError, match="RMM431"):
        starter(FILE, infos((0, 2**62, 2**62)))


def test_many_matrices_without_a_table_are_listed_without_names():
    text = starter(FILE, infos(*[(2, 3)] * 1500)).text
    assert "layer.7" not in text
    assert rd.check(text) == []
    assert np.max([len(line) for line in text.splitlines()]) <= 100
