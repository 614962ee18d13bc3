"""keep_memory: large results are made of memory that the process has, not of fresh pages."""

from __future__ import annotations

import platform

import pytest

import raggeddsl as rd
from tests.processes import printed

CODE = """
import resource
import jax
import jax.numpy as jnp
import raggeddsl as rd

if {keep}:
    assert rd.keep_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

add = jax.jit(lambda x: x + 1)
x = jnp.ones(12_000_000)
found = []
for _ in range(20):
    before = faults()
    result = add(x).block_until_ready()
    found.append(faults() - before)
    del result
print(min(found))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_results_of_48_mb_cost_no_page_faults(tmp_path):
    pages = 48_000_000 // 4096
    assert int(printed(CODE.format(keep=False), tmp_path)) > pages // 2
    assert int(printed(CODE.format(keep=True), tmp_path)) < pages // 100


@pytest.mark.parametrize("limit", [-1, 1 << 31])
def test_a_limit_that_malloc_cannot_have_is_refused(limit):
    with pytest.raises(ValueError, match="2147483647 bytes, not"):
        rd.keep_memory(limit)


def test_a_limit_is_a_whole_number():
    with pytest.raises(TypeError):
        rd.keep_memory(1.5)
