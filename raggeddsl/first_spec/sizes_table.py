"""A CSV or JSON table with a row for each matrix in, names and shapes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.elaborate.tables.csv_table import CsvTable, read_csv
from raggeddsl.elaborate.tables.fault import SIZE_LIMIT, TableError
from raggeddsl.elaborate.tables.json_table import JsonTable, read_json
from raggeddsl.first_spec.array_info import ArrayInfo, refuse


def read_csv_table(path: Path, stream: IO[bytes]) -> list[ArrayInfo]:
    """The matrices of a CSV table, all f32; faults are placed at the cell."""
    return _read(path, stream, read_csv)


def read_json_table(path: Path, stream: IO[bytes]) -> list[ArrayInfo]:
    """The same of a JSON table."""
    return _read(path, stream, read_json)


def _read(path: Path, stream: IO[bytes], parse: Callable[[Source], CsvTable | JsonTable]) -> list[ArrayInfo]:
    content = stream.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        refuse(path, "RMM430", f"`{path}` has more than {SIZE_LIMIT} bytes", "keep only the columns of sizes")
    try:
        source = Source(str(path), content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        refuse(path, "RMM422", f"`{path}` is not UTF-8 text, from line {line} on", "save it as UTF-8")
    try:
        return _matrices(parse(source))
    except TableError as error:
        place = Span(0, 0) if error.span is None else error.span
        diagnostic = Diagnostic(error.code, "error", error.message, place, help=error.help, source=source)
        raise RmmError([diagnostic], source) from None


def _matrices(table: CsvTable | JsonTable) -> list[ArrayInfo]:
    for wanted in ("rows", "cols"):
        if wanted not in table.names:
            listed = ", ".join(f'"{name[:40]}"' for name in table.names[:8])
            help = f"its columns are {listed}; call those of the sizes rows and cols"
            raise TableError("RMM423", f'{table.source.name} has no column "{wanted}"', None, help)
    rows, cols = (table.numbers(name).tolist() for name in ("rows", "cols"))
    names = _names(table, len(rows)) if "name" in table.names else [f"row {k + 1}" for k in range(len(rows))]
    return [ArrayInfo(*row, "f32") for row in zip(names, zip(rows, cols, strict=True), strict=True)]


def _names(table: CsvTable | JsonTable, count: int) -> list[str]:
    if isinstance(table, JsonTable):
        cells: list[Any] = table.cells("name")
        return [str(cell) for cell in cells]
    column = table.names.index("name")
    places = zip(table.starts[:, column].tolist(), table.ends[:, column].tolist(), strict=True)
    return [_unquoted(table.source.text[start:end]) for start, end in places]


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    quoted = len(cell) >= 2 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if quoted else cell
