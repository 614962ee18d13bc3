"""Names, shapes and types come from headers alone, and every bad file gets a located error."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raggeddsl as rd
from raggeddsl.first_spec import ArrayInfo, list_arrays
from tests.first_spec.files import header, packed, safetensors

ARRAYS = {
    "a.weight": ("F32", (4, 3)),
    "b.bias": ("BF16", (7,)),
    "c": ("F8_E4M3", (2, 2)),
    "none": ("F32", (0, 5)),
}


def code(path: Path) -> str:
    with pytest.raises(rd.RmmError) as caught:
        list_arrays(path)
    (found,) = caught.value.diagnostics
    assert path.name in found.message
    assert found.span is not None and found.source is not None and found.source.name == str(path)
    return found.code


def test_a_safetensors_header(tmp_path):
    assert list_arrays(safetensors(tmp_path / "x.safetensors", ARRAYS)) == [
        ArrayInfo("a.weight", (4, 3), "f32"),
        ArrayInfo("b.bias", (7,), "bf16"),
        ArrayInfo("c", (2, 2), "f8_e4m3"),
        ArrayInfo("none", (0, 5), "f32"),
    ]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_headers_of_an_npz(tmp_path, save):
    save(
        tmp_path / "x.npz",
        W=np.ones((2, 3), np.float32),
        k=np.ones((1, 2, 3)),
        h=np.ones(2, ml_dtypes.bfloat16),
    )
    assert list_arrays(tmp_path / "x.npz") == [
        ArrayInfo("W", (2, 3), "f32"),
        ArrayInfo("k", (1, 2, 3), "f64"),
        ArrayInfo("h", (2,), "bf16"),
    ]


def test_the_header_of_an_npy(tmp_path):
    np.save(tmp_path / "weights.npy", np.asfortranarray(np.ones((2, 3), np.int8)))
    assert list_arrays(tmp_path / "weights.npy") == [ArrayInfo("weights", (2, 3), "i8")]


def test_a_pickled_array_is_seen_and_not_read(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    array = np.array([[Bomb()]], object)
    np.savez(tmp_path / "x.npz", W=array)
    assert list_arrays(tmp_path / "x.npz") == [ArrayInfo("W", (1, 1), "object")]
    (tmp_path / "y.npz").write_bytes(pickle.dumps(array))
    assert code(tmp_path / "y.npz") == "RMM431"


def test_tables_of_sizes(tmp_path):
    (tmp_path / "x.csv").write_text('rows,name,cols\n3,"a, ""b""",4\n5, c ,6\n')
    (tmp_path / "x.json").write_text('{"rows": [3], "cols": [4]}')
    (tmp_path / "y.json").write_text('[{"name": "a", "rows": 3, "cols": 4}]')
    assert list_arrays(tmp_path / "x.csv") == [
        ArrayInfo('a, "b"', (3, 4), "f32"),
        ArrayInfo("c", (5, 6), "f32"),
    ]
    assert list_arrays(tmp_path / "x.json") == [ArrayInfo("row 1", (3, 4), "f32")]
    assert list_arrays(tmp_path / "y.json") == [ArrayInfo("a", (3, 4), "f32")]


@pytest.mark.parametrize(
    ("text", "expected", "place"),
    [
        ("", "RMM422", (1, 1)),
        ("name,rows\na,1\n", "RMM423", (1, 1)),
        ("rows,cols\n1,2\n3,-4\n", "RMM424", (3, 3)),
        ("rows,cols\n1,2,3\n", "RMM422", (2, 1)),
    ],
)
def test_a_fault_in_a_table_is_at_its_cell(tmp_path, text, expected, place):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(rd.RmmError) as caught:
        list_arrays(path)
    (found,) = caught.value.diagnostics
    assert found.code == expected
    assert found.source is not None and found.span is not None
    assert found.source.position(found.span.start) == place


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"x")
    (tmp_path / "model.safetensors").write_bytes(packed({}, 0))
    (tmp_path / "latin.csv").write_bytes(b"rows,cols\n\xe9,1\n")
    (tmp_path / "folder.npz").mkdir()
    assert code(tmp_path / "net.pt") == "RMM430"
    assert code(tmp_path / "folder.npz") == "RMM430"
    assert code(tmp_path / "latin.csv") == "RMM422"
    assert code(tmp_path / "modle.safetensors") == "RMM430"
    with pytest.raises(rd.RmmError, match="did you mean"):
        list_arrays(tmp_path / "modle.safetensors")


def with_entry(**changes):
    head = header({"W": ("F32", (2, 3)), "V": ("F32", (1, 1))})
    head["W"] |= changes
    return packed(head, 28)


DAMAGED = {
    "empty": b"",
    "no header": b"\0" * 7,
    "a header beyond the file": (1000).to_bytes(8, "little") + b"{}",
    "a header of exabytes": b"\xff" * 8 + b"{}",
    "not JSON": packed(0, 0)[:8] + b"{",
    "not UTF-8": (2).to_bytes(8, "little") + b"\xff\xff",
    "a list": packed([], 0),
    "nested": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    "a huge number": (5007).to_bytes(8, "little") + b'{"W": ' + b"1" * 5000 + b"}",
    "twice": (14).to_bytes(8, "little") + b'{"W":1,"W":1} ',
    "an entry that is a number": packed({"W": 3}, 0),
    "no shape": packed({"W": {"dtype": "F32", "data_offsets": [0, 4]}}, 4),
    "a negative size": with_entry(shape=[-2, -3]),
    "a fractional size": with_entry(shape=[2.0, 3]),
    "a true size": with_entry(shape=[True, 6]),
    "another shape": with_entry(shape=[2, 4]),
    "three offsets": with_entry(data_offsets=[0, 4, 24]),
    "offsets backwards": with_entry(data_offsets=[24, 0]),
    "offsets that overlap": with_entry(data_offsets=[4, 28]),
    "a number for a dtype": with_entry(dtype=32),
    "too many axes": with_entry(shape=[1] * 1000),
    "data missing": packed(header({"W": ("F32", (2, 3))}), 20),
    "data left over": packed(header({"W": ("F32", (2, 3))}), 28),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_safetensors_file_is_refused(tmp_path, damage):
    (tmp_path / "x.safetensors").write_bytes(DAMAGED[damage])
    assert code(tmp_path / "x.safetensors") == "RMM431"


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, W=np.arange(6.0).reshape(2, 3), b=np.zeros(3, np.float32))
    return stream.getvalue()


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((2, 3)))
    return stream.getvalue()


WHOLE = {"x.npz": npz(), "x.npy": npy(), "x.safetensors": packed(header(ARRAYS), 66)}


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3L), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': " + b"(" * 3000,
        b"  1\n 2",
        b"x" * 20_000,
    ],
)
def test_a_damaged_header_of_numpy_is_refused(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "x.npy").write_bytes(content)
    if b"3L" in header:  # as Python 2 wrote it
        assert list_arrays(tmp_path / "x.npy") == [ArrayInfo("x", (2, 3), "f32")]
    else:
        assert code(tmp_path / "x.npy") == "RMM431"


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_bytes_do_anything_but_list_or_refuse(tmp_path, name, data):
    content = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    try:
        assert all(isinstance(one, ArrayInfo) for one in list_arrays(path))
    except rd.RmmError as error:
        assert error.diagnostics[0].code in ("RMM430", "RMM431")
