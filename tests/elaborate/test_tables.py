"""Tables: every kind is read exactly, every fault is said at its place, nothing outside is touched."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.graph.graph import Graph
from raggeddsl.options import Options
from tests.graph.by_hand import built
from tests.steps import steps

SPEC = 'index i\ndim p[i], q[i] = table("{}")\ninput A[i] : f32[p[i], q[i]]\noutput Y[i] = A[i]\n'


def read(folder: Path, name: str, **options: object) -> tuple[Graph, list[Diagnostic]]:
    return built(SPEC.format(name), Options(folder=folder, **options))  # type: ignore[arg-type]


def shapes(graph: Graph) -> list[tuple[int, int]]:
    (key,) = graph.inputs
    return list(zip(graph.type(key).rows.tolist(), graph.type(key).cols.tolist(), strict=True))


CSV = {
    "plain": "p,q\n1,2\n3,4\n",
    "without a last newline": "p,q\n1,2\n3,4",
    "windows lines": "p,q\r\n1,2\r\n3,4\r\n",
    "a byte order mark": "\ufeffp,q\n1,2\n3,4\n",
    "quotes": 'p,"q"\n"1","2"\n3," 4"\n',
    "quoted commas and newlines elsewhere": 'note,p,q\n"a,""b""\nc",1,2\n,3,4\n',
    "blank lines": "\n\np,q\n\n1,2\n\n3,4\n\n\n",
    "spaces": " p , q\n 1 ,\t2\n3,4  \n",
    "columns in another order": "q,x,p\n2,no,1\n4,-,3\n",
    "other letters": "größe,p,q\nä,1,2\n☃,3,4\n",
    "leading zeros": "p,q\n01,002\n3,4\n",
}


@pytest.mark.parametrize("form", CSV)
def test_csv_is_read(form: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(CSV[form].encode())
    graph, found = read(tmp_path, "t.csv")
    assert found == []
    assert shapes(graph) == [(1, 2), (3, 4)]


def test_json_rows_and_columns_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"p": 1, "q": 2, "x": "y"}, {"p": 3, "q": 4}]))
    (tmp_path / "b.json").write_text(json.dumps({"p": [1, 3], "q": [2, 4], "x": [None, []]}))
    for name in ("a.json", "b.json"):
        graph, found = read(tmp_path, name)
        assert found == []
        assert shapes(graph) == [(1, 2), (3, 4)]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_npz_is_read(dtype: type, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "t.npz", p=np.array([1, 3], dtype), q=np.array([2, 4], dtype))
    graph, found = read(tmp_path, "t.npz")
    assert found == []
    assert shapes(graph) == [(1, 2), (3, 4)]


def test_a_table_without_rows_is_a_family_without_members(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("p,q\n")
    graph, found = read(tmp_path, "t.csv")
    assert found == []
    assert shapes(graph) == []


FAULTS = {
    "empty": ("", "RMM422", 1, 1),
    "only white space": ("\n \n", "RMM422", 1, 1),
    "a short row": ("p,q\n1,2\n3\n", "RMM422", 3, 1),
    "a long row": ("p,q\n1,2,3\n", "RMM422", 2, 1),
    "an open quote": ('p,q\n1,"2\n3,4\n', "RMM422", 2, 3),
    "two columns of one name": ("p,q,p\n1,2,3\n", "RMM423", 1, 5),
    "text": ("p,q\n1,2\nx,4\n", "RMM424", 3, 1),
    "a fraction": ("p,q\n1,2\n3,4.5\n", "RMM424", 3, 3),
    "a whole fraction": ("p,q\n1,2.0\n", "RMM424", 2, 3),
    "a negative": ("p,q\n1,2\n3,-4\n", "RMM424", 3, 3),
    "nothing": ("p,q\n1,\n", "RMM424", 2, 3),
    "a huge number": (f"p,q\n1,{2**63}\n", "RMM424", 2, 3),
    "an exponent": ("p,q\n1,1e3\n", "RMM424", 2, 3),
    "other digits": ("p,q\n1,٣\n", "RMM424", 2, 3),
    "after other letters": ("ß,p,q\nää,1,x\n", "RMM424", 2, 6),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_csv_is_said_at_its_line_and_column(fault: str, tmp_path: Path) -> None:
    text, code, line, column = FAULTS[fault]
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    _, found = read(tmp_path, "t.csv")
    first = found[0]
    assert first.code == code
    assert first.source is not None and first.span is not None
    assert first.source.name == "t.csv"
    assert first.source.position(first.span.start) == (line, column)
    assert first.labels[0].source is not first.source
    assert first.help


JSON_FAULTS = {
    "no json": ('{"p": [1,]}', "RMM422", "]"),
    "a row without a key": ('[{"p": 1, "q": 1}, {"q": 2}]', "RMM422", '{"q": 2}'),
    "a fraction": ('[{"p": 1, "q": 1}, {"q": 2, "p": 2.5}]', "RMM424", "2.5"),
    "a text in a list": ('{"x": [[{}], 2, 3], "q": [1, 2, 3], "p": [1, "2", 3]}', "RMM424", '"2"'),
    "a truth": ('{"p": [true], "q": [1]}', "RMM424", "true"),
    "a huge number": ('{"p": [9223372036854775808], "q": [1]}', "RMM424", "9223372036854775808"),
}


@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_a_fault_in_a_json_is_said_at_its_place(fault: str, tmp_path: Path) -> None:
    text, code, place = JSON_FAULTS[fault]
    (tmp_path / "t.json").write_text(text)
    _, found = read(tmp_path, "t.json")
    assert found[0].code == code
    assert found[0].source is not None and found[0].span is not None
    assert found[0].source.text[found[0].span.start : found[0].span.end] == place


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "RMM422"),
        ("3", "RMM422"),
        ('{"p": 3, "q": [3]}', "RMM422"),
        ('{"p": [3], "q": [3, 4]}', "RMM422"),
        ('{"p": [3], "q": [3], "p": [4]}', "RMM423"),
        ('{"p": [3]}', "RMM423"),
        ("[]", "RMM423"),
        ("[" * 100_000, "RMM422"),
        ('{"p": [' + "9" * 5000 + '], "q": [1]}', "RMM422"),
    ],
)
def test_json_of_another_form_is_refused(text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    assert read(tmp_path, "t.json")[1][0].code == code


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


GOOD = _npz(p=np.array([1, 2]), q=np.array([1, 2]))


def _cut_header() -> bytes:
    """An archive whose one array has a header that Python's tokenizer does not get through."""
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,)"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("p.npy", "q.npy"):
            archive.writestr(name, b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "RMM422"),
        (_cut_header(), "RMM422"),
        (b"PK\x03\x04 but no archive", "RMM422"),
        (GOOD[: len(GOOD) // 2], "RMM422"),
        (GOOD.replace(b"NUMPY", b"NUMPX"), "RMM422"),
        (_npz(p=np.array([1, "x"], object), q=np.array([1, 2])), "RMM422"),
        (_npz(p=np.array([[1, 2]]), q=np.array([1, 2])), "RMM424"),
        (_npz(p=np.array([1.0, 2.0]), q=np.array([1, 2])), "RMM424"),
        (_npz(p=np.array([1, -2]), q=np.array([1, 2])), "RMM424"),
        (_npz(p=np.array([1, 2**63], np.uint64), q=np.array([1, 2])), "RMM424"),
        (_npz(q=np.array([1, 2])), "RMM423"),
    ],
)
def test_a_faulty_npz_is_refused_and_never_unpickled(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_bytes(content)
    found = read(tmp_path, "t.npz")[1]
    assert found[0].code == code
    assert found[0].span is not None


def test_an_npz_that_would_unpack_to_too_much_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "t.npz", p=np.zeros(2**25 + 1, np.int64), q=np.zeros(1, np.int64))
    tracemalloc.start()
    try:
        assert read(tmp_path, "t.npz")[1][0].code == "RMM420"
        assert tracemalloc.get_traced_memory()[1] < 2**24, "it is refused before it is unpacked"
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", ["../t.csv", "a/../../t.csv", "/etc/t.csv", "C:\\\\t.csv", "..\\\\t.csv"])
def test_a_table_outside_the_folder_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("p,q\n1,2\n")
    (tmp_path / "a").mkdir()
    assert [one.code for one in read(tmp_path / "a", path)[1]] == ["RMM421"]


def test_a_link_to_outside_is_refused_and_one_to_inside_is_not(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "t.csv").write_text("p,q\n1,2\n")
    (inside / "t.csv").write_text("p,q\n1,2\n")
    (inside / "out.csv").symlink_to(tmp_path / "t.csv")
    (inside / "in.csv").symlink_to(inside / "t.csv")
    (inside / "folder").symlink_to(tmp_path)
    assert read(inside, "in.csv")[1] == []
    assert read(inside, "out.csv")[1][0].code == "RMM421"
    assert read(inside, "folder/t.csv")[1][0].code == "RMM421"


def test_tables_anywhere_lifts_the_rule(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("p,q\n1,2\n")
    (tmp_path / "a").mkdir()
    assert read(tmp_path / "a", "../t.csv", tables_anywhere=True)[1] == []
    assert read(tmp_path / "a", str(tmp_path / "t.csv"), tables_anywhere=True)[1] == []


def test_a_text_without_a_folder_reads_no_tables() -> None:
    found = built(SPEC.format("t.csv"), Options())[1]
    assert {one.code for one in found} == {"RMM421"}


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "t.txt").write_text("p,q\n")
    (tmp_path / "binary.csv").write_bytes(b"p,q\n\xff\xfe,2\n")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2**28 + 1)
    wanted = {"none.csv": "RMM420", "folder.csv": "RMM420", "t.txt": "RMM420", "huge.csv": "RMM420"}
    for name, code in {**wanted, "binary.csv": "RMM422"}.items():
        found = read(tmp_path, name)[1]
        assert found[0].code == code and found[0].help, name


def test_a_misspelt_table_or_column_gets_a_likely_one(tmp_path: Path) -> None:
    (tmp_path / "sizes.csv").write_text("p,rows\n1,2\n")
    assert read(tmp_path, "sises.csv")[1][0].help == "did you mean `sizes.csv`?"
    spec = SPEC.format("sizes.csv").replace('")', '", q="row")')
    found = built(spec, Options(folder=tmp_path))[1]
    assert found[0].code == "RMM423" and "did you mean `rows`?" in (found[0].help or "")


def test_a_broken_table_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("p,q\n1\n")
    assert len(read(tmp_path, "t.csv")[1]) == 1


def test_a_million_rows_are_read_in_no_more_steps_than_ten(tmp_path: Path) -> None:
    def reading(rows: int) -> int:
        lines = [f"w{k},{k % 500},{k % 300}" for k in range(rows)]
        (tmp_path / "t.csv").write_text("name,p,q\n" + "\n".join(lines) + "\n")
        results: list[tuple[Graph, list[Diagnostic]]] = []
        taken = steps(lambda: results.append(read(tmp_path, "t.csv")))
        ((graph, found),) = results
        assert found == []
        assert (graph.type(graph.inputs[0]).rows == np.arange(rows) % 500).all()
        return taken

    assert reading(1_000_000) < 1.5 * reading(10)
