"""A function that calls a program, compiled and taken to another process: by JAX's cache, or serialized."""

from __future__ import annotations

import json

import pytest

from tests.processes import printed

MADE = """
import json, pathlib, pickle
import jax, jax.numpy as jnp, raggeddsl as rd
from jax.experimental import serialize_executable
from raggeddsl.native.library import register
register()
counts = {"requests": 0, "hits": 0}
def listen(event, **_):
    counts["requests"] += event == "/jax/compilation_cache/compile_requests_use_cache"
    counts["hits"] += event == "/jax/compilation_cache/cache_hits"
jax.monitoring.register_event_listener(listen)
text = "input A : f32[5, 7]\\ninput B : f32[7, 3]\\noutput Y = A @ B\\noutput Z = A @ B @ B.T"
def made():
    program = rd.compile(text, kernel="native")
    def loss(a, b):
        return sum((y**2).sum() for y in program({"A": a, "B": b}).values())
    return jax.jit(jax.grad(loss, argnums=1))
given = jnp.arange(35.0).reshape(5, 7) / 100, jnp.arange(21.0).reshape(7, 3) / 100
file = pathlib.Path("moved")
"""


def test_the_persistent_cache_knows_it(tmp_path):
    code = MADE + "print(json.dumps([made()(*given).tolist(), counts]))"
    options = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    (value, first), (again, second) = (json.loads(printed(code, tmp_path, **options)) for _ in range(2))
    assert value == again
    assert first["requests"] > 0 == first["hits"]
    assert second["hits"] == second["requests"] == first["requests"]


SERIALIZE = """
file.write_bytes(pickle.dumps(serialize_executable.serialize(made().lower(*given).compile())))
print(made()(*given))
"""
LOAD = """
moved = serialize_executable.deserialize_and_load(*pickle.loads(file.read_bytes()))
try:
    print(moved(*given))
except Exception as error:
    print(error)
"""


def test_a_serialized_executable_without_its_tables_says_what_to_do(tmp_path):
    printed(MADE + SERIALIZE, tmp_path)
    said = printed(MADE + LOAD, tmp_path)
    assert "no table of the name" in said and "lower its function there first" in said


def test_a_serialized_executable_runs_where_its_function_was_lowered(tmp_path):
    wanted = printed(MADE + SERIALIZE, tmp_path)
    assert printed(MADE + "made().lower(*given)" + LOAD, tmp_path) == wanted


@pytest.mark.parametrize("where", ["compiled", "loaded"])
def test_a_serialized_executable_may_contain_its_tables(where, tmp_path):
    """It is compiled with them, or has none: where it is loaded the setting changes nothing."""
    embedding = {"RAGGEDDSL_EMBED_TABLES": "1"}
    wanted = printed(MADE + SERIALIZE, tmp_path, **(embedding if where == "compiled" else {}))
    found = printed(MADE + LOAD, tmp_path, **(embedding if where == "loaded" else {}))
    assert (found == wanted) if where == "compiled" else "no table of the name" in found
