"""The census says which code products run in: a few by hand, and every name of it can be met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raggeddsl.kernels.native.census import COMPUTED, all_paths, census
from raggeddsl.kernels.native.mkl import candidates, provide
from raggeddsl.kernels.native.report import KINDS, kinds
from raggeddsl.kernels.native.schedule import schedule
from raggeddsl.kernels.native.table import DTYPE_CODES, TASK
from raggeddsl.native.library import instruction_set
from raggeddsl.plan.plan import Op
from raggeddsl.tuning import DEFAULT, BlockTuning
from tests.kernels.native.running import LEAST, gram, isas, pairs, planned

BLOCKS = DEFAULT.blocks


def of(graph, isa: str = "base", blocks: BlockTuning = BLOCKS) -> dict[str, int]:
    return census(schedule(planned(graph), 1).tasks, isa, blocks)


def test_a_small_product_is_cut_into_even_blocks_of_rows():
    """Vectors of 4 f32: 3 of them for 12 columns, of up to 3 rows; 7 rows are 3, 2 and 2."""
    found = of(pairs([(7, 5, 12)]))
    assert found == {"small": 1, "tile 3x3 strided": 1, "tile 3x2 strided": 2, "whole vectors": 3}


def test_a_small_product_of_a_transposed_matrix_reads_neighbours():
    assert of(pairs([(2, 5, 4)], a_t=True)) == {"small": 1, "tile 1x2 neighbours": 1, "whole vectors": 1}


def test_a_product_is_packed_where_its_operands_do_not_fit():
    """Two runs of k, in each a packed panel of two vectors; narrower sums wait for the last of them."""
    blocks = replace(BLOCKS, run_bytes=20, sum_side=100)
    found = of(pairs([(5, 10, 7)], b_t=True), blocks=blocks)
    assert found == {
        "tiles": 1,
        "several runs of k": 1,
        "fetched A": 1,
        "direct A": 2,
        "packed B, transposed": 2,
        "tile 2x5 strided": 2,
        "direct C": 2,
        "partial vector": 2,
        "added to C": 1,
    }
    wide = of(pairs([(5, 10, 7)], "bf16"), blocks=blocks)
    assert wide["wide sums"] == 1 and "wide sums, several blocks" not in wide
    assert wide["packed A, converted"] == wide["packed B, entry by entry"] == wide["tile 2x5 neighbours"] == 2
    blocks = replace(blocks, sum_side=4)
    assert of(pairs([(5, 10, 7)], "bf16"), blocks=blocks)["wide sums, several blocks"] == 1
    once = of(pairs([(5, 4, 7)], "bf16"), blocks=blocks)
    assert once["converted C"] == 1 and "wide sums" not in once


def test_a_large_b_is_far_until_it_is_packed():
    blocks = replace(BLOCKS, direct_bytes=1)
    found = of(pairs([(10, 3, 8)]), blocks=blocks)  # two blocks of rows: not worth packing
    assert found["direct B"] == 1 and found["tile 2x5 far"] == 2
    found = of(pairs([(11, 3, 8)]), blocks=blocks)
    assert (
        found["packed B, copied"] == 1 and found["tile 2x4 strided"] == 2 and found["tile 2x3 strided"] == 1
    )


def test_lanes_run_along_k_where_columns_are_few():
    isa = instruction_set()
    if isa == "base":
        pytest.skip("its vectors are too short")
    found = of(pairs([(6, 200, 3)]), isa)
    assert found == {
        "along k": 1,
        "packed B, transposed": 1,
        "along k 3x4": 1,
        "along k 3x2": 1,
        **({"along k, partial vector": 2} if isa == "avx512" else {}),
    }
    found = of(pairs([(6, 200, 3)], b_t=True), isa, replace(BLOCKS, narrow_bytes=400))
    assert found["along k, several runs of k"] == 1 and found["along k 3x4"] == 2
    assert not any(name.startswith("along k") for name in of(pairs([(6, 200, 3)]), "base"))


def test_complex_products_wait_for_the_next_run():
    found = of(pairs([(9, 10, 6)], "c64"), blocks=replace(BLOCKS, complex_run=4, complex_blocks=2))
    assert found == {
        "complex": 1,
        "complex tile 1x3": 18,  # two panels of columns, three blocks of rows, three runs
        "complex, several runs of k": 1,
        "complex, several groups of rows": 1,
        "complex, partial vector": 1,
    }


def test_symmetric_products_end_at_the_diagonal():
    tasks = np.zeros(1, TASK)
    tasks["flags"], tasks["m"], tasks["n"], tasks["k"], tasks["alpha"] = 2, 20, 20, 500, 1
    tasks["a_row"], tasks["a_col"], tasks["b_row"], tasks["b_col"], tasks["c_row"] = 500, 1, 1, 500, 20
    found = census(tasks, "base", BLOCKS)
    tasks["flags"] = 0
    whole = census(tasks, "base", BLOCKS)
    assert found["mirrored"] == 1 and found["cut at the diagonal"] > 0 and "mirrored" not in whole
    assert found["direct C"] < whole["direct C"]
    assert "mirrored" not in of(gram([(3, 3)]))  # not worth it


def test_it_agrees_with_the_kinds_of_a_report():
    shapes = [(8, 8, 8), (200, 200, 300), (100, 900, 1), (0, 3, 4), (3, 0, 4)]
    made = schedule(planned(pairs(shapes)), 1)
    for isa in isas():
        found, said = census(made.tasks, isa, BLOCKS), kinds(made, isa, BLOCKS)
        for kind, name in (("small", "small"), ("tiles", "tiles"), ("along-k", "along k"), ("zero", "zero")):
            live = (said == KINDS.index(kind)) & (made.tasks["m"] > 0)
            assert found.get(name, 0) == np.count_nonzero(live)


def random_tasks(rng: np.random.Generator, count: int, compute: str) -> np.ndarray:
    """Tasks of every form in this type; where their operands lie does not matter."""
    stored = {"f32": ("f32", "bf16", "f16"), "f64": ("f64", "f32"), "i32": ("i32", "i8")}
    types = [DTYPE_CODES[name] for name in stored.get(compute, ("c64", "c128"))]
    tasks = np.zeros(count, TASK)
    tasks["op"] = rng.choice([Op.PRODUCT, Op.PRODUCT, Op.PRODUCT, Op.PRODUCT, Op.COMBINE, Op.ZERO], count)
    tasks["flags"] = rng.integers(0, 2, count)
    own = rng.random(count) < 0.7
    for name in ("a_type", "b_type", "c_type"):
        tasks[name] = np.where(own, DTYPE_CODES[compute], rng.choice(types, count))
    tasks["compute"], tasks["alpha"] = DTYPE_CODES[compute], 1
    for name in "mnk":
        few, many = rng.integers(1, 19, count), rng.integers(0, 150, count)
        tasks[name] = np.where(rng.random(count) < 0.6, few, many)
    mirrored = (rng.random(count) < 0.2) & (tasks["op"] == Op.PRODUCT) & (compute[0] != "c")
    tasks["flags"] |= np.where(mirrored, 2, 0)
    tasks["n"] = np.where(mirrored, np.maximum(tasks["n"], tasks["m"]), tasks["n"])
    for name, rows, columns in (("a", "m", "k"), ("b", "k", "n")):
        flipped = rng.random(count) < 0.4
        tasks[f"{name}_row"] = np.where(flipped, 1, tasks[columns])
        tasks[f"{name}_col"] = np.where(flipped, tasks[rows], 1)
    tasks["c_row"] = tasks["n"]
    return tasks


@pytest.mark.parametrize("compute", COMPUTED)
@pytest.mark.parametrize("isa", ["base", "avx2", "avx512", ""])
def test_every_path_that_there_is_can_be_met_and_no_other(isa, compute):
    if isa and isa not in isas():
        pytest.skip(f"this processor has no {isa}")
    rng = np.random.default_rng(1)
    met: set[str] = set()
    small = BlockTuning(36, 400, 100, 50, 7, 5, 2, 68, 100)
    for blocks in (BLOCKS, LEAST, small, replace(BLOCKS, direct_bytes=1)):
        met |= census(random_tasks(rng, 4000, compute), isa, blocks).keys()
    assert met == set(all_paths(isa, compute))
    assert met <= set(all_paths(isa))


def test_a_provider_takes_what_it_has_a_form_for():
    if not candidates() or provide() is not None:
        pytest.skip("MKL is not installed")
    found = of(pairs([(64, 64, 64), (3, 3, 3)]), "provider")
    assert found["provider"] == found["small"] == 1
    assert "provider" in all_paths("provider", "f32") and "provider" not in all_paths("provider", "i32")


def test_names_are_different_and_none_is_empty():
    names = [name for isa in isas() for name in all_paths(isa)]
    assert all(names) and all(len(set(all_paths(isa))) == len(all_paths(isa)) for isa in isas())


def test_what_no_table_may_have_is_refused():
    tasks = schedule(planned(pairs([(3, 4, 5)])), 1).tasks
    with pytest.raises(ValueError, match="no such instruction set"):
        census(tasks, "avx1024", BLOCKS)
    with pytest.raises(ValueError, match="avx1024"):
        all_paths("avx1024")
    with pytest.raises(ValueError, match="the block size sum_side is 0"):
        census(tasks, "", replace(BLOCKS, sum_side=0))
    for field, value in (
        ("m", -1),
        ("k", 2**41),
        ("a_type", 9),
        ("compute", -1),
        ("a_row", -1),
        ("flags", 2),
    ):
        wrong = tasks.copy()
        wrong[field] = value
        wrong["m"] = 6 if field == "flags" else wrong["m"]
        with pytest.raises(ValueError, match="task 0 has a size, stride or type"):
            census(wrong, "", BLOCKS)
