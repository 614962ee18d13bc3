"""Rules for notation of other languages (NumPy, MATLAB, LaTeX, C): what it is called here."""

from __future__ import annotations

from lark import Token

from raggeddsl.diagnostics.diagnostic import Diagnostic, Fix
from raggeddsl.diagnostics.source import Span
from raggeddsl.language.refused_token import Rule, Stuck, span

PRODUCTS = {"dot", "matmul", "mm", "bmm", "multiply_matrices"}
TRANSPOSES = {"transpose", "t", "mT", "tr"}
APOSTROPHES = ("'", "\N{LEFT SINGLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}")
MODULES = {"np", "jnp", "numpy", "torch", "tf", "jax"}


def apostrophe(stuck: Stuck) -> Diagnostic | None:
    """`A'` is a transpose; `'t.csv'` is a string."""
    if stuck.token() not in APOSTROPHES or stuck.token().type != "UNKNOWN":
        return None
    if "TRANSPOSE" in stuck.accepts:
        return stuck.error("RMM113", "a transpose is not written `'`", "write `.T`", Fix(stuck.span, ".T"))
    text = stuck.source.text
    line_end = text.find("\n", stuck.span.end)
    rest = text[stuck.span.end : line_end if line_end >= 0 else len(text)]
    close = next((stuck.span.end + k for k, sign in enumerate(rest) if sign in APOSTROPHES), None)
    if "STRING" not in stuck.accepts or close is None:
        return None
    whole = Span(stuck.span.start, close + 1)
    inner = text[whole.start + 1 : close]
    return stuck.error(
        "RMM113",
        "a string stands in double quotes",
        f'write `"{inner}"`',
        Fix(whole, f'"{inner}"'),
        where=whole,
    )


def power(stuck: Stuck) -> Diagnostic | None:
    """`A^T`, `A^2`, `A**2`."""
    caret = stuck.token() == "^"
    if not caret and not (
        stuck.token().type == "STAR" and stuck.token(-1).type == "STAR" and stuck.touches(0)
    ):
        return None
    start = stuck.span.start if caret else span(stuck.token(-1)).start
    sign = "^" if caret else "**"
    if caret and stuck.token(1) == "T":
        where = stuck.span.to(span(stuck.token(1)))
        return stuck.error(
            "RMM113", "a transpose is not written `^T`", "write `.T`", Fix(where, ".T"), where=where
        )
    return stuck.error(
        "RMM113",
        f"there is no power `{sign}`",
        "write the product out, `X @ X` or `n * n`, or use `iterate`",
        where=Span(start, stuck.span.end),
    )


def semicolon(stuck: Stuck) -> Diagnostic | None:
    """`A = B;` and `A = B; C = D`."""
    if stuck.token() != ";":
        return None
    if stuck.token(1).type == "$END":
        return stuck.error("RMM113", "a newline ends a statement, not `;`", "remove it", Fix(stuck.span, ""))
    gap = Span(stuck.span.start, span(stuck.token(1)).start)
    return stuck.error(
        "RMM113", "a newline ends a statement, not `;`", "begin a new line", Fix(gap, "\n"), where=stuck.span
    )


def foreign_comment(stuck: Stuck) -> Diagnostic | None:
    """`// words`, `% words`, `/* words */`."""
    token = stuck.token()
    if token.type == "SLASHES" and not {"SLASHES"} & stuck.accepts:
        return _comment(stuck, token)
    if token == "%":
        return _comment(stuck, token)
    if token == "/" and stuck.token(1) == "*" and stuck.touches(1):
        return stuck.error("RMM113", "a comment does not begin with `/*`", "write `#` before each line of it")
    slashes = [t for t in stuck.tokens[: stuck.at] if t.type == "SLASHES"]
    if slashes and token.value.isalpha() and stuck.token(-1).type in {"NAME", "RESERVED"}:
        return _comment(stuck, slashes[-1])
    return None


def _comment(stuck: Stuck, sign: Token) -> Diagnostic:
    where = span(sign)
    return stuck.error(
        "RMM113",
        f"`{sign}` cannot stand here; a comment begins with `#`",
        "write `#` if this is a comment",
        Fix(where, "#"),
        where=where,
    )


def division(stuck: Stuck) -> Diagnostic | None:
    """`A / 2`."""
    if stuck.token() != "/":
        return None
    return stuck.error(
        "RMM113",
        "there is no division `/`",
        "sizes are divided with `//`; scale a matrix by a number, as in `0.5 * A`",
    )


def method(stuck: Stuck) -> Diagnostic | None:
    """`np.dot(A, B)`, `A.dot(B)`, `A.transpose()`, `A.t()`, `np.transpose(A)`."""
    if stuck.token() != "." or not stuck.touches(1):
        return None
    word = str(stuck.token(1))
    arguments = _arguments(stuck, 2)
    module = str(stuck.token(-1)) in MODULES
    if word in PRODUCTS and arguments is not None and len(arguments[0]) == 1 + module:
        return _product(stuck, *arguments, module)
    if word in TRANSPOSES:
        return _transpose(stuck, arguments, module)
    message = f"`.{word}` is not part of the language; names have no attributes but `.T`"
    return stuck.error("RMM113", message, "products are `A @ B`, transposes `A.T`", where=_reach(stuck, 1))


def _product(stuck: Stuck, texts: list[str], end: int, module: bool) -> Diagnostic:
    message = "a matrix product is written `@`"
    if module:
        where = Span(span(stuck.token(-1)).start, end)
        mended = f"({_factor(texts[0])} @ {_factor(texts[1])})"
        return stuck.error("RMM113", message, f"write `{mended}`", Fix(where, mended), where=where)
    where = Span(stuck.span.start, end)
    mended = f" @ {_factor(texts[0])}"
    return stuck.error("RMM113", message, f"write `{mended.strip()}`", Fix(where, mended), where=where)


def _transpose(stuck: Stuck, arguments: tuple[list[str], int] | None, module: bool) -> Diagnostic:
    where, mended = _reach(stuck, 1), ".T"
    if arguments is not None and module and len(arguments[0]) == 1:
        where = Span(span(stuck.token(-1)).start, arguments[1])
        mended = f"{_factor(arguments[0][0])}.T"
    elif arguments is not None:
        where = Span(stuck.span.start, arguments[1])
    message = "a transpose is written `.T`"
    return stuck.error("RMM113", message, f"write `{mended}`", Fix(where, mended), where=where)


def transpose_call(stuck: Stuck) -> Diagnostic | None:
    """`transpose(A)`."""
    arguments = _arguments(stuck, 1)
    if stuck.token() != "transpose" or arguments is None or len(arguments[0]) != 1:
        return None
    texts, end = arguments
    where = Span(stuck.span.start, end)
    mended = f"{_factor(texts[0])}.T"
    return stuck.error(
        "RMM113", "a transpose is written `.T`", f"write `{mended}`", Fix(where, mended), where=where
    )


def many_indices(stuck: Stuck) -> Diagnostic | None:
    """`A[i, j]`, `A[i][j]`, `A[:, 0]`."""
    if stuck.token().type == "COMMA" and "RSQB" in stuck.accepts and _in_index(stuck):
        help = "a name has at most one index; declare one index for the pairs, and maps from it"
        return stuck.error("RMM113", "a name cannot have two indices", help)
    if stuck.token().type == "COLON" and "RSQB" not in stuck.accepts and _in_index(stuck):
        return stuck.error("RMM113", "there are no slices", "declare the part as an `input` of its own")
    if stuck.token().type == "LSQB" and stuck.token(-1).type == "RSQB" and "TRANSPOSE" in stuck.accepts:
        return stuck.error("RMM113", "a name cannot have two indices", "a name has at most one index")
    return None


def comprehension(stuck: Stuck) -> Diagnostic | None:
    """`Y = [A[i] @ B[i] for i in range(4)]` and `sum(A[i] for i in e)`."""
    if (
        stuck.token().type == "LSQB"
        and stuck.wants_expression()
        and stuck.tokens[0].type not in {"DIM", "MAP"}
    ):
        return stuck.error(
            "RMM113", "a list is no expression of matrices", "a family is written `Y[i] = A[i] @ B[i]`"
        )
    if stuck.token().type == "FOR" and "FOR" not in stuck.accepts:
        return stuck.error(
            "RMM113",
            "`for` stands only inside `sum(...)`",
            "a family is written `Y[i] = A[i] @ B[i]`, a sum `sum(A[i] @ B[i] for i)`",
        )
    if stuck.token().type == "IN" and stuck.token(-2).type == "FOR":
        return stuck.error(
            "RMM113", "a sum runs over its whole index", "write `for i` alone; `index i in 4` says how far"
        )
    return None


def assignment(stuck: Stuck) -> Diagnostic | None:
    """`==` or `:=` for `=`, `=` for `==`, and `G += A`."""
    token, after = stuck.token(), stuck.token(1)
    if token.type == "EQUALS" and "EQUAL" in stuck.accepts:
        return stuck.error(
            "RMM113", "a definition is written with one `=`", "write `=`", Fix(stuck.span, "=")
        )
    if token.type == "EQUAL" and "EQUALS" in stuck.accepts:
        return stuck.error("RMM113", "a comparison is written `==`", "write `==`", Fix(stuck.span, "=="))
    if token.type == "EQUAL" and stuck.token(-1).type == "COLON" and stuck.touches(0):
        where = span(stuck.token(-1)).to(stuck.span)
        return stuck.error(
            "RMM113", "a definition is written with `=`", "write `=`", Fix(where, "="), where=where
        )
    if token.type in {"PLUS", "MINUS", "STAR", "AT"} and after.type == "EQUAL" and stuck.touches(1):
        where = stuck.span.to(span(after))
        help = "a name is defined once; accumulate with `sum(A[i] for i)`"
        return stuck.error("RMM113", f"there is no `{token}=`", help, where=where)
    return None


def _in_index(stuck: Stuck) -> bool:
    """Whether the innermost open bracket before the refused token is the `[` of `NAME[`."""
    depth = 0
    for place in range(stuck.at - 1, 0, -1):
        kind = stuck.tokens[place].type
        if kind in {"RSQB", "RPAR"}:
            depth += 1
        elif kind in {"LSQB", "LPAR"}:
            if depth == 0:
                return kind == "LSQB" and stuck.tokens[place - 1].type == "NAME"
            depth -= 1
    return False


def _reach(stuck: Stuck, offset: int) -> Span:
    return stuck.span.to(span(stuck.token(offset)))


def _arguments(stuck: Stuck, offset: int) -> tuple[list[str], int] | None:
    """The texts between the brackets that open at token `offset`, and where they close."""
    if stuck.token(offset).type != "LPAR":
        return None
    depth, texts, start = 0, [], span(stuck.token(offset)).end
    for place in range(stuck.at + offset, len(stuck.tokens)):
        token = stuck.tokens[place]
        if token.type in {"LPAR", "LSQB"}:
            depth += 1
        elif token.type in {"RPAR", "RSQB"}:
            depth -= 1
        if (depth == 1 and token.type == "COMMA") or depth == 0:
            texts.append(stuck.source.text[start : span(token).start].strip())
            start = span(token).end
        if depth == 0:
            return [text for text in texts if text], start
    return None


def _factor(text: str) -> str:
    """`text` as one side of a product or transpose: in brackets if it is more than a name."""
    return f"({text})" if any(sign in text for sign in "+-*@/") else text


HABITS: tuple[Rule, ...] = (
    apostrophe,
    power,
    semicolon,
    assignment,
    foreign_comment,
    division,
    method,
    transpose_call,
    many_indices,
    comprehension,
)
