"""The named workloads have the shapes that are promised, and say one computation three times."""

import numpy as np
import pytest

from raggeddsl.bench.check import error, reference
from raggeddsl.bench.networks import read_table, table_names
from raggeddsl.bench.workloads import CATALOGUE, workload

SMALL = ["equal-3-5", "mixed-6", "tiny-7", "chain-5", "blocks"]


@pytest.fixture
def table(tmp_path):
    """A shape table with a wide, a tall, and a square matrix."""
    path = tmp_path / "net.csv"
    path.write_text("name,rows,cols\na,3,8\nb,9,4\nc,5,5\n")
    return str(path)


def by_levels(chosen, inputs):
    """The results of the levels, one product after another in float64."""
    memory = {name: [np.zeros(shape) for shape in shapes] for name, shapes in chosen.shapes.items()}
    for name, value in inputs.items():
        memory[name] = [x.astype(np.float64) for x in (value if isinstance(value, list) else [value])]
    for level in chosen.levels:
        if level.copy is not None:
            memory[level.out] = [x.copy() for x in memory[level.copy]]
        for row in range(len(chosen.level_triples(level))):
            a, b = (memory[f.name][row if f.members is None else f.members[row]] for f in (level.a, level.b))
            target = row if level.target is None else level.target[row]
            product = (a.T if level.a.transposed else a) @ (b.T if level.b.transposed else b)
            memory[level.out][target] = level.alpha * product + level.beta * memory[level.out][target]
    return memory[chosen.out]


@pytest.mark.parametrize("name", SMALL)
def test_levels_and_natural_code_are_one_computation(name):
    chosen = workload(name)
    inputs = chosen.inputs()
    assert error(by_levels(chosen, inputs), reference(chosen, inputs), chosen) < 1e-12


@pytest.mark.parametrize("kind", ["gram", "muon"])
def test_levels_and_natural_code_are_one_computation_over_a_table(kind, table):
    chosen = workload(f"{kind}:{table}")
    inputs = chosen.inputs()
    assert error(by_levels(chosen, inputs), reference(chosen, inputs), chosen) < 1e-12


def test_seed_is_a_hundred_equal_squares():
    chosen = workload("seed")
    assert (chosen.triples == 1000).all() and len(chosen.triples) == 100
    assert chosen.flop == 2e11
    assert chosen.bytes == 300 * 4_000_000


@pytest.mark.parametrize(("count", "top"), [(300, 512), (301, 256)])
def test_mixed_is_log_uniform_up_to_its_bound(count, top):
    triples = workload(f"mixed-{count}").triples
    assert triples.shape == (count, 3)
    assert triples.min() >= 8 and top * 0.9 < triples.max() <= top
    assert abs(np.log(triples).mean() - (np.log(8) + np.log(top)) / 2) < 0.1


def test_tiny_is_uniform_from_4_to_32():
    triples = workload("tiny-5000").triples
    assert triples.min() == 4 and triples.max() == 32
    assert abs(triples.mean() - 18) < 0.3


def test_giant_and_tiny_has_one_giant():
    triples = workload("giant+tiny").triples
    assert len(triples) == 2001
    assert (triples[0] == 2048).all() and triples[1:].max() <= 48 and triples[1:].min() >= 8


def test_moe_routes_every_token_once():
    triples = workload("moe").triples
    assert triples[:, 0].sum() == 8192 and len(triples) == 64
    assert (triples[:, 1] == 512).all() and (triples[:, 2] == 1024).all()
    assert triples[:, 0].max() > 4 * 8192 / 64  # skewed


@pytest.mark.parametrize(
    ("table", "matrices", "shapes"),
    [
        ("resnet50", 54, 15),
        ("efficientnet_b0", 82, 34),
        ("densenet121", 121, 35),
        ("vit_small_patch16_224", 50, 5),
    ],
)
def test_tables_are_those_of_the_networks(table, matrices, shapes):
    wide = read_table(table)
    assert wide.shape == (matrices, 2) and (wide[:, 0] <= wide[:, 1]).all()
    assert len(np.unique(wide, axis=0)) == shapes
    assert table in table_names()


def test_muon_takes_15_products_a_matrix_of_unit_norm():
    chosen = workload("muon:resnet50")
    assert len(chosen.triples) == 15 * 54
    assert np.linalg.norm(chosen.inputs()["X"][7]) == pytest.approx(1, rel=1e-5)


def test_chain_has_graphs_of_5_to_60_nodes():
    chosen = workload("chain-2000")
    nodes = chosen.families["a"]
    assert nodes.min() == 5 and nodes.max() == 60 and (nodes[:, 0] == nodes[:, 1]).all()
    assert chosen.members == 2000


def test_no_round_of_blocks_writes_a_result_twice():
    chosen = workload("blocks")
    for level in chosen.levels:
        assert len(np.unique(level.target)) == len(level.target)
    assert chosen.levels[0].beta == 0 and {level.beta for level in chosen.levels[1:]} == {1.0}
    assert set(chosen.levels[0].target) == set(range(chosen.members))


def test_inputs_are_the_same_every_time():
    first, second = workload("mixed-4").inputs(), workload("mixed-4").inputs()
    assert all((a == b).all() for a, b in zip(first["A"], second["A"], strict=True))
    assert first["A"][0].dtype == np.float32


@pytest.mark.parametrize("name", ["mixd-5", "mixed-0", "mixed", "gram:", "equal-3", "mixed-1e3"])
def test_an_unknown_workload_is_answered_with_those_there_are(name):
    with pytest.raises(ValueError, match="giant"):
        workload(name)


def test_a_table_that_is_not_there_is_answered_with_those_there_are():
    with pytest.raises(FileNotFoundError, match="efficientnet_b0"):
        workload("gram:resnet5")


@pytest.mark.parametrize("text", ["name,rows\na,3\n", "rows,cols\n3,x\n", "rows,cols\n", ""])
def test_a_table_without_sizes_is_refused(text, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"t\.csv"):
        workload(f"muon:{path}")


def test_the_catalogue_names_every_kind_of_workload():
    from raggeddsl.bench.workloads import COUNTED, PLAIN, TABLED

    kinds = {name.split("-")[0].split(":")[0] for name in CATALOGUE}
    assert kinds == {*PLAIN, *COUNTED, *TABLED, "equal"}
