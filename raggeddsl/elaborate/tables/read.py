"""Reads the tables that a spec names: a path and a column in, whole numbers ≥ 0 out, once a run.

CSV, JSON and NPZ.  A table is data from elsewhere: it may not lie outside the spec's folder, is
bounded in size, and every fault in it is reported at its row and column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.diagnostics.suggest import did_you_mean, suggest
from raggeddsl.elaborate.tables.fault import SIZE_LIMIT, TableError
from raggeddsl.language import ast
from raggeddsl.options import Options


class Table(Protocol):
    """A table that has been read; `source` is None where it is no text (NPZ)."""

    @property
    def source(self) -> Source | None:
        """The text of the table."""

    @property
    def names(self) -> list[str]:
        """The columns, in order."""

    def numbers(self, name: str) -> np.ndarray:
        """Column `name` as int64[rows]; raises `TableError` at the first cell that is no size."""

    def span(self, name: str, row: int) -> Span | None:
        """Where the cell stands in the text of the table."""


@dataclass(frozen=True, eq=False)
class TableColumn:
    """One column of sizes or members, int64[rows], and where each of its cells stands."""

    path: str
    name: str
    values: np.ndarray
    table: Table

    def label(self, row: int, message: str) -> Label | None:
        """A remark at one cell, or None where the table is no text."""
        span = self.table.span(self.name, row)
        return None if span is None else Label(span, message, self.table.source)

    def cell(self, row: int) -> str:
        """The cell in words, for tables that are no text."""
        return f'row {row} of column "{self.name}" in {self.path}'


@dataclass(eq=False)
class Tables:
    """The tables of one run: each file is read once, and a broken one is reported once."""

    options: Options
    diagnostics: Diagnostics
    spec: Source
    read: dict[Path, Table | None] = field(default_factory=dict)
    columns: dict[tuple[Path, str], TableColumn | None] = field(default_factory=dict)

    def column(self, path: ast.Text, name: str, name_span: Span) -> TableColumn | None:
        """The column `name` of the table at `path`, or None after reporting what is wrong at `name_span`."""
        try:
            file = self._find(path.value)
        except TableError as error:
            self._report(error, path.span, None)
            return None
        if (file, name) not in self.columns:
            self.columns[file, name] = self._column(file, path, name, name_span)
        return self.columns[file, name]

    def _column(self, file: Path, path: ast.Text, name: str, name_span: Span) -> TableColumn | None:
        shown = self._shown(path.value)
        if file not in self.read:
            self.read[file] = self._read(file, shown, path.span)
        table = self.read[file]
        if table is None:
            return None
        if name not in table.names:
            help = _column_help(table, name, name_span)
            self.diagnostics.error("RMM423", f'{shown} has no column "{name}"', name_span, help=help)
            return None
        try:
            return TableColumn(shown, name, table.numbers(name), table)
        except TableError as error:
            self._report(error, name_span, table.source)
            return None

    def _read(self, file: Path, shown: str, span: Span) -> Table | None:
        from raggeddsl.elaborate.tables.csv_table import read_csv
        from raggeddsl.elaborate.tables.json_table import read_json
        from raggeddsl.elaborate.tables.npz_table import read_npz

        readers: dict[str, Callable[[Source], Table]] = {".csv": read_csv, ".json": read_json}
        source = None
        try:
            content = _bytes(file, shown)
            if file.suffix.lower() == ".npz":
                return read_npz(content, shown)
            reader = readers.get(file.suffix.lower())
            if reader is None:
                message = f"{shown} is not a kind of table that can be read"
                raise TableError("RMM420", message, None, "use .csv, .json or .npz")
            source = Source(shown, _decode(content, shown))
            return reader(source)
        except TableError as error:
            self._report(error, span, source)
            return None

    def _find(self, path: str) -> Path:
        """The file that a spec's `path` means, links followed; raises `TableError` if it may not be read."""
        if not path or "\0" in path:
            raise TableError("RMM420", "the path of a table is empty", None, 'write `table("name.csv")`')
        folder = self.options.folder
        if self.options.tables_anywhere:
            return ((folder or Path.cwd()) / path).resolve()
        if folder is None:
            raise TableError(
                "RMM421",
                f'no table can be read here, so "{path}" cannot',
                None,
                "this text has no folder: compile a file, or give the folder that tables are in",
            )
        absolute = PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor
        if absolute or ".." in PureWindowsPath(path).parts:
            word = "is an absolute path" if absolute else "leaves the folder of the spec by `..`"
            raise TableError("RMM421", f'the table "{path}" {word}', None, _INSIDE)
        file = (folder / path).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise TableError(
                "RMM421", f'the table "{path}" is a link to outside the folder of the spec', None, _INSIDE
            )
        return file

    def _shown(self, path: str) -> str:
        """The path for people: beside the spec as the spec itself was named."""
        if self.spec.name.startswith("<") or Path(path).is_absolute():
            return path
        return str(Path(self.spec.name).parent / path)

    def _report(self, error: TableError, span: Span, source: Source | None) -> None:
        if error.span is None or source is None:
            fixes = [] if error.near is None else [Fix(span, self._beside(span, error.near))]
            self.diagnostics.error(error.code, error.message, span, help=error.help, fixes=fixes)
            return
        label = Label(span, "read here", self.spec)
        self.diagnostics.error(
            error.code, error.message, error.span, labels=[label], help=error.help, source=source
        )

    def _beside(self, span: Span, name: str) -> str:
        """The string literal at `span`, a path, with another file's name in its last place."""
        folder, slash, _ = self.spec.text[span.start + 1 : span.end - 1].rpartition("/")
        return f'"{folder}{slash}{name}"'


_INSIDE = "put the table beside the spec, or allow tables anywhere when you compile"


def _column_help(table: Table, name: str, span: Span) -> str:
    if not table.names:
        return "the table has no columns"
    listed = ", ".join(f'"{known}"' for known in table.names[:8])
    more = "" if len(table.names) <= 8 else f" and {len(table.names) - 8} more"
    if len(table.names) == 1 and any(sign in table.names[0] for sign in ";\t|"):
        return f"columns are separated by commas; the only column is {listed}"
    near = did_you_mean(name, table.names)
    by_default = span.end - span.start == len(name)  # a name as such, not a text in quotes
    choose = f'; choose one with `{name}="..."`' if by_default else ""
    return f"{near + ' ' if near else ''}its columns are {listed}{more}{choose}"


def _bytes(file: Path, shown: str) -> bytes:
    try:
        if file.is_dir():
            raise TableError("RMM420", f"{shown} is a folder, not a table", None, "name a file in it")
        if not file.exists():
            near = _nearby(file)
            help = f"did you mean `{near}`?" if near else "paths are relative to the folder of the spec"
            plain = near if near and not set(near) & {'"', "\\"} else None
            raise TableError("RMM420", f"there is no table {shown}", None, help, plain)
        if not file.is_file():
            raise TableError("RMM420", f"{shown} is not a plain file", None, "copy the table into a file")
        size = file.stat().st_size
        if size > SIZE_LIMIT:
            raise TableError(
                "RMM420",
                f"{shown} has {size} bytes; a table may have {SIZE_LIMIT}",
                None,
                "keep only the columns that the spec uses, or save it as .npz",
            )
        return file.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise TableError("RMM420", f"{shown} cannot be read: {why}", None, "check its permissions") from error


def _nearby(file: Path) -> str | None:
    """The name in the same folder that is nearest to that of `file`, or None."""
    try:
        names = [entry.name for entry, _ in zip(file.parent.iterdir(), range(1000), strict=False)]
    except OSError:
        return None
    return suggest(file.name, names)


def _decode(content: bytes, shown: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(
            "RMM422", f"{shown} is not UTF-8 text, from line {line} on", None, "save the table as UTF-8"
        ) from error
