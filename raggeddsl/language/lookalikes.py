"""A character that only looks like one of the language's in, the one that was meant out."""

# ruff: noqa: RUF001, RUF002  (what looks alike is the point here)
from __future__ import annotations

import unicodedata

LOOK_ALIKES = {
    "×": "*", "·": "*", "⋅": "*", "∗": "*", "⨯": "*", "∙": "*", "•": "*", "⊙": "*",
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "ᵀ": ".T", "⊤": ".T", "ᵗ": ".T",
    "≔": "=", "←": "=", "≡": "==", "÷": "//", "∕": "//", "∈": "in", "∑": "sum",
}  # fmt: skip


def look_alike(sign: str) -> str | None:
    """What was meant by `sign`, or None: `×` is `*`, a no-break space a space, `（` is `(`.

    The last resort is compatibility folding (Unicode's NFKC), which knows full-width forms.
    """
    if sign.isascii():
        return None
    if sign in LOOK_ALIKES:
        return LOOK_ALIKES[sign]
    match unicodedata.category(sign):
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Cf":
            return ""
    folded = unicodedata.normalize("NFKC", sign)
    return folded if len(folded) == 1 and folded.isascii() and folded.isprintable() else None
