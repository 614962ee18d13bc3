"""The options of a compilation are one set of names, wherever they are given."""

from __future__ import annotations

from dataclasses import fields

import pytest

import raggeddsl as rd
from raggeddsl.options import CompileOptions, Options, ReadingOptions

TEXT = "dim n = 2\ninput A : f32[n, n]\noutput Y = A @ A\n"


def test_keywords_are_the_fields_but_for_what_jax_is_asked():
    assert set(CompileOptions.__annotations__) == {field.name for field in fields(Options)} - {"x64"}
    assert set(ReadingOptions.__annotations__) < set(CompileOptions.__annotations__)


def test_all_that_compile_take_them(tmp_path):
    file = tmp_path / "net.rmm"
    file.write_text(TEXT)
    builder = rd.Builder()
    builder.output("Y", builder.input("A", shape=(2, 2)) @ builder.input("B", shape=(2, 2)))
    how = {"target": "fused", "kernel": "reference", "memory_limit": 1 << 20, "max_operations": 9}
    for program in (rd.compile(TEXT, **how), rd.compile_file(file, **how), builder.compile(**how)):
        assert {name: getattr(program.options, name) for name in how} == how
    assert rd.compile_file(file, dims={"n": 3}).inputs["A"].shape == (3, 3)
    assert rd.compile_file(file).options.folder == tmp_path


@pytest.mark.parametrize(
    ("call", "known"),
    [
        (lambda: rd.compile(TEXT, kernal="xla"), CompileOptions),
        (lambda: rd.check(TEXT, kernal="xla"), ReadingOptions),
        (lambda: rd.Builder().compile(kernal="xla"), CompileOptions),
    ],
    ids=["compile", "check", "Builder.compile"],
)
def test_an_option_that_there_is_not_is_refused(call, known):
    with pytest.raises(TypeError, match="no option `kernal`") as refusal:
        call()
    assert all(name in str(refusal.value) for name in known.__annotations__)
