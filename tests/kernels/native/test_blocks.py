"""No block size of the arithmetic changes a value: whole numbers are exact with every one of them."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from raggeddsl.dtypes import DTYPES
from raggeddsl.tuning import DEFAULT, BlockTuning
from tests.kernels.native.running import LEAST, gram, pairs, planned, run_in_every_isa
from tests.kernels.native.test_sizes import whole_numbers
from tests.strategies import ALL_DTYPES

MOST = BlockTuning(*[2**40] * len(fields(BlockTuning)))
SIZES = {
    "least": LEAST,
    "most": MOST,
    "small": BlockTuning(36, 400, 100, 50, 7, 5, 2, 68, 100),
    **{f"{field.name} 1": replace(DEFAULT.blocks, **{field.name: 1}) for field in fields(BlockTuning)},
}
SHAPES = (
    [(m, k, n) for m in (1, 5, 13, 40) for k in (1, 7, 34) for n in (1, 3, 17, 47, 70)]
    + [(3, 90, 1), (6, 150, 2), (5, 401, 3), (9, 70, 300), (50, 100, 150)]
)  # fmt: skip


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_products_are_exact_with_every_block_size(sizes, dtype):
    wide = {"integer": np.int64, "float": np.float64, "complex": np.complex128}[DTYPES[dtype].kind]
    tuning = replace(DEFAULT, blocks=SIZES[sizes])
    for a_t, b_t in ((False, False), (True, True)):
        graph = pairs(SHAPES, dtype, a_t, b_t)
        inputs = whole_numbers(graph)
        products = [
            (a.T if a_t else a).astype(wide) @ (b.T if b_t else b).astype(wide)
            for a, b in zip(inputs["A"], inputs["B"], strict=True)
        ]
        for isa, found in run_in_every_isa(planned(graph), inputs, tuning=tuning).items():
            for wanted, y, shape in zip(products, found["Y0"], SHAPES, strict=True):
                wanted = wanted.astype(DTYPES[dtype].numpy)
                np.testing.assert_array_equal(y, wanted, err_msg=f"{isa} {shape} {a_t} {b_t}")


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "i8"])
def test_symmetric_products_are_exact_with_every_block_size(sizes, dtype):
    graph = gram([(m, k) for m in (1, 17, 33, 70) for k in (1, 40, 131)] + [(130, 9)], dtype)
    inputs = whole_numbers(graph)
    wide = np.int64 if dtype == "i8" else np.float64
    products = [x.astype(wide) @ x.T.astype(wide) for x in inputs["X"]]
    tuning = replace(DEFAULT, blocks=SIZES[sizes])
    for isa, found in run_in_every_isa(planned(graph), inputs, tuning=tuning).items():
        for wanted, y in zip(products, found["Y0"], strict=True):
            np.testing.assert_array_equal(y, wanted.astype(y.dtype), err_msg=f"{isa} {y.shape}")
