"""The type rules: what they give is what NumPy does member by member; a fault is told by its members."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggeddsl.dtypes import DTYPES, from_numpy
from raggeddsl.graph import rules
from raggeddsl.graph.factors import fits
from raggeddsl.graph.nodes import FamilyType

SMALL = st.integers(0, 3)


def family(*shapes: tuple[int, int], dtype: str = "f32") -> FamilyType:
    rows, cols = (np.array([shape[axis] for shape in shapes], np.int64) for axis in (0, 1))
    return FamilyType(rows, cols, dtype)


def scalars(count: int, dtype: str = "f32") -> FamilyType:
    return FamilyType(np.ones(count, np.int64), np.ones(count, np.int64), dtype, scalar=True)


def members(type: FamilyType, length: int) -> list[np.ndarray]:
    """Zeros of each member's shape; the only one `length` times."""
    shapes = [rules.shape(type, member) for member in range(length)]
    return [np.zeros(() if type.scalar else shape) for shape in shapes]


def shapes_of(type: FamilyType) -> list[tuple[int, ...]]:
    return [() if type.scalar else rules.shape(type, member) for member in range(len(type))]


@st.composite
def pairs(draw, kinds=("matrix", "scalar"), related=0.5):
    """Two types that go member by member; often one is a single matrix, often they fit."""
    length = draw(st.integers(0, 4))
    sizes = draw(st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=length, max_size=length))
    alike = draw(st.sampled_from(["product", "sum", "nothing"]))
    types = []
    for side in (0, 1):
        count = draw(st.sampled_from([length, length, 1]))
        dtype = draw(st.sampled_from(sorted(DTYPES)))
        if draw(st.sampled_from(kinds)) == "scalar":
            types.append(scalars(count, dtype))
            continue
        shapes = [(m, k) if side == 0 or alike == "sum" else (k, n) for m, k, n in sizes][:count]
        if alike == "nothing" or len(shapes) < count:
            shapes = draw(st.lists(st.tuples(SMALL, SMALL), min_size=count, max_size=count))
        types.append(family(*shapes, dtype=dtype))
    return types[0], types[1]


def side_by_side(left: FamilyType, right: FamilyType) -> list[tuple[np.ndarray, np.ndarray]]:
    length = len(right) if len(left) == 1 else len(left)
    return list(zip(members(left, length), members(right, length), strict=True))


def promoted(left: FamilyType, right: FamilyType) -> str | None:
    return from_numpy(jnp.promote_types(DTYPES[left.dtype].numpy, DTYPES[right.dtype].numpy))


# ---------------------------------------------------------------- as NumPy does


@given(pairs(kinds=("matrix",)))
def test_a_product_is_typed_as_numpy_multiplies_its_members(pair):
    left, right = pair
    fine = [a.shape[1] == b.shape[0] for a, b in side_by_side(left, right)]
    type = rules.product(left, right)
    if all(fine):
        assert isinstance(type, FamilyType)
        assert shapes_of(type) == [np.matmul(a, b).shape for a, b in side_by_side(*pair)]
        assert type.dtype == promoted(left, right) and not type.scalar
        return
    assert isinstance(type, rules.InnerSizes)
    assert (~type.bad).tolist() == fine and type.member == fine.index(False)
    a, b = side_by_side(left, right)[type.member]
    assert type.sizes == (a.shape[1], b.shape[0])
    with pytest.raises(ValueError, match="mismatch"):
        a @ b
    flips = {"right": (left, right.transpose()), "left": (left.transpose(), right)}
    helps = [side for side, flipped in flips.items() if isinstance(rules.product(*flipped), FamilyType)]
    assert type.flip == (helps[0] if helps else None)


@given(pairs())
def test_sums_are_of_equal_shapes_alone(pair):
    left, right = pair
    both = side_by_side(left, right)
    type = rules.added(left, right)
    assert rules.added(right, left).__class__ is type.__class__
    if left.scalar != right.scalar:
        assert isinstance(type, rules.KindsDiffer)
        assert type.kinds == tuple("scalar" if side.scalar else "matrix" for side in pair)
    elif all(a.shape == b.shape for a, b in both):
        assert isinstance(type, FamilyType) and type.scalar == left.scalar
        assert shapes_of(type) == [np.add(a, b).shape for a, b in both]
        assert type.dtype == promoted(left, right)
    else:
        assert isinstance(type, rules.ShapesDiffer)
        assert type.bad.tolist() == [a.shape != b.shape for a, b in both]
        assert type.shapes == tuple(side.shape for side in both[type.member])
        assert type.flip == all(a.T.shape == b.shape for a, b in both)


@given(pairs())
def test_scalars_scale_every_member_and_matrices_none(pair):
    left, right = pair
    type = rules.scaled(left, right)
    if not left.scalar and not right.scalar:
        assert isinstance(type, rules.TwoMatrices)
        return
    assert isinstance(type, FamilyType)
    both = side_by_side(left, right)
    assert shapes_of(type) == [np.multiply(a, b).shape for a, b in both]
    assert type.dtype == promoted(left, right) and type.scalar == (left.scalar and right.scalar)


@given(pairs(), st.integers(-(2**40), 2**40) | st.floats(allow_nan=False))
def test_a_number_scales_what_holds_it_and_keeps_its_type(pair, number):
    type = rules.scaled(number, pair[0])
    assert rules.scaled(pair[0], number) == type or type is pair[0]
    dtype = pair[0].dtype
    if isinstance(number, float) and DTYPES[dtype].kind == "integer":
        assert type == rules.FractionOfIntegers(number, dtype)
    elif not fits(number, dtype):
        assert type == rules.FactorOutOfRange(number, dtype)
    else:
        assert type is pair[0]


@given(pairs())
def test_transposes_are_numpy_s(pair):
    type = pair[0]
    assert shapes_of(rules.transposed(type)) == [one.T.shape for one in members(type, len(type))]
    assert rules.transposed(type).dtype == type.dtype
    assert (rules.transposed(type) is type) == type.scalar


@given(st.data(), st.integers(1, 3), st.booleans())
def test_a_sum_into_results_has_the_shapes_that_adding_one_by_one_gives(data, results, declare):
    terms = data.draw(
        st.lists(st.tuples(st.integers(0, results - 1), st.sampled_from([(1, 2), (1, 2), (2, 1)])))
    )
    type = family(*(shape for _, shape in terms))
    declared = family(*[(3, 3)] * results) if declare else None
    seen: dict[int, int] = {}
    bad = []
    for term, (result, shape) in enumerate(terms):
        bad.append(terms[seen.setdefault(result, term)][1] != shape)
    first = rules.first_terms(type, np.array([result for result, _ in terms], np.int64), results)
    if any(bad):
        assert isinstance(first, rules.TermsDiffer)
        assert first.bad.tolist() == bad and first.first == seen[terms[first.member][0]]
        return
    assert isinstance(first, np.ndarray)
    assert first.tolist() == [seen.get(result, -1) for result in range(results)]
    summed = rules.summed(type, first, declared)
    missing = [result not in seen for result in range(results)]
    if any(missing) and not declare:
        assert isinstance(summed, rules.NoTerms)
        assert summed.bad.tolist() == missing and summed.member == missing.index(True)
    else:
        assert isinstance(summed, FamilyType)
        assert shapes_of(summed) == [
            terms[seen[result]][1] if result in seen else (3, 3) for result in range(results)
        ]


@given(pairs())
def test_a_value_is_as_declared_and_an_iteration_goes_on_where_shapes_and_kinds_are_equal(pair):
    left, right = pair
    length = len(right) if len(left) == 1 else len(left)
    declared = rules.stretched(left, length)
    assert shapes_of(declared) == [one.shape for one in members(left, length)]
    same = left.scalar == right.scalar and all(a.shape == b.shape for a, b in side_by_side(*pair))
    mismatch = rules.as_declared(declared, right)
    assert (mismatch is None) == (same and left.dtype == right.dtype)
    assert (rules.iterated(left, right) is None) == same
    if mismatch is not None:
        assert mismatch.shapes != same and mismatch.kinds == (left.scalar != right.scalar)
        assert mismatch.dtypes == (left.dtype != right.dtype)


@given(st.sampled_from(sorted(DTYPES)), st.sampled_from(sorted(DTYPES)))
def test_sums_are_kept_in_a_type_that_holds_their_terms(dtype, accum):
    wider = jnp.promote_types(DTYPES[dtype].numpy, DTYPES[accum].numpy) == DTYPES[accum].numpy
    fractions = DTYPES[dtype].kind == "integer" and DTYPES[accum].kind != "integer"
    mismatch = rules.accumulated(dtype, accum)
    assert (mismatch is None) == (wider and not fractions)
    assert mismatch is None or mismatch == rules.AccumTooNarrow(dtype, accum, fractions)


# ---------------------------------------------------------------- each kind of mismatch

A = family((2, 3), (2, 3), (4, 5))
MISMATCHES = {
    "RMM301 inner sizes": (
        lambda: rules.product(A, family((3, 1), (7, 1), (7, 1))),
        {"member": 1, "sizes": (3, 7)},
    ),
    "RMM301 one matrix beside many": (
        lambda: rules.product(A, family((3, 4))),
        {"member": 2, "sizes": (5, 3)},
    ),
    "RMM301 transposed on the left": (
        lambda: rules.product(family((2, 3)), family((2, 4), (2, 9))),
        {"member": 0, "flip": "left"},
    ),
    "RMM301 transposed on the right": (
        lambda: rules.product(family((2, 3)), family((4, 3), (2, 3))),
        {"member": 0, "flip": "right"},
    ),
    "RMM315 a number in a product": (lambda: rules.product(A, 2), {"side": 1, "kind": "number"}),
    "RMM315 a number before a scalar": (lambda: rules.product(scalars(1), 2), {"side": 1}),
    "RMM305 a scalar in a product": (lambda: rules.product(scalars(3), A), {"side": 0, "kind": "scalar"}),
    "RMM302 shapes": (
        lambda: rules.added(A, family((2, 3))),
        {"member": 2, "shapes": ((4, 5), (2, 3)), "flip": False},
    ),
    "RMM302 transposed": (lambda: rules.added(family((2, 3)), family((3, 2))), {"flip": True}),
    "RMM304 a number added": (lambda: rules.added(1.5, A), {"kinds": ("number", "matrix")}),
    "RMM304 a scalar added": (lambda: rules.added(A, scalars(1)), {"kinds": ("matrix", "scalar")}),
    "RMM303 two matrices": (lambda: rules.scaled(A, A), {}),
    "RMM311 a fraction": (
        lambda: rules.scaled(2.0, family((1, 1), dtype="i8")),
        {"number": 2.0, "dtype": "i8"},
    ),
    "RMM320 a factor": (
        lambda: rules.scaled(family((1, 1), dtype="i8"), 128),
        {"number": 128, "dtype": "i8"},
    ),
    "RMM312 terms": (lambda: rules.first_terms(A, np.array([1, 0, 1]), 2), {"member": 2, "first": 0}),
    "RMM313 no terms": (lambda: rules.summed(A, np.array([2, -1]), None), {"member": 1}),
    "RMM309 shapes declared": (
        lambda: rules.as_declared(family((2, 3), (2, 3), (2, 3)), A),
        {"member": 2, "shapes": True, "kinds": False, "dtypes": False},
    ),
    "RMM309 dtype declared": (
        lambda: rules.as_declared(family((2, 3), dtype="f64"), family((2, 3))),
        {"member": 0, "shapes": False, "dtypes": True},
    ),
    "RMM309 a scalar where there are no members": (
        lambda: rules.as_declared(family(), scalars(0)),
        {"member": 0, "shapes": True, "kinds": True},
    ),
    "RMM314 another shape": (lambda: rules.iterated(A, family((2, 3))), {"member": 2}),
    "RMM314 another kind": (lambda: rules.iterated(scalars(1), family((1, 1))), {"member": 0}),
    "RMM316 a sum in fewer bits": (lambda: rules.accumulated("f32", "f16"), {"fractions": False}),
    "RMM316 integers in floats": (lambda: rules.accumulated("i8", "f32"), {"fractions": True}),
    "RMM318 bytes": (
        lambda: rules.addressable(family((1, 1), (2**31, 2**31))),
        {"total": 2**64 + 4, "member": 1},
    ),
    "RMM408 lengths": (lambda: rules.lengths(3, 2), {"lengths": (3, 2)}),
}


@pytest.mark.parametrize("fault", MISMATCHES)
def test_a_mismatch_has_its_code_and_says_what_it_is_about(fault):
    rule, about = MISMATCHES[fault]
    mismatch = rule()
    assert isinstance(mismatch, rules.Mismatch)
    assert mismatch.code == fault.split()[0]
    assert {key: getattr(mismatch, key) for key in about} == about


@pytest.mark.parametrize(("left", "right"), [(3, 3), (None, 3), (3, None), (None, None), (0, 0)])
def test_families_of_one_length_and_single_matrices_go_together(left, right):
    assert rules.lengths(left, right) is None


def test_bytes_are_addressable_as_long_as_63_bits_count_them():
    assert rules.addressable(family((2**30, 2**30))) is None
    assert rules.addressable(family((1, 2**63 - 1), dtype="i8")) is None
    assert rules.addressable(family((1, 2**62), (1, 2**62), dtype="i8")) == rules.TooLarge(2**63, 0)
