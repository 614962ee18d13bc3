"""`grammar/rmm.lark` is LALR(1), free of overlaps, names every terminal, and is the only definition."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from raggeddsl.dtypes import DTYPES
from raggeddsl.language.expected import HUMAN, STATEMENTS
from raggeddsl.language.grammar import build_parser, grammar_text
from raggeddsl.language.lines import STATEMENT_WORD
from raggeddsl.language.parser import parser
from raggeddsl.language.syntax_errors import KEYWORDS

ROOT = Path(__file__).parents[2]
DEFINED = re.compile(r"^([A-Z]+)(?:\.-?\d+)?:", re.MULTILINE)


def words() -> set[str]:
    """The words of the language, as the grammar defines them."""
    return {
        t.pattern.value for t in parser().terminals if t.pattern.type == "str" and t.pattern.value.isalpha()
    }


def reserved() -> set[str]:
    pattern = next(t.pattern.value for t in parser().terminals if t.name == "RESERVED")
    return set(re.findall(r"[a-z]+", pattern.split(")")[0]))


def test_the_grammar_passes_strict_mode() -> None:
    pytest.importorskip("interegular")
    build_parser(strict=True)


def test_every_terminal_is_named_in_the_grammar() -> None:
    assert {terminal.name for terminal in parser().terminals} == set(DEFINED.findall(grammar_text()))


def test_every_terminal_has_a_human_name() -> None:
    said = (
        set(HUMAN) | {word.upper() for word in words()} | {"UNKNOWN", "RESERVED", "WHITE", "COMMENT", "$END"}
    )
    assert {terminal.name for terminal in parser().terminals} <= said


def test_the_words_in_code_are_those_of_the_grammar() -> None:
    assert {word.upper() for word in words()} == KEYWORDS
    begins = {word for word in words() if STATEMENT_WORD.fullmatch(word)}
    assert begins == {name.lower() for name in STATEMENTS}


def test_the_grammar_found_is_the_file_at_the_top() -> None:
    assert grammar_text() == (ROOT / "grammar" / "rmm.lark").read_text(encoding="utf-8")


def test_the_editor_grammar_has_the_words_of_the_grammar() -> None:
    editor = json.loads((ROOT / "grammar" / "rmm.tmLanguage.json").read_text(encoding="utf-8"))

    def listed(part: str) -> set[str]:
        return set(re.findall(r"[a-z]\w+", editor["repository"][part]["match"].replace("\\b", "")))

    assert listed("statement") | listed("operation") == words()
    assert listed("reserved") == reserved()
    assert listed("dtype") == set(DTYPES)


def test_the_editor_grammar_includes_only_what_it_defines() -> None:
    editor = json.loads((ROOT / "grammar" / "rmm.tmLanguage.json").read_text(encoding="utf-8"))
    assert {part["include"][1:] for part in editor["patterns"]} == set(editor["repository"])
