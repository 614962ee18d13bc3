"""Numbers in, short text for people out: bytes, operations, seconds, counts, ratios and ranges."""

from __future__ import annotations

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DECIMAL = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")


def digits(value: float) -> str:
    """Three significant digits, never in exponent form: `0.123`, `1.23`, `12.3`, `123`, `1234`."""
    if value == 0:
        return "0"
    size = abs(value)
    for limit, places in ((0.0995, 4), (0.9995, 3), (9.995, 2), (99.95, 1)):
        if size < limit:
            return f"{value:.{places}f}"
    return f"{value:.0f}"


def bytes_text(count: float) -> str:
    """`0 B`, `512 B`, `1.50 KiB`, `89.9 MiB`: powers of 1024."""
    power = 0
    while power + 1 < len(_BINARY) and abs(count) >= 1023.5:
        count /= 1024
        power += 1
    return f"{int(count)} B" if power == 0 else f"{digits(count)} {_BINARY[power]}"


def si(count: float, unit: str) -> str:
    """`12.3 GFLOP`, `950 FLOP`: powers of 1000."""
    power = 0
    while power + 1 < len(_DECIMAL) and abs(count) >= 999.5:
        count /= 1000
        power += 1
    number = f"{count:.0f}" if power == 0 and count == int(count) else digits(count)
    return f"{number} {_DECIMAL[power]}{unit}"


def seconds_text(seconds: float) -> str:
    """`85 µs`, `12.3 ms`, `1.20 s`."""
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{digits(seconds * 1e3)} ms"
    return f"{digits(seconds)} s"


def count_text(count: int, noun: str, plural: str | None = None) -> str:
    """`1 product`, `10,000 products`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def range_text(low: int, high: int) -> str:
    """`64` or `64..2048`."""
    return str(low) if low == high else f"{low}..{high}"


def percent(part: float, whole: float) -> str:
    """`37%`, `<1%` for what is there but small, `0%` of nothing."""
    if whole <= 0 or part <= 0:
        return "0%"
    share = 100 * part / whole
    return "<1%" if share < 1 else f"{share:.0f}%"
