"""Imports go one way: down the table of ARCHITECTURE.md, and nowhere in a circle of files.

Every import counts: inside functions, under `if TYPE_CHECKING`, and the names of modules that
`import_module` is given.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(file): file for file in sorted((ROOT / "raggeddsl").rglob("*.py"))}


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules of ours that a file names."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    submodule = f"{module}.{alias.name}"
                    yield submodule if submodule in FILES else module
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.Constant(value=str(word)) if word in FILES and "." in word:
                yield word


GRAPH = nx.DiGraph()
GRAPH.add_nodes_from(FILES)
GRAPH.add_edges_from(
    (module, named)
    for module, file in FILES.items()
    for named in imports(ast.parse(file.read_text(encoding="utf-8")))
    if named in FILES
)


def floors() -> list[list[str]]:
    """The rows of the table, the ground floor last."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text[text.index("| floor |") : text.index("A floor imports")]
    return [re.findall(r"`(\w+)`", row) for row in ROW.findall(table)]


def room(module: str) -> str:
    """The folder or the single file below `raggeddsl` that a module is in."""
    return module.split(".")[1] if "." in module else "__init__"


def test_every_folder_and_single_file_is_on_one_floor():
    listed = [name for floor in floors() for name in floor]
    assert sorted(listed) == sorted({room(module) for module in FILES})


def test_imports_go_down():
    height = {name: -number for number, floor in enumerate(floors()) for name in floor}
    up = [
        f"{module} imports {named}"
        for module, named in GRAPH.edges
        if room(module) != room(named) and height[room(named)] >= height[room(module)]
    ]
    assert up == []


def test_no_files_import_each_other_in_a_circle():
    circles = [sorted(files) for files in nx.strongly_connected_components(GRAPH) if len(files) > 1]
    assert circles == []


def test_no_relative_imports_hide_from_this():
    relative = [
        module
        for module, file in FILES.items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []
