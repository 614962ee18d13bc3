"""The benchmark: named workloads timed against what else could be used."""
