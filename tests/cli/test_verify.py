"""`run --verify` gives the same verdict whatever the processor: XLA is told which instructions it may use."""

from pathlib import Path

import pytest

GRAM = Path(__file__).parents[2] / "examples" / "resnet50" / "gram.rmm"
LONG = "input X : f32[200, 4608]\noutput G = X @ X.T\n"
"""As long a sum as the example has; an AVX2 processor adds it in one sequence."""


@pytest.mark.parametrize("isa", ["SSE4_2", "AVX2", "AVX512"])
@pytest.mark.parametrize("how", [("--target", "dispatch"), ("--kernel", "xla")])
def test_long_sums_are_verified_on_any_processor(process, how, isa):
    flags = {"XLA_FLAGS": f"--xla_cpu_max_isa={isa}"}
    done = process("run", "-", "--random", "0", "--verify", *how, stdin=LONG, env=flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified: the only member agrees" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("isa", ["SSE4_2", "AVX2", "AVX512"])
def test_the_example_is_verified_on_any_processor(process, isa):
    words = ("run", GRAM, "--random", "0", "--verify", "--repeat", "1", "--target", "dispatch")
    done = process(*words, env={"XLA_FLAGS": f"--xla_cpu_max_isa={isa}"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified: all 54 members agree" in done.stdout
