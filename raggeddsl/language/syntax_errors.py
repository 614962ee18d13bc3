"""A token that the grammar refuses in, a `Diagnostic` that says what it is and what to write out.

The rules are tried in the order in which they are listed at the end: habits from other languages
first, since they say most, then mistakes with words and numbers, then what was expected.
"""

from __future__ import annotations

import difflib
import unicodedata

from raggeddsl.diagnostics.diagnostic import Diagnostic, Fix
from raggeddsl.diagnostics.source import Span
from raggeddsl.language.expected import STATEMENTS, describe, expected
from raggeddsl.language.foreign_notation import HABITS
from raggeddsl.language.lookalikes import look_alike
from raggeddsl.language.refused_token import Rule, Stuck, span

WORDS = tuple(name.lower() for name in STATEMENTS)
KEYWORDS = frozenset((*STATEMENTS, "SUM", "ITERATE", "TABLE", "RANGE", "WITH", "IN", "FOR", "IF"))


def reserved_word(stuck: Stuck) -> Diagnostic | None:
    """`exp(A)`, `input max : ..`, `let X = ..`, `Y = input @ A`."""
    token = stuck.token()
    if token.type == "RESERVED":
        mend = "elementwise functions and control flow come later; as a name, choose another"
        if token == "let":
            after = stuck.token(1)
            if after.type == "NAME":
                cut = Fix(Span(span(token).start, span(after).start), "")
                return stuck.error("RMM103", "`let` is kept for a later edition", "write `NAME = ...`", cut)
        return stuck.error("RMM103", f"`{token}` is kept for a later edition of the language", mend)
    if token.type in KEYWORDS and "NAME" in stuck.accepts and stuck.at > 0:
        message = f"`{token}` is a word of the language and cannot be used here"
        if stuck.wants_expression():
            return stuck.error("RMM103", message, f"expected {expected(stuck.accepts)}")
        return stuck.error("RMM103", message, "choose another name")
    return None


def unclosed_string(stuck: Stuck) -> Diagnostic | None:
    """A `"` that begins no string, since it is not closed or holds an unknown escape."""
    if stuck.token() != '"' or stuck.token().type != "UNKNOWN":
        return None
    start = stuck.span.start
    line_end = stuck.source.text.find("\n", start)
    rest = stuck.source.text[start : line_end if line_end >= 0 else None].rstrip()
    where = Span(start, start + len(rest))
    if rest.count('"') < 2:
        return stuck.error("RMM107", "this string is never closed", 'end it with `"`', where=where)
    return stuck.error(
        "RMM107",
        "this string holds a backslash that escapes nothing",
        'only `\\"` and `\\\\` are escapes; between folders write `/`',
        where=where,
    )


def unknown_sign(stuck: Stuck) -> Diagnostic | None:
    """Any character that no terminal begins with."""
    token = stuck.token()
    if token.type != "UNKNOWN":
        return None
    sign = str(token)
    meant = look_alike(sign)
    number = f"U+{ord(sign):04X}"
    if meant is not None:
        name = unicodedata.name(sign, "an unnamed character").lower()
        help = f"write `{meant}`" if meant.strip() else "write an ordinary space"
        fixes = _quotes(stuck, meant)
        if meant == "*" and _between_matrices(stuck):
            help = "write `@` for the product of two matrices, `*` to scale one"
            fixes = (Fix(stuck.span, "@"),)
        return stuck.error("RMM102", f"{number} ({name}) is not a sign of the language", help, *fixes)
    if sign.isprintable() and sign.isascii():
        return stuck.error(
            "RMM102", f"`{sign}` is not a sign of the language", f"expected {expected(stuck.accepts)}"
        )
    shown = f"`{sign}` ({number})" if sign.isprintable() else number
    help = "names are letters of ASCII, digits and `_`" if sign.isalpha() else "remove it"
    return stuck.error("RMM102", f"{shown} is not a sign of the language", help)


def _between_matrices(stuck: Stuck) -> bool:
    """Whether a sign of multiplication stands between what may be two matrices, not numbers or sizes."""
    opened = [token.type for token in stuck.tokens[: stuck.at]]
    if opened[:1] not in (["NAME"], ["OUTPUT"], ["DEF"]) or opened.count("LSQB") > opened.count("RSQB"):
        return False
    return not {stuck.token(-1).type, stuck.token(1).type} & {"INT", "FLOAT"}


def _quotes(stuck: Stuck, meant: str) -> tuple[Fix, ...]:
    """What `meant` replaces: the sign, and, where that is a quote that opens, the one that closes."""
    fixes = (Fix(stuck.span, meant),)
    text, end = stuck.source.text, stuck.span.end
    while meant == '"' and text[end : end + 1] not in ("", "\n", '"'):
        if look_alike(text[end]) == '"':
            return (*fixes, Fix(Span(end, end + 1), meant))
        end += 1
    return fixes


def misspelt_statement(stuck: Stuck) -> Diagnostic | None:
    """`inptu A : f32[3, 4]`: a first word that is no statement's, with a name after it."""
    if stuck.at != 1 or stuck.token(-1).type != "NAME" or stuck.touches(0):
        return None
    if stuck.token().type not in {"NAME", "INT"} | KEYWORDS:
        return None
    word = str(stuck.token(-1))
    close = difflib.get_close_matches(word.lower(), WORDS, n=1, cutoff=0.6)
    message = f"`{word}` begins no statement"
    where = span(stuck.token(-1))
    if close:
        return stuck.error(
            "RMM109", message, f"did you mean `{close[0]}`?", Fix(where, close[0]), where=where
        )
    words = ", ".join(f"`{name}`" for name in WORDS)
    return stuck.error("RMM109", message, f"a statement begins with {words} or is `NAME = ...`", where=where)


def glued_number(stuck: Stuck) -> Diagnostic | None:
    """`2A` and `1_000`: a number with letters at its end."""
    before = stuck.token(-1)
    if before.type not in {"INT", "FLOAT"} or stuck.token().type != "NAME" or not stuck.touches(0):
        return None
    both = span(before).to(stuck.span)
    digits = str(stuck.token()).replace("_", "")
    if digits.isdecimal() and before.type == "INT":
        whole = f"{before}{digits}"
        return stuck.error("RMM106", "a number has no `_`", f"write `{whole}`", Fix(both, whole), where=both)
    return stuck.error(
        "RMM106",
        f"`{before}{stuck.token()}` is neither a number nor a name",
        f"a product is written `{before} * {stuck.token()}`; a name begins with a letter",
        Fix(both, f"{before} * {stuck.token()}"),
        where=both,
    )


def missing_sign(stuck: Stuck) -> Diagnostic | None:
    """A statement whose `=`, `:` or `in` is missing or is another of these."""
    token, accepts = stuck.token(), stuck.accepts
    first = stuck.tokens[0].type
    wanted = {"INPUT": ("COLON", ":"), "INDEX": ("IN", "in")}.get(first, ("EQUAL", "="))
    if wanted[0] not in accepts or stuck.at < 2 or (first == "MAP" and "IN" in accepts):
        return None
    sign = wanted[1]
    if token.type in {"EQUAL", "EQUALS", "COLON", "IN"}:
        return stuck.error(
            "RMM101", f"`{token}` stands where `{sign}` belongs", f"write `{sign}`", Fix(stuck.span, sign)
        )
    if token.type in {"NAME", "INT", "FLOAT", "MINUS", "LSQB", "SUM", "ITERATE", "TABLE", "RANGE"}:
        here = Span(stuck.span.start, stuck.span.start)
        return stuck.error(
            "RMM101", f"`{sign}` is missing before `{token}`", f"write `{sign}`", Fix(here, f"{sign} ")
        )
    return None


def missing_count(stuck: Stuck) -> Diagnostic | None:
    """`iterate(f, X)`."""
    if stuck.token().type != "RPAR" or "COMMA" not in stuck.accepts:
        return None
    depth, commas = 0, 0
    for place in range(stuck.at - 1, 0, -1):
        kind = stuck.tokens[place].type
        if kind == "LPAR" and depth == 0:
            if stuck.tokens[place - 1].type != "ITERATE" or commas != 1:
                return None
            written = stuck.source.text[span(stuck.tokens[place - 1]).start : stuck.span.start]
            return stuck.error(
                "RMM101",
                "`iterate` is not told how often",
                f"write the count last, as in `{' '.join(written.split())}, 5)`",
            )
        depth += (kind in {"RPAR", "RSQB"}) - (kind in {"LPAR", "LSQB"})
        commas += kind == "COMMA" and depth == 0
    return None


def continued_line(stuck: Stuck) -> Diagnostic | None:
    """A line that begins with an operator: the statement before was meant to go on."""
    if stuck.at > 0 or stuck.token().type not in {"PLUS", "MINUS", "STAR", "AT", "COMMA", "RPAR", "RSQB"}:
        return None
    return stuck.error(
        "RMM101",
        f"a statement cannot begin with `{stuck.token()}`",
        "a newline ends a statement; to go on, put the whole expression in brackets",
    )


def too_short(stuck: Stuck) -> Diagnostic | None:
    """The line ends where more must follow."""
    if stuck.token().type != "$END":
        return None
    last = stuck.token(-1)
    message = f"the line ends after {describe(last)}"
    help = f"expected {expected(stuck.accepts)}"
    if stuck.wants_expression() and stuck.at > 1:
        help += "; a statement goes on in the next line only inside brackets"
    return stuck.error("RMM110", message, help)


def unexpected(stuck: Stuck) -> Diagnostic:
    """What every other mistake gets."""
    help = f"expected {expected(stuck.accepts)}"
    if stuck.wants_operator() and stuck.token().type in {"NAME", "LPAR", "SUM", "ITERATE"}:
        help += "; a product is written with `@`, or with `*` if one side is a scalar"
    return stuck.error("RMM101", f"unexpected {describe(stuck.token())}", help)


RULES: tuple[Rule, ...] = (
    *HABITS,
    unclosed_string,
    unknown_sign,
    reserved_word,
    misspelt_statement,
    glued_number,
    missing_sign,
    missing_count,
    continued_line,
    too_short,
)


def explain(stuck: Stuck) -> Diagnostic:
    """The diagnostic of the first rule that knows this mistake."""
    for rule in RULES:
        diagnostic = rule(stuck)
        if diagnostic is not None:
            return diagnostic
    return unexpected(stuck)
