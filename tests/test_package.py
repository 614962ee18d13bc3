"""The pure wheel holds the grammar and runs outside the checkout; what needs no jax does not import it."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import raggeddsl
from tests.processes import environment

ROOT = Path(__file__).parents[1]
SPEC = "index i in 2\ndim m[i] = [2, 3]\ninput A[i] : f32[m[i], 4]\noutput G[i] = A[i] @ A[i].T\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The pure wheel of this checkout, built with the backend that is installed (no index is asked)."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "-x",
        "--outdir",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run(command, env=os.environ | {"RAGGEDDSL_PURE": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_fits_every_platform_and_holds_the_grammar(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "raggeddsl/py.typed" in names
    for file in (ROOT / "grammar").glob("*.*"):
        packed = zipfile.ZipFile(wheel).read(f"raggeddsl/grammar/{file.name}")
        assert packed == file.read_bytes()
    for page in (ROOT / "raggeddsl/diagnostics/codes").glob("*.md"):
        assert f"raggeddsl/diagnostics/codes/{page.name}" in names
    assert not [name for name in names if name.startswith(("tests/", "examples/")) or "__pycache__" in name]


def test_the_installed_wheel_runs_outside_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    away = tmp_path / "away"
    away.mkdir()
    (away / "gram.rmm").write_text(SPEC)
    env = os.environ | {"PYTHONPATH": str(site)}

    def said(*command):
        return subprocess.run(command, cwd=away, env=env, capture_output=True, text=True, check=True).stdout

    where = said(sys.executable, "-c", "import raggeddsl; print(raggeddsl.__file__)")
    assert Path(where.strip()).is_relative_to(site)
    script = str(site / "bin" / "raggeddsl")
    assert "no errors" in said(script, "check", "gram.rmm")
    assert "verified: all 2 members agree" in said(
        script, "run", "gram.rmm", "--random", "0", "--verify", "--repeat", "1"
    )
    assert "RMM301" in said(script, "explain", "RMM301")


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert raggeddsl.__version__ == project["version"]


def test_nothing_that_is_exported_is_missing():
    missing = [name for name in raggeddsl.__all__ if not hasattr(raggeddsl, name)]
    assert missing == []


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import raggeddsl", ["jax", "lark", "networkx"]),
        ("from raggeddsl.cli import main; main(['check', 'gram.rmm'])", ["jax", "scipy"]),
        ("from raggeddsl.cli import main; main(['fmt', 'gram.rmm'])", ["jax", "networkx"]),
        ("from raggeddsl.cli import main; main(['explain', 'RMM301'])", ["jax", "lark", "networkx"]),
    ],
)
def test_what_needs_no_jax_does_not_import_it(code, unwanted, tmp_path):
    (tmp_path / "gram.rmm").write_text(SPEC)
    program = f"import sys; {code}; print(sorted(set(sys.modules) & set({unwanted!r})), file=sys.stderr)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
