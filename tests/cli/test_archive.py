"""`.npz` files: what is written is read back; what is damaged, pickled or ambiguous is refused by name."""

import io
import pickle
import zipfile

import ml_dtypes
import numpy as np
import pytest

from raggeddsl.cli.archive import read_arrays, write_arrays
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.ragged import Ragged

A = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((4, 3), np.float32)]
W = np.eye(3, dtype=np.float32)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def refused(path, families=("A",)):
    with pytest.raises(RmmError) as caught:
        read_arrays(path, {}, set(families))
    (found,) = caught.value.diagnostics
    assert str(path) in found.message, "the file is named"
    return found


def same(got, wanted):
    return len(got) == len(wanted) and all(np.array_equal(g, w) for g, w in zip(got, wanted, strict=True))


@pytest.mark.parametrize("packed", [False, True])
def test_results_are_read_back_as_inputs(tmp_path, packed):
    scalars = [np.float32(2), np.float32(3)]
    results = {"A": Ragged.from_list(A), "W": W, "s": Ragged.from_list(scalars), "file": W}
    path = tmp_path / "out.npz"
    with path.open("wb") as stream:
        write_arrays(stream, results, packed)
    got = read_arrays(path, {}, {"A", "s"})
    assert set(got) == set(results)
    assert same(got["A"], A)
    assert same(got["s"], scalars)
    assert got["s"][0].shape == ()
    assert np.array_equal(got["W"], W)
    with np.load(path, allow_pickle=False) as plain:
        assert ("A.data" if packed else "A[1]") in plain, "NumPy reads it too"


def test_equal_results_give_equal_bytes():
    first, second = io.BytesIO(), io.BytesIO()
    for stream in (first, second):
        write_arrays(stream, {"A": Ragged.from_list(A)})
    assert first.getvalue() == second.getvalue()


def test_a_family_may_be_members_packed_or_stacked(tmp_path):
    members = save(tmp_path / "m.npz", **{"A[1]": A[1], "A[0]": A[0]})
    data = np.concatenate([a.ravel() for a in A])
    packed = save(tmp_path / "p.npz", **{"A.data": data, "A.shapes": np.array([a.shape for a in A])})
    stacked = save(tmp_path / "s.npz", A=np.stack([W, 2 * W]))
    assert same(read_arrays(members, {}, {"A"})["A"], A)
    assert same(read_arrays(packed, {}, {"A"})["A"], A)
    assert same(read_arrays(stacked, {}, {"A"})["A"], [W, 2 * W])


def test_column_major_arrays_and_bf16_keep_their_values(tmp_path):
    columns_first = np.asfortranarray(A[0])
    narrow = A[0].astype(ml_dtypes.bfloat16)
    path = save(tmp_path / "x.npz", W=columns_first, N=narrow)
    got = read_arrays(path, {"W": A[0].dtype, "N": narrow.dtype}, set())
    assert np.array_equal(got["W"], A[0])
    assert got["N"].dtype == ml_dtypes.bfloat16
    assert np.array_equal(got["N"], narrow)


def test_a_pickled_array_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    inside = tmp_path / "objects.npz"
    np.savez(inside, A=np.array([Bomb()], dtype=object))
    whole = tmp_path / "whole.npz"
    whole.write_bytes(pickle.dumps({"A": Bomb()}))
    (tmp_path / "exploded").unlink(missing_ok=True)
    assert refused(inside).code == "RMM721"
    assert refused(whole).code == "RMM721"
    assert not (tmp_path / "exploded").exists()


def test_every_way_to_cut_a_file_short_is_refused(tmp_path):
    whole = save(tmp_path / "whole.npz", W=W).read_bytes()
    path = tmp_path / "cut.npz"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert refused(path).code == "RMM720"


def test_a_changed_byte_never_gives_other_numbers(tmp_path):
    whole = save(tmp_path / "whole.npz", W=W).read_bytes()
    path = tmp_path / "changed.npz"
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        path.write_bytes(changed)
        try:
            got = read_arrays(path, {}, set())
        except RmmError as error:
            assert str(path) in error.diagnostics[0].message
        else:
            assert all(np.array_equal(array, W) for array in got.values())


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path):
    path = tmp_path / "huge.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**9)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W.npy", header.getvalue() + b"\0" * 16)
    assert "cut short" in refused(path).message


def test_a_header_that_is_cut_short_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert "not a NumPy array" in refused(path).message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an .npz"),
        (b"name,rows\n", "not an .npz"),
        (b"PK\x03\x04 and nothing more", "damaged or cut short"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, content, said):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    found = refused(path)
    assert found.code == "RMM720"
    assert said in found.message


def test_a_single_array_a_folder_and_a_missing_file_are_refused(tmp_path):
    np.save(tmp_path / "one.npy", W)
    assert "single `.npy` array" in refused(tmp_path / "one.npy").message
    assert refused(tmp_path).code == "RMM720"
    assert "No such file" in refused(tmp_path / "none.npz").message


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"A[0]": W, "A[2]": W}, "no `A[1]`"),
        ({"A[0]": W, "A": np.stack([W])}, "more than one form"),
        ({"A.data": np.ones(4)}, "without `A.shapes`"),
        ({"A.shapes": np.array([[2, 2]])}, "without `A.data`"),
        ({"A.data": np.ones(5), "A.shapes": np.array([[2, 2]])}, "ask for 4 elements, its data has 5"),
        ({"A.data": np.ones(4), "A.shapes": np.array([[-2, -2]])}, "ask for 4 elements"),
        ({"A.data": np.ones(4), "A.shapes": np.array([[2.0, 2.0]])}, "wrong form"),
        ({"A.data": np.ones((2, 2)), "A.shapes": np.array([[2, 2]])}, "wrong form"),
    ],
)
def test_a_family_that_is_not_whole_is_refused(tmp_path, arrays, said):
    found = refused(save(tmp_path / "x.npz", **arrays))
    assert found.code == "RMM722"
    assert said in found.message
    assert found.help
