"""Tables of sizes and index maps: CSV, JSON and NPZ files that a spec names."""

from raggeddsl.elaborate.tables.read import TableColumn, Tables

__all__ = ["TableColumn", "Tables"]
