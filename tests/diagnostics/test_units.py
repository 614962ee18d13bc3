"""Numbers for people: three significant digits, never an exponent, the right unit at every border."""

from __future__ import annotations

import pytest

from raggeddsl.diagnostics.units import bytes_text, count_text, digits, percent, range_text, seconds_text, si


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (0.0996, "0.100"), (0.5, "0.500"), (0.9996, "1.00"), (9.994, "9.99"),
     (9.996, "10.0"), (99.96, "100"), (1234.4, "1234")],
)  # fmt: skip
def test_three_significant_digits(value, text):
    assert digits(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (1024**2 - 1, "1.00 MiB"),
     (90 * 1024**2, "90.0 MiB"), (5 * 1024**4, "5.00 TiB"), (1 << 63, "8.00 EiB")],
)  # fmt: skip
def test_bytes_are_counted_in_powers_of_1024(count, text):
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("flop", "text"),
    [(0, "0 FLOP"), (999, "999 FLOP"), (1000, "1.00 kFLOP"), (999_900, "1.00 MFLOP"), (12.34e9, "12.3 GFLOP"),
     (2e27, "2000 YFLOP")],
)  # fmt: skip
def test_operations_are_counted_in_powers_of_1000(flop, text):
    assert si(flop, "FLOP") == text


def test_times_counts_ranges_and_shares():
    assert [seconds_text(s) for s in (8.5e-5, 0.0123, 0.9999, 75)] == ["85 µs", "12.3 ms", "1.00 s", "75.0 s"]
    assert count_text(1, "product") == "1 product"
    assert count_text(10_000, "matrix", "matrices") == "10,000 matrices"
    assert range_text(4, 4) == "4" and range_text(4, 9) == "4..9"
    assert [percent(p, 200) for p in (0, 0.1, 1, 75, 200)] == ["0%", "<1%", "<1%", "38%", "100%"]
    assert percent(0, 0) == "0%"
