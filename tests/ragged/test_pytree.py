"""A `Ragged` is a pytree like any other: optimisers, checkpoints, shardings and donation take it as it is."""

import importlib.util
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.packing.layout import Layout
from raggeddsl.ragged import Ragged
from tests.processes import printed
from tests.ragged.families import arrays, ragged, same
from tests.steps import steps

R = ragged()
PARAMS = {"w": R, "t": R.T, "b": jnp.ones(3)}


def targets(tree):
    return jax.tree.map(lambda x: x + 1, tree)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_optax_updates_it_as_it_does_a_list(name):
    optax = pytest.importorskip("optax")
    optimiser = getattr(optax, name)(0.1)

    def trained(params):
        @jax.jit
        def step(params, state):
            loss = lambda p: sum((x**2).sum() for x in jax.tree.leaves(p))  # noqa: E731
            updates, state = optimiser.update(jax.grad(loss)(params), state, params)
            return optax.apply_updates(params, updates), state

        state = optimiser.init(params)
        for _ in range(3):
            params, state = step(params, state)
        return params

    found = trained(PARAMS)
    listed = trained({"w": R.to_list(), "t": R.T.to_list(), "b": jnp.ones(3)})
    same(found["w"], listed["w"])
    same(found["t"], listed["t"])
    assert found["w"].layout is R.layout and found["t"].layout is R.T.layout


def test_optax_norms_are_those_of_the_members():
    optax = pytest.importorskip("optax")
    assert np.isclose(optax.tree.norm(R), optax.tree.norm(R.to_list()))
    assert np.isclose(optax.tree.norm(R), jnp.sqrt((R.norm() ** 2).sum()))


def test_its_buffer_can_be_donated():
    given = R + 1
    step = jax.jit(lambda r: jax.tree.map(lambda x: x * 2, r), donate_argnums=0)
    found = step(given)
    same(found, [2 * (a + 1) for a in arrays()])
    assert given.data.is_deleted()
    with pytest.raises(RuntimeError, match="deleted"):
        given[0]


SHARDED = """
import jax, jax.numpy as jnp, numpy as np, raggeddsl as rd
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
assert len(jax.devices()) == 2
mesh = jax.make_mesh((2,), ("x",), axis_types=(AxisType.Auto,))
members = [np.full((2, 3), 1.0, "f"), np.full((4, 4), 2.0, "f"), np.full((5, 2), 3.0, "f")]
for spec in (P(), P("x")):
    ragged = jax.device_put(rd.Ragged.from_list(members), NamedSharding(mesh, spec))
    assert ragged.data.sharding.spec == spec and len(ragged.data.sharding.device_set) == 2
    found = jax.jit(lambda r: r * 2 + r)(ragged)
    for got, member in zip(found.to_list(), members):
        np.testing.assert_array_equal(np.asarray(got), 3 * member)
    products = jax.jit(lambda r: r @ r.T)(ragged)
    for got, member in zip(products.to_numpy(), members):
        np.testing.assert_allclose(got, member @ member.T)
print("done")
"""


def test_it_is_put_on_several_devices(tmp_path):
    flags = "--xla_force_host_platform_device_count=2"
    assert printed(SHARDED, tmp_path, XLA_FLAGS=flags) == "done\n"


# ------------------------------------------------------------ written and read again


def test_flax_writes_its_elements_and_reads_them_again(monkeypatch):
    flax = pytest.importorskip("flax.serialization")
    monkeypatch.setattr(flax, "_STATE_DICT_REGISTRY", {**flax._STATE_DICT_REGISTRY})
    # What docs/ragged.md says to write once.
    flax.register_serialization_state(
        rd.Ragged,
        lambda ragged: {"data": ragged.data},
        lambda ragged, state: rd.Ragged.from_packed(state["data"], ragged.layout),
    )
    written = flax.to_bytes(PARAMS)
    found = flax.from_bytes(jax.tree.map(jnp.zeros_like, PARAMS), written)
    same(found["w"], R)
    same(found["t"], R.T)
    same((found["w"] @ found["t"]).to_list(), (R @ R.T).to_list())
    with pytest.raises(ValueError, match="add up to"):
        flax.from_bytes({"w": R[:2]}, flax.to_bytes({"w": R}))


def test_orbax_keeps_it(tmp_path):
    checkpoint = pytest.importorskip("orbax.checkpoint")
    with checkpoint.StandardCheckpointer() as keeper:
        keeper.save(tmp_path / "step", PARAMS)
        keeper.wait_until_finished()
        found = keeper.restore(tmp_path / "step", jax.tree.map(jnp.zeros_like, PARAMS))
    same(found["w"], R)
    same(found["t"], R.T)
    assert found["t"].layout is R.T.layout


# ------------------------------------------------------------ what it costs


def test_nothing_that_a_training_loop_does_grows_with_the_members():
    step = jax.jit(lambda r, g: jax.tree.map(lambda x, y: x - 0.1 * y, r, g), donate_argnums=0)

    def taken(count):
        shapes = np.tile([[2, 3]], (count, 1))
        layout = Layout.of_shapes(shapes)
        data = jnp.zeros(6 * count)
        packed = Ragged.from_packed(data, layout)
        step(packed + 0, packed)
        work = {
            "from shapes": lambda: Ragged.from_packed(data, shapes),
            "from a layout": lambda: Ragged.from_packed(data, layout),
            "flatten": lambda: jax.tree.flatten(packed),
            "map": lambda: jax.tree.map(lambda x: x, packed),
            "jit": lambda: step(packed + 0, packed),
            "transpose": lambda: packed.T,
            "one member": lambda: packed[count // 2],
            "repr": lambda: repr(packed),
        }
        for each in work.values():
            each()
        return [steps(each) for each in work.values()]

    few, many = taken(100), taken(100_000)
    assert all(abs(a - b) < 10 for a, b in zip(few, many, strict=True)), (few, many)


# ------------------------------------------------------------ wrong inputs, traced


TEXT = "index i in 2\ndim m[i] = [2, 3]\ninput A[i] : f32[m[i], 4]\ninput s : f32[]\noutput Y[i] = s * A[i]\n"
GOOD = [np.ones((2, 4), "f"), np.ones((3, 4), "f")]


@pytest.fixture(scope="module")
def program():
    return rd.compile(TEXT, ahead=False)


@pytest.mark.parametrize("form", [list, Ragged.from_list])
@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        (GOOD[:1], "RMM703", r"input `A` has 2 members, and 1 was given"),
        (
            [GOOD[0], GOOD[0]],
            "RMM704",
            r"`A\[1\]` has shape \(2, 4\), and \(3, 4\) \(f32\[3, 4\]\) is declared",
        ),
        (
            [a.astype("int32") for a in GOOD],
            "RMM705",
            r"`A\[0\]` has element type int32 \(i32\), and float32",
        ),
    ],
)
def test_faults_of_a_call_are_named_under_tracing_too(program, form, members, code, said):
    for call in (program, jax.jit(program)):
        with pytest.raises(rd.RmmError, match=said) as caught:
            call({"A": form(members), "s": 1.0})
        assert [one.code for one in caught.value.diagnostics] == [code]


@pytest.mark.parametrize(
    ("inputs", "code", "said"),
    [
        ({"A": GOOD}, "RMM701", "input `s` is missing"),
        ({"A": GOOD, "s": 1.0, "t": 2.0}, "RMM702", "no input `t`"),
        ({"A": GOOD[0], "s": 1.0}, "RMM704", r"`A\[0\]` has shape \(4,\)"),
        ({"A": 1.0, "s": 1.0}, "RMM706", "not a list of 2 members|single number"),
    ],
)
def test_other_faults_are_named_under_tracing_too(program, inputs, code, said):
    for call in (program, jax.jit(program)):
        with pytest.raises(rd.RmmError, match=said) as caught:
            call(inputs)
        assert [one.code for one in caught.value.diagnostics] == [code]


F8 = jnp.float8_e5m2


@pytest.mark.parametrize(
    ("a", "b", "code", "said"),
    [
        (np.ones((2, 3)), np.ones(3), "RMM706", r"`Bs\[0\]` has 1 axis, shape \(3,\)"),
        (np.ones((2, 3)), np.ones((4, 2)), "RMM708", r"As\[0\] is \(2, 3\), Bs\[0\] is \(4, 2\)"),
        (np.ones((2, 3), F8), np.ones((3, 2), F8), "RMM709", "float8_e5m2"),
    ],
)
def test_faults_of_matmul_are_named_under_tracing_too(a, b, code, said):
    work = lambda a, b: rd.matmul([a], [b])  # noqa: E731
    for call in (work, jax.jit(work)):
        with pytest.raises(rd.RmmError, match=said) as caught:
            call(a, b)
        assert caught.value.diagnostics[0].code == code


def test_nothing_of_the_test_packages_is_needed(tmp_path):
    """The tests above skip what is not installed; the package itself never imports it."""
    code = (
        "import sys, json, raggeddsl as rd, numpy as np; rd.Ragged.from_list([np.ones((2, 2))]).norm();"
        "print(json.dumps([name for name in ('optax', 'flax', 'orbax', 'torch') if name in sys.modules]))"
    )
    assert json.loads(printed(code, tmp_path)) == []
    assert importlib.util.find_spec("raggeddsl.ragged") is not None
