"""A wrong call of a builder is answered at once, with the code that the same fault has in a text."""

from __future__ import annotations

import numpy as np
import pytest

import raggeddsl as rd


class Things:
    """A builder with a few inputs, one call's worth of each kind."""

    def __init__(self) -> None:
        self.b = rd.Builder()
        self.A = self.b.input("A", shapes=[(2, 3), (4, 5), (3, 6)])
        self.B = self.b.input("B", shapes=[(3, 2), (5, 1), (7, 2)])
        self.P = self.b.input("P", shape=(2, 2), count=2)
        self.W = self.b.input("W", shape=(2, 2))
        self.s = self.b.input("s", shape=())
        self.n = self.b.input("n", shape=(2, 2), dtype="i32")
        self.other = rd.Builder().input("V", shape=(2, 2))


FAULTS = {
    "inner sizes": ("RMM301", "A @ B", "member 2: A[2] is f32[3,6], B[2] is f32[7,2]", lambda t: t.A @ t.B),
    "inner sizes of singles": ("RMM301", "W @ A[0].T", "A[0].T is f32[3,2]", lambda t: t.W @ t.A[0].T),
    "sum of shapes": ("RMM302", "A + B", "member 0 (and 2 more)", lambda t: t.A + t.B),
    "elementwise": ("RMM303", "P * W", "write `@`", lambda t: t.P * t.W),
    "number added": ("RMM304", "W + 1", "only equal shapes", lambda t: t.W + 1),
    "scalar added": ("RMM304", "s - W", "a scalar and a matrix", lambda t: t.s - t.W),
    "scalar in a product": ("RMM305", "s @ W", "`s`", lambda t: t.s @ t.W),
    "number in a product": ("RMM315", "2 @ W", "is a number", lambda t: 2 @ t.W),
    "fraction of integers": ("RMM311", "0.5 * n", "whole number", lambda t: 0.5 * t.n),
    "a factor that does not fit": (
        "RMM320",
        "3000000000 does not fit in i32",
        "f32",
        lambda t: t.n * 3000000000,
    ),
    "a negative factor": ("RMM320", "-2147483649 does", "-2147483648 to", lambda t: -2147483649 * t.n),
    "a factor that overflows": ("RMM320", "1e+39 is infinite", "`1e+39 * W`", lambda t: 1e39 * t.W),
    "a factor that underflows": ("RMM320", "1e-50 is 0 in f32", "f64", lambda t: t.W @ (1e-50 * t.W)),
    "an infinite number": ("RMM319", "inf", "out of range", lambda t: float("inf") * t.W),
    "an array": ("RMM317", "ndarray", "`input`", lambda t: np.ones((2, 2)) @ t.W),
    "other lengths": ("RMM408", "A @ P", "3 members and `P` has 2", lambda t: t.A @ t.P),
    "another builder": ("RMM212", "`V`", "another builder", lambda t: t.W @ t.other),
    "an output of another builder": ("RMM212", "`V`", "another", lambda t: t.b.output("Y", t.other)),
    "no such member": ("RMM410", "no member 3", "counted from 0", lambda t: t.A[3]),
    "no such member from the end": ("RMM410", "no member -4", "3 members", lambda t: t.A[-4]),
    "a map out of range": ("RMM404", "member 5 at 1", "3 members", lambda t: t.A[[0, 5]]),
    "a map with negatives": ("RMM404", "member -1 at 0", "from 0", lambda t: t.A[[-1]]),
    "a mask": ("RMM409", "list of bool", "whole number", lambda t: t.A[[True, False, True]]),
    "a name in brackets": ("RMM409", "str", "slice", lambda t: t.A["first"]),
    "members of a single": ("RMM407", "`W` is a single matrix", "brackets", lambda t: t.W[0]),
    "a name twice": ("RMM203", "`A`", "another name", lambda t: t.b.input("A", shape=(1, 1))),
    "a name twice in output": ("RMM203", "`W`", "one value", lambda t: t.b.output("W", t.A)),
    "a keyword": ("RMM103", "`sum`", "word of the language", lambda t: t.b.define("sum", t.A)),
    "a reserved word": ("RMM103", "`exp`", "word", lambda t: t.b.macro("exp", lambda X: X)),
    "no name": ("RMM102", "'2x'", "begin with a digit", lambda t: t.b.input("2x", shape=(1, 1))),
    "a name with a newline": ("RMM102", r"'a\nb'", "names are", lambda t: t.b.input("a\nb", shape=(1, 1))),
    "no string": ("RMM102", "7", "not a name", lambda t: t.b.output(7, t.A)),
    "a negative size": ("RMM405", "-1", "≥ 0", lambda t: t.b.input("X", shape=(-1, 2))),
    "a negative member": (
        "RMM405",
        "-2 for member 1",
        "`X`",
        lambda t: t.b.input("X", shapes=[(1, 2), (3, -2)]),
    ),
    "a fraction": ("RMM405", "2.5", "whole", lambda t: t.b.input("X", shape=(2.5, 2))),
    "fractions": ("RMM405", "float64", "whole", lambda t: t.b.input("X", shapes=[(1.5, 2.0)])),
    "three sizes": ("RMM306", "3 sizes", "two sizes", lambda t: t.b.input("X", shape=(1, 2, 3))),
    "no sizes": ("RMM306", "5", "`()`", lambda t: t.b.input("X", shape=5)),
    "ragged shapes": ("RMM306", "`X`", "one pair", lambda t: t.b.input("X", shapes=[(1, 2), (3,)])),
    "flat shapes": ("RMM306", "(2,)", "one pair", lambda t: t.b.input("X", shapes=[1, 2])),
    "another count": (
        "RMM403",
        "1 member",
        "`count` is 2",
        lambda t: t.b.input("X", shapes=[(1, 2)], count=2),
    ),
    "a dtype": (
        "RMM307",
        "`flaot32`",
        "did you mean `f32`?",
        lambda t: t.b.input("X", shape=(1, 1), dtype="flaot32"),
    ),
    "an unsigned dtype": (
        "RMM307",
        "uint8",
        "dtypes are",
        lambda t: t.b.input("X", shape=(1, 1), dtype=np.uint8),
    ),
    "a precision": ("RMM209", "`low`", "highest", lambda t: t.b.output("Y", t.A, precision="low")),
    "an accum": ("RMM307", "`f99`", "dtype", lambda t: t.b.output("Y", t.A, accum="f99")),
    "an association": ("RMM209", "`right`", "`flop` or `left`", lambda t: rd.Builder(association="right")),
    "a number as output": ("RMM315", "is 3,", "`Y`", lambda t: t.b.output("Y", 3)),
    "a sum of one": ("RMM412", "`W`", "not a family", lambda t: t.b.sum(t.W)),
    "a sum of many shapes": ("RMM312", "f32[2,3]", "A[1] is f32[4,5]", lambda t: t.b.sum(t.A)),
    "a sum into blocks": ("RMM312", "A[2]", "differ", lambda t: t.b.sum(t.A, into=[0, 1, 1], count=2)),
    "a sum without terms": ("RMM313", "result 1", "`shape=", lambda t: t.b.sum(t.P, into=[0, 0], count=2)),
    "a sum declared otherwise": (
        "RMM309",
        "other shapes",
        "P[0] is f32[2,2]",
        lambda t: t.b.sum(t.P, into=[1, 1], count=2, shape=(3, 3)),
    ),
    "a sum without a count": ("RMM401", "`into`", "`count=`", lambda t: t.b.sum(t.P, into=[0, 0])),
    "a short into": ("RMM403", "1 entries", "2 members", lambda t: t.b.sum(t.P, into=[0], count=1)),
    "an into out of range": ("RMM404", "result 2", "2 results", lambda t: t.b.sum(t.P, into=[0, 2], count=2)),
    "a negative into": ("RMM405", "-1", "`into`", lambda t: t.b.sum(t.P, into=[0, -1], count=2)),
    "iterated zero times": ("RMM210", "0 times", "from 1", lambda t: t.b.iterate(lambda X: X, t.W, 0)),
    "iterated half a time": ("RMM210", "0.5", "whole", lambda t: t.b.iterate(lambda X: X, t.W, 0.5)),
    "an iterated gram": ("RMM314", "`A`", "shape", lambda t: t.b.iterate(lambda X: X @ X.T, t.A, 2)),
    "an iterated macro": (
        "RMM314",
        "`A`",
        "shape",
        lambda t: t.b.iterate(t.b.macro("f", lambda X: X @ X.T), t.A, 2),
    ),
    "a macro of another builder": (
        "RMM212",
        "`f`",
        "another",
        lambda t: t.b.iterate(rd.Builder().macro("f", lambda X: X), t.A, 2),
    ),
    "a macro of two": (
        "RMM206",
        "takes 2 arguments",
        "are 1",
        lambda t: t.b.macro("f", lambda X, Y: X @ Y)(t.A),
    ),
    "a macro that reads a family": ("RMM407", "`A`", "argument", lambda t: t.b.macro("f", lambda X: X @ t.A)),
    "a macro that sums": ("RMM412", "`X`", "not a family", lambda t: t.b.macro("f", lambda X: t.b.sum(X))),
    "a macro that indexes": ("RMM407", "`X`", "one matrix", lambda t: t.b.macro("f", lambda X: X[0])),
    "a macro of nothing": ("RMM315", "NoneType", "`f`", lambda t: t.b.macro("f", lambda X: None)),
    "a macro called wrongly": ("RMM301", "A @ A", "A[0]", lambda t: t.b.macro("f", lambda X: X @ X)(t.A)),
    "a parameter outside": ("RMM407", "`Y`", "macro", lambda t: leaked(t, lambda X: t.b.define("Y", X))),
    "a parameter elsewhere": ("RMM407", "`X`", "another macro", lambda t: leaked_into_another(t)),
    "a leaf that is no matrix": (
        "RMM306",
        "`M['b']`",
        "(3,)",
        lambda t: t.b.input_like("M", {"b": np.ones(3)}),
    ),
    "leaves of two dtypes": (
        "RMM307",
        "differ",
        "`M[1]` is int32",
        lambda t: t.b.input_like("M", [np.ones((1, 1), np.float32), np.ones((1, 1), np.int32)]),
    ),
}


def leaked(things, function):
    return things.b.macro("f", lambda X: function(X) or X)


def leaked_into_another(things):
    kept = []
    things.b.macro("f", lambda X: (kept.append(X), X)[1])
    return things.b.macro("g", lambda Y: Y @ kept[0])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_answered_where_it_is_made(fault):
    code, thing, more, call = FAULTS[fault]
    with pytest.raises(rd.RmmError) as caught:
        call(Things())
    (found,) = caught.value.diagnostics
    said = f"{found.message} {found.help}"
    assert found.code == code
    assert thing in said and more in said, said


def test_a_macro_may_not_grow_without_bound():
    b = rd.Builder()

    def doubled(X):
        for _ in range(40):
            X = X + X
        return X

    with pytest.raises(rd.RmmError, match="RMM211"):
        b.macro("f", doubled)
    with pytest.raises(rd.RmmError, match="RMM108"):
        b.macro("f", lambda X: sum([X] * 60, start=X))


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if "macro" not in fault and fault != "a parameter elsewhere"]
)
def test_a_failed_call_leaves_the_builder_as_it_was(fault):
    things = Things()
    before = things.b.to_text()
    with pytest.raises(rd.RmmError):
        FAULTS[fault][3](things)
    assert things.b.to_text() == before


def test_what_only_the_compiler_sees_is_placed_in_the_text():
    b = rd.Builder()
    b.define("H", b.input("A", shape=(2, 2)))
    with pytest.raises(rd.RmmError, match="<builder>"):
        b.compile()


@pytest.mark.parametrize("call", [{}, {"shape": (1, 1), "shapes": [(1, 1)]}])
def test_an_input_has_one_kind_of_shape(call):
    with pytest.raises(TypeError, match="shape"):
        rd.Builder().input("A", **call)


def test_a_single_matrix_has_no_length_and_a_parameter_no_shape():
    b = rd.Builder()
    with pytest.raises(TypeError, match="no length"):
        len(b.input("A", shape=(1, 1)))
    with pytest.raises(TypeError, match="parameter"):
        b.macro("f", lambda X: X @ X.shapes)
    with pytest.raises(TypeError, match="positional"):
        b.macro("g", lambda *X: X[0])
    with pytest.raises(TypeError, match="into"):
        b.sum(b.input("P", shape=(1, 1), count=2), count=2)
