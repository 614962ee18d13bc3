"""What the documentation shows is what happens: specs compile, Python runs, printed output is the output."""

import re
import shlex
from pathlib import Path

import pytest

import raggeddsl as rd
from raggeddsl.cli import main
from raggeddsl.cli.entry import COMMANDS
from raggeddsl.diagnostics.codes import all_codes
from raggeddsl.graph.describe import describe
from raggeddsl.graph.nodes import Join

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(?P<kind>\w*) ?(?P<rest>[^\n]*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page, *kinds):
    return [block for block in FENCE.finditer(page.read_text()) if block["kind"] in kinds]


def line(page, block):
    return page.read_text()[: block.start()].count("\n") + 1


def every(*kinds):
    return [
        pytest.param(page, block, id=f"{page.name}:{line(page, block)}")
        for page in PAGES
        for block in blocks(page, *kinds)
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the tables and named specs of one page in it."""
    monkeypatch.chdir(tmp_path)

    def fill(page):
        for block in blocks(page, "csv", "rmm"):
            if block["rest"].endswith((".csv", ".rmm")):
                (tmp_path / block["rest"]).write_text(block["body"])
        return tmp_path

    return fill


@pytest.mark.parametrize(("page", "block"), every("rmm"))
def test_every_spec_in_the_documentation_does_what_is_said(page, block, folder):
    (folder(page) / "spec.rmm").write_text(block["body"])
    expected = re.findall(r"RMM\d{3}", block["rest"])
    assert {found.code for found in rd.check_file("spec.rmm")} == set(expected)
    if not expected:
        program = rd.compile_file("spec.rmm")
        assert program.outputs


@pytest.mark.parametrize(("page", "block"), every("rmm"))
def test_every_spec_in_the_documentation_is_formatted(page, block):
    if "error" not in block["rest"]:
        assert rd.format(block["body"]) == block["body"]


@pytest.mark.parametrize(("page", "block"), every("python"))
def test_every_python_example_runs(page, block):
    exec(compile(block["body"], f"{page.name}:{line(page, block)}", "exec"), {})


@pytest.mark.parametrize(("page", "block"), every("console"))
def test_what_a_command_prints_is_what_is_shown(page, block, folder, capsys):
    folder(page)
    command, _, shown = block["body"].partition("\n")
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "raggeddsl"
    main(words[1:])
    out, err = capsys.readouterr()
    assert err == ""
    assert lasting(out) == lasting(shown)


def lasting(text):
    """The output without what another machine says differently: times, errors, the choice of kernel."""
    text = re.sub(r"^  (kernel|target)  .*\n(?: {12}.*\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"[\d.]+ (s|ms|µs)\b", "TIME", text)
    text = re.sub(r"error [\d.e+-]+ ", "error E ", text)
    return re.sub(r"at most <?\d+% of what rounding explains(, at \S+)?", "SHARE", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    anchors = {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        assert not file or (page.parent / file).exists(), target
        assert file or anchor in anchors, target


def test_the_readme_names_every_command_and_no_other():
    text = (ROOT / "README.md").read_text()
    assert set(re.findall(r"^\| `raggeddsl (\w+)", text, re.MULTILINE)) == set(COMMANDS)


def test_every_code_that_is_mentioned_has_a_page():
    mentioned = {code for page in PAGES for code in re.findall(r"RMM\d{3}", page.read_text())}
    assert mentioned <= set(all_codes())


def test_the_readme_has_the_two_commands_that_ci_runs():
    commands = [block["body"].strip() for block in blocks(ROOT / "README.md", "sh")]
    assert len(commands) == 2
    assert all(command.startswith("pip install") and "\n" not in command for command in commands)


def test_the_orders_of_chains_are_those_that_the_language_page_gives():
    (block,) = [
        found for found in blocks(ROOT / "docs" / "language.md", "rmm") if ", but A[1]" in found["body"]
    ]
    said = re.search(r"output Y\[i\] = .* # (.*), but (.*)", block["body"])
    graph = rd.compile(block["body"]).plan.graph
    words = describe(graph, {})
    (join,) = [graph.op(key) for key in graph if isinstance(graph.op(key), Join)]
    parts = zip(join.parts, join.places, strict=True)
    orders = {int(place[0]): words.order(part, join.origin.label) for part, place in parts}
    assert orders == {member: said[member + 1].replace(f"[{member}]", "") for member in (0, 1)}
    beside = rd.compile(block["body"] + "output H[i] = A[i] @ B[i]\n").explain().to_dict()
    assert [stage["operation"] for stage in beside["stages"] if stage["name"] == "Y"] == ["H @ C"]
