"""What cannot be read as a spec is refused with its own code, at its place."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.render import render
from raggeddsl.language.parse import LARGEST_SOURCE
from raggeddsl.language.read import decode, read_source


def refused(path: Path | str) -> Diagnostic:
    with pytest.raises(RmmError) as raised:
        read_source(path)
    (found,) = raised.value.diagnostics
    assert found.help and found.source is not None and found.source.name == str(path)
    assert render([found], source=None)
    return found


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.rmm").write_bytes("Y = A\r\n# é\n".encode())
    source = read_source(tmp_path / "a.rmm")
    assert (source.name, source.text) == (str(tmp_path / "a.rmm"), "Y = A\r\n# é\n")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.rmm").write_bytes(b"\xef\xbb\xbfY = A\n")
    assert read_source(tmp_path / "a.rmm").text == "Y = A\n"


def test_standard_input_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"Y = A\n")))
    source = read_source("-")
    assert (source.name, source.text) == ("<stdin>", "Y = A\n")


def test_a_missing_file_gets_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "model.rmm").write_text("Y = A")
    found = refused(tmp_path / "modle.rmm")
    assert found.code == "RMM120" and "model.rmm" in (found.help or "")
    assert refused(tmp_path / "nowhere" / "x.rmm").code == "RMM120"
    assert "check the path" in (refused(tmp_path / "uno.rmm").help or ""), "suffixes alone are no likeness"


def test_an_empty_path_names_no_folder() -> None:
    found = refused("")
    assert found.code == "RMM120" and "is empty" in found.message


def test_without_standard_input_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(RmmError, match=r"RMM122.*there is no standard input"):
        read_source("-")


def test_utf16_is_called_so(tmp_path: Path) -> None:
    for coding in ("utf-16-le", "utf-16-be"):
        (tmp_path / "a.rmm").write_bytes(("\ufeffY = A" + chr(10)).encode(coding))
        found = refused(tmp_path / "a.rmm")
        assert (
            found.code == "RMM123" and "UTF-16" in found.message and "iconv -f utf-16" in (found.help or "")
        )


def test_a_folder_is_no_spec(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "RMM121"


def test_an_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.rmm").write_text("Y = A")
    monkeypatch.setattr(Path, "open", deny)  # root may read everything, so the refusal is simulated
    found = refused(tmp_path / "a.rmm")
    assert found.code == "RMM122" and "permission denied" in found.message


def test_a_name_that_no_file_can_have_is_unreadable() -> None:
    with pytest.raises(RmmError, match="RMM122"):
        read_source("a\0b.rmm")


def test_what_is_not_utf8_is_placed(tmp_path: Path) -> None:
    (tmp_path / "a.rmm").write_bytes(b"Y = A\n# caf\xe9\n")
    found = refused(tmp_path / "a.rmm")
    assert found.code == "RMM123" and "0xe9" in found.message
    assert found.source is not None and found.span is not None
    assert found.source.position(found.span.start) == (2, 6)


def test_a_binary_file_is_no_spec(tmp_path: Path) -> None:
    (tmp_path / "a.rmm").write_bytes(bytes(range(256)))
    assert refused(tmp_path / "a.rmm").code == "RMM124"


def test_a_text_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.rmm").open("wb") as file:
        file.truncate(LARGEST_SOURCE + 1)
    assert refused(tmp_path / "a.rmm").code == "RMM125"
    with pytest.raises(RmmError, match="RMM125"):
        decode(b"#" * (LARGEST_SOURCE + 1), "<stdin>")
