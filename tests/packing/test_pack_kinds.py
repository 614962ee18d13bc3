"""Lists of JAX arrays, of torch tensors and of several kinds: packed as NumPy's are, or refused by number."""

import gc
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import SingleDeviceSharding

import raggeddsl as rd
from raggeddsl.native import copy_members as native
from tests.processes import printed
from tests.steps import steps

TYPES = ["bool", "int8", "int32", "float16", "bfloat16", "float32", "complex64"]

_FEW = 90
"""Lines of Python that may come and go; 900 members that take one each make ten times as many."""

needs_library = pytest.mark.skipif(native._functions() is None, reason="no native library that packs")


def _arrays(count, dtype, seed=0):
    """Matrices of many shapes, some of them empty."""
    rng = np.random.default_rng(seed)
    shapes = rng.integers(0, 7, (count, 2)).tolist()
    return [rng.integers(-5, 5, shape).astype(jnp.dtype(dtype)) for shape in shapes]


def _packed(members):
    return np.asarray(rd.Ragged.from_list(members).data)


def _end_to_end(members):
    return np.concatenate([np.asarray(member).ravel() for member in members])


def _taken(make, use):
    """Lines of Python that 100 and 1,000 members take."""
    counts = []
    for count in (100, 1000):
        members = make(count)
        use(members)
        counts.append(steps(lambda given=members: use(given)))
    return counts


@pytest.mark.parametrize("dtype", TYPES)
def test_jax_members_pack_as_numpys_do(dtype):
    members = _arrays(300, dtype)
    packed = _packed([jnp.asarray(member) for member in members])
    assert packed.dtype == jnp.dtype(dtype)
    np.testing.assert_array_equal(packed, _end_to_end(members))


@needs_library
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_no_python_is_run_a_member(dtype, kind):
    make = lambda count: [kind(np.ones((2, 3), jnp.dtype(dtype))) for _ in range(count)]  # noqa: E731
    few, many = _taken(make, rd.Ragged.from_list)
    assert many - few <= _FEW


@needs_library
def test_a_call_and_a_product_run_no_python_a_member():
    make = lambda count: [jnp.ones((2, 3)) for _ in range(count)]  # noqa: E731
    right = {count: rd.Ragged.from_list([np.ones((3, 2), "f")] * count) for count in (100, 1000)}
    few, many = _taken(make, lambda members: rd.matmul(members, right[len(members)]))
    assert many - few <= _FEW
    spec = "index i in {}\ninput A[i] : f32[2, 3]\noutput C[i] = A[i] @ A[i].T"
    programs = {count: rd.compile(spec.format(count)) for count in (100, 1000)}
    few, many = _taken(make, lambda members: programs[len(members)]({"A": members}))
    assert many - few <= _FEW


def test_no_python_is_run_a_member_to_read_all():
    few, many = _taken(lambda count: rd.Ragged.from_list([np.ones((2, 3), "f")] * count), rd.Ragged.to_numpy)
    assert many - few <= _FEW


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_list_may_go_at_once(dtype):
    members = _arrays(200, dtype)
    ragged = rd.Ragged.from_list([jnp.asarray(member) * 1 for member in members])  # perhaps not computed yet
    gc.collect()
    others = [jnp.full(member.shape, 7, dtype) for member in members]  # where they may have been
    np.testing.assert_array_equal(np.asarray(ragged.data), _end_to_end(members))
    del others


def test_a_member_that_is_deleted_later_stays_as_it_was():
    members = [jnp.arange(6.0).reshape(2, 3) + i for i in range(5)]
    expected = _end_to_end(members)
    ragged = rd.Ragged.from_list(members)
    for member in members:
        member.delete()
    np.testing.assert_array_equal(np.asarray(ragged.data), expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_deleted_member_is_refused_by_its_number(dtype, count):
    members = [jnp.ones((2, 2), dtype) for _ in range(count)]
    members[-1].delete()
    with pytest.raises(
        TypeError,
        match=f"member {count - 1} of a Ragged cannot be read as a matrix: the array has been deleted",
    ):
        rd.Ragged.from_list(members)
    short = {"float32": "f32", "bfloat16": "bf16"}[dtype]
    spec = f"index i in {count}\ninput A[i] : {short}[2, 2]\noutput C[i] = A[i] @ A[i]"
    with pytest.raises(rd.RmmError, match=rf"RMM706.*`A\[{count - 1}\]` cannot be read"):
        rd.compile(spec)({"A": members})
    with pytest.raises(rd.RmmError, match=rf"RMM706.*`As\[{count - 1}\]` cannot be read"):
        rd.matmul(members, [jnp.ones((2, 2), dtype)] * count)


def test_a_donated_member_is_refused_by_its_number():
    members = [jnp.full((2, 2), i, "f") for i in range(3)]
    jax.jit(lambda x: x + 1, donate_argnums=0)(members[1])
    with pytest.raises(
        TypeError,
        match="member 1 of a Ragged cannot be read as a matrix: the array has been deleted, or donated",
    ):
        rd.Ragged.from_list(members)


def test_keys_are_no_matrices():
    with pytest.raises(
        TypeError,
        match="member 1 of a Ragged cannot be read as a matrix: an array of key<fry> holds no numbers",
    ):
        rd.Ragged.from_list([jnp.ones(()), jax.random.key(0)])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_member_that_lies_column_major_packs_too(dtype):
    layouts = pytest.importorskip("jax.experimental.layout")
    there = SingleDeviceSharding(jax.devices()[0])
    turned = layouts.Format(layouts.Layout((1, 0)), there)
    members = [jnp.arange(6.0).reshape(2, 3).astype(dtype) + i for i in range(4)]
    members[2] = jax.jit(lambda x: x * 2, out_shardings=turned)(members[2])
    np.testing.assert_array_equal(_packed(members), _end_to_end(members))


SPREAD = """
import jax, jax.numpy as jnp, numpy as np, raggeddsl as rd
mesh = jax.sharding.Mesh(np.array(jax.devices()), "x")
spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
for dtype in ("float32", "bfloat16"):
    whole = jnp.arange(8.0).reshape(4, 2).astype(dtype)
    second = jax.device_put(whole + 2, jax.devices()[1])
    members = [whole, jax.device_put(whole, spread), second, whole + 1, jax.device_put(whole, everywhere)]
    packed = np.asarray(rd.Ragged.from_list(members).data)
    assert packed.dtype == jnp.dtype(dtype)
    assert packed.tolist() == np.concatenate([np.asarray(member).ravel() for member in members]).tolist()
print(len(jax.devices()))
"""


def test_members_in_pieces_and_on_other_devices_pack_too(tmp_path):
    flags = "--xla_force_host_platform_device_count=2"
    assert printed(SPREAD, tmp_path, XLA_FLAGS=flags, JAX_PLATFORMS="cpu").strip() == "2"


# ---------------------------------------------------------------- torch


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch")


def _tensor(torch, array):
    if array.dtype == jnp.bfloat16:
        return torch.from_numpy(array.astype("f")).bfloat16()
    return torch.from_numpy(array)


@pytest.mark.parametrize("dtype", TYPES)
def test_torch_members_pack_as_numpys_do(torch, dtype):
    members = _arrays(300, dtype)
    packed = _packed([_tensor(torch, member) for member in members])
    assert packed.dtype == jnp.dtype(dtype)
    np.testing.assert_array_equal(packed, _end_to_end(members))


@needs_library
@pytest.mark.parametrize("dtype", TYPES)
def test_no_python_is_run_a_tensor(torch, dtype):
    make = lambda n: [_tensor(torch, np.ones((2, 3), jnp.dtype(dtype))) for _ in range(n)]  # noqa: E731
    few, many = _taken(make, rd.Ragged.from_list)
    assert many - few <= _FEW


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tensors_lie_as_they_like(torch, dtype):
    whole = torch.arange(60.0).reshape(6, 10).to(getattr(torch, dtype))
    members = [whole[1:, ::3], whole.T, whole[:1].expand(4, 10), whole[:0], whole[:, 2:3], whole[::2, 4:]]
    expected = torch.cat([member.reshape(-1) for member in members]).float().numpy()
    np.testing.assert_array_equal(_packed(members).astype("f"), expected)
    scalars = [whole[i, i] for i in range(6)]
    assert _packed(scalars).tolist() == [0, 11, 22, 33, 44, 55]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_tensor_with_a_gradient_is_refused_by_its_number(torch, dtype):
    members = [torch.ones(2, 2, dtype=getattr(torch, dtype)) for _ in range(3)]
    members[1].requires_grad_()
    with pytest.raises(TypeError, match=r"member 1 of a Ragged cannot be read as a matrix: .*detach\(\)"):
        rd.Ragged.from_list(members)
    with pytest.raises(rd.RmmError, match=r"RMM706.*`As\[1\]` cannot be read.*detach"):
        rd.matmul(members, members)
    assert _packed([member.detach() for member in members]).tolist() == [1] * 12


def test_a_tensor_whose_sign_or_conjugate_is_pending_is_refused(torch):
    number = torch.complex(torch.ones(2, 2), torch.ones(2, 2))
    for pending in (number.conj(), number.conj().imag):
        with pytest.raises(TypeError, match=r"member 1 of a Ragged cannot be read as a matrix: .*resolve"):
            rd.Ragged.from_list([number, pending])
    assert _packed([number.conj().imag.resolve_neg()]).tolist() == [-1] * 4


def test_a_tensor_without_elements_to_see_is_refused(torch):
    for strange in (torch.ones(2, 2).to_sparse(), torch.ones(2, 2, device="meta")):
        with pytest.raises(
            TypeError, match="member 0 of a Ragged cannot be read as a matrix: cannot read this Tensor"
        ):
            rd.Ragged.from_list([strange, strange])


def test_several_kinds_in_one_list(torch):
    arrays = _arrays(40, "float32")
    kinds = (np.asarray, jnp.asarray, torch.from_numpy)
    members = [kinds[i % 3](array) for i, array in enumerate(arrays)] + [
        [[1.0, 2.0]],
        np.float32(3) * np.ones((1, 1)),
    ]
    expected = np.concatenate([_end_to_end(arrays), [1, 2, 3]])
    np.testing.assert_array_equal(_packed(members), expected)
    jitted = jax.jit(lambda x: rd.Ragged.from_list([x, *members]).data)(jnp.ones((2, 2), "f"))
    np.testing.assert_array_equal(np.asarray(jitted), np.concatenate([np.ones(4), expected]))
