"""Symmetric products are computed by halves and mirrored, and no bit tells."""

from __future__ import annotations

import numpy as np
import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input, Operand, Product, Term
from raggeddsl.kernels.native.schedule import schedule
from raggeddsl.kernels.native.symmetry import mirrored_products
from raggeddsl.kernels.native.table import MIRROR
from raggeddsl.plan.cells import find_cells
from raggeddsl.plan.plan import Op
from tests.kernels.native.running import gram, isas, pairs, planned, run_buffers, same_bits, show, sized
from tests.strategies import inputs_for
from tests.tunings import tuned

SHAPES = [(m, k) for m in (1, 2, 3, 8, 15, 16, 17, 33, 64, 65, 130) for k in (1, 3, 40, 401)]


MIRRORED = tuned(mirrored_row=0)
"""Products that one tile is as wide as, whose other half it computes anyway, are mirrored too."""
UNMIRRORED = tuned(mirrored_row=1 << 60)
PANELS = tuned(mirrored_row=0, heavy_cost=1.0)


@pytest.mark.parametrize("isa", ["base", "avx2", "avx512"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "f16", "i8", "i32"])
@pytest.mark.parametrize("transposed", [False, True])
def test_mirroring_changes_no_bit(isa, dtype, transposed):
    if isa not in isas():
        pytest.skip(f"this processor has no {isa}")
    plan = planned(gram(SHAPES, dtype, transposed, addend=2))
    inputs = inputs_for(plan.graph, 1)
    made = schedule(plan, None, MIRRORED.schedule)
    # X X^T, S S and the S that is added to it: everything but the addend is mirrored.
    assert np.count_nonzero(made.tasks["flags"] & MIRROR) == 2 * len(SHAPES)
    mirrored = run_buffers(plan, inputs, isa=isa, tuning=MIRRORED)
    assert not (schedule(plan, None, UNMIRRORED.schedule).tasks["flags"] & MIRROR).any()
    assert same_bits(mirrored, run_buffers(plan, inputs, isa=isa, tuning=UNMIRRORED))


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
def test_mirrored_panels_change_no_bit(dtype):
    plan = planned(gram([(400, 70), (131, 500), (48, 300)], dtype))
    inputs = inputs_for(plan.graph, 2)
    wanted = run_buffers(plan, inputs, workers=1, tuning=UNMIRRORED)
    made = schedule(plan, 8, PANELS.schedule)
    assert len(made.tasks) > len(plan.tasks) and (made.tasks["flags"] & MIRROR).all()
    assert same_bits(wanted, run_buffers(plan, inputs, workers=8, tuning=PANELS))


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "bf16", "f16"])
@pytest.mark.parametrize("workers", [2, 8])
def test_panels_of_symmetric_sums_are_mirrored_too(dtype, workers):
    """2 S + 0.5 S S: panels of both terms end at the diagonal, but for narrow sums, which are kept wide."""
    plan = planned(gram([(400, 70), (131, 500), (48, 300)], dtype, addend=2))
    inputs = inputs_for(plan.graph, 2)
    wanted = run_buffers(plan, inputs, workers=1, tuning=UNMIRRORED)
    made = schedule(plan, workers, PANELS.schedule)
    second = made.is_panel & (made.source >= plan.stages[1].start)
    products, sums = second & (made.tasks["op"] == Op.PRODUCT), second & (made.tasks["op"] == Op.COMBINE)
    assert products.any()
    mirrored = dtype not in ("bf16", "f16")
    assert ((made.tasks["flags"][products] & MIRROR != 0) == mirrored).all()
    narrowest = made.tasks["n"][sums].min()
    assert (narrowest < 131) == mirrored
    assert same_bits(wanted, run_buffers(plan, inputs, workers=workers, tuning=PANELS))


def test_only_what_is_symmetric_is_mirrored():
    """X Y^T, X X (X not symmetric), and a symmetric product on top of an addend that is not."""
    size = np.array([20, 30])
    square = sized(size, size)
    graph = Graph()
    x = graph.add(Input(square, ("X",), True))
    y = graph.add(Input(square, ("Y",), True))
    different = graph.add(Product(square, Operand(x), Operand(y, transposed=True)))
    squared = graph.add(Product(square, Operand(x), Operand(x)))
    on_top = Product(square, Operand(x), Operand(x, transposed=True), addends=(Term(Operand(y), 1.0),))
    show(graph, different, squared, graph.add(on_top))
    plan = planned(graph)
    assert not mirrored_products(plan, find_cells(plan, inputs=False)).any()


def test_products_that_one_tile_is_as_wide_as_are_not_mirrored():
    made = schedule(planned(gram([(64, 30), (65, 30), (200, 3)])))
    assert sorted(made.source[made.tasks["flags"] & MIRROR != 0].tolist()) == [1, 2]


def test_complex_products_are_not_mirrored():
    plan = planned(gram([(20, 30)], "c64"))
    assert not (schedule(plan, None, MIRRORED.schedule).tasks["flags"] & MIRROR).any()


def test_a_symmetric_product_of_a_product_that_is_not_is_mirrored_alone():
    shapes = [(30, 12, 50)]
    graph = pairs(shapes)
    y = graph.outputs[0].operand.node
    s = graph.add(Product(sized([30], [30]), Operand(y), Operand(y, transposed=True)))
    show(graph, y, s)
    made = schedule(planned(graph), None, MIRRORED.schedule)
    assert (made.tasks["flags"] & MIRROR != 0).tolist() == [False, True]
