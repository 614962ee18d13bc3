"""A diagnostic code in, its page out: what it means, an example that gets it and one that is right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

CODE = re.compile(r"RMM\d{3}")
HEAD = re.compile(r"# (?P<code>RMM\d{3}): (?P<title>.+)\n")
FENCE = re.compile(r"```(?P<language>\w+) (?P<kind>bad|good)\n(?P<body>.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The page of a code: its title, a text, and two examples without their fences.

    `about_spec` says whether the examples are specs, which can be checked, or only text.
    """

    code: str
    title: str
    text: str
    bad: str
    good: str
    about_spec: bool
    page: str


def all_codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    folder = resources.files("raggeddsl.diagnostics").joinpath("codes")
    names = (entry.name.removesuffix(".md") for entry in folder.iterdir() if entry.name.endswith(".md"))
    return tuple(sorted(name for name in names if CODE.fullmatch(name)))


def explanation(code: str) -> Explanation:
    """The page of `code` (`RMM301`).  Raises `KeyError` for a code that has none."""
    file = resources.files("raggeddsl.diagnostics").joinpath("codes", f"{code}.md")
    if not CODE.fullmatch(code) or not file.is_file():
        raise KeyError(f"there is no diagnostic code {code}")
    page = file.read_text(encoding="utf-8")
    head = HEAD.match(page)
    fences = {fence["kind"]: fence for fence in FENCE.finditer(page)}
    assert head is not None, f"{code}.md does not begin with `# {code}: title`"
    assert set(fences) == {"bad", "good"}, f"{code}.md has no bad or no good example"
    return Explanation(
        code=head["code"],
        title=head["title"].strip(),
        text=page[head.end() : fences["bad"].start()].strip(),
        bad=fences["bad"]["body"],
        good=fences["good"]["body"],
        about_spec=fences["bad"]["language"] == "rmm",
        page=page,
    )
