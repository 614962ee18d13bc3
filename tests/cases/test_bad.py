"""Each spec in `bad/` gets the code in its name, and the transcript beside it, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from raggeddsl.api import check
from raggeddsl.diagnostics.render import render
from raggeddsl.language.read import read_source

BAD = Path(__file__).parent / "bad"
GOOD = Path(__file__).parent / "good"


@pytest.mark.parametrize("spec", sorted(BAD.glob("*.rmm")), ids=lambda path: path.stem)
def test_a_bad_spec_gets_its_code_and_transcript(spec: Path, golden) -> None:
    source = read_source(spec)
    found = check(source.text, name=spec.name, folder=BAD)
    assert spec.name[:6] in {one.code for one in found}
    golden(spec.with_suffix(".expected"), render(found, source=None) + "\n")


@pytest.mark.parametrize("transcript", sorted(BAD.glob("*.expected")), ids=lambda path: path.stem)
def test_no_transcript_is_left_over(transcript: Path) -> None:
    assert transcript.with_suffix(".rmm").exists()


@pytest.mark.parametrize("spec", sorted(GOOD.glob("*.rmm")), ids=lambda path: path.stem)
def test_a_good_spec_checks_clean(spec: Path) -> None:
    assert check(read_source(spec).text, name=spec.name, folder=GOOD) == []
