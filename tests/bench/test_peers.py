"""Every way gives the right results on small cases of every kind of workload, or says why it does not run."""

import jax
import numpy as np
import pytest

from raggeddsl.bench.check import error, reference
from raggeddsl.bench.peers import PEERS, Limits, Skip, peer
from raggeddsl.bench.peers.ours import compiled, facts
from raggeddsl.bench.workloads import workload

OURS = ["raggeddsl", "raggeddsl:fused", "raggeddsl:dispatch", "raggeddsl:xla", "raggeddsl:fused:xla"]
NO_LIMITS = Limits()
CASES = ["equal-3-8", "mixed-5", "chain-4", "gram", "muon", "empty"]


@pytest.fixture
def case(request, tmp_path):
    if request.param in ("gram", "muon"):
        path = tmp_path / "net.csv"
        path.write_text("rows,cols\n6,20\n30,7\n12,12\n6,20\n")
        return workload(f"{request.param}:{path}")
    if request.param == "empty":
        from raggeddsl.bench.pairs import pairs

        return pairs("empty", np.array([[3, 4, 5], [0, 4, 5], [3, 0, 5], [3, 4, 0]]))
    return workload(request.param)


def prepared(name, chosen, limits=NO_LIMITS):
    way = peer(name)(chosen, chosen.inputs(), limits)
    if isinstance(way, Skip) and "not installed" in way.reason:
        pytest.skip(way.reason)
    return way


@pytest.mark.parametrize("case", CASES, indirect=True)
@pytest.mark.parametrize("name", [*OURS, *PEERS])
def test_a_way_gives_the_right_results_every_time(name, case, monkeypatch):
    if name == "openblas-batch":  # the trial runs workloads by their names, and these two have none
        monkeypatch.setattr("raggeddsl.bench.peers.openblas.survives", lambda name: False)
    way = prepared(name, case)
    if name in ("jit-one", "ragged-dot") and case.name != "equal-3-8":
        assert isinstance(way, Skip) and "pairs" in way.reason
        return
    right = reference(case, case.inputs())
    for call in (way.first, way.call):
        assert error(way.results(call()), right, case, way.members) <= right.tolerance


def grouped_rows(rows):
    from raggeddsl.bench.pairs import pairs

    return pairs("grouped", np.array([[m, 6, 5] for m in rows]))


def test_ragged_dot_takes_groups_of_rows_of_any_height():
    case = grouped_rows([3, 0, 7, 1])
    way = prepared("ragged-dot", case)
    right = reference(case, case.inputs())
    assert error(way.results(way.first()), right, case) <= right.tolerance
    spoilt = [2 * result for result in way.results(way.call())]
    assert error(spoilt, right, case) > right.tolerance


def test_ragged_dot_is_skipped_where_its_mask_takes_too_much_memory():
    skip = prepared("ragged-dot", grouped_rows([1000] * 50), Limits(padding=1 << 20))
    assert isinstance(skip, Skip) and "--padding-limit" in skip.reason


def test_one_product_is_checked_and_credited_as_one():
    case = workload("equal-10-8")
    way = prepared("jit-one", case)
    right = reference(case, case.inputs())
    (result,) = way.results(way.first())
    assert error([result], right, case, 1) <= right.tolerance
    assert error([result + 1], right, case, 1) > right.tolerance
    assert error([result], right, case) == float("inf")
    assert (way.work().flop, way.work().bytes) == (case.flop / 10, case.bytes / 10)


def test_buckets_hold_every_member_in_powers_of_two():
    from raggeddsl.bench.peers.buckets import powers_of_two

    assert powers_of_two(np.array([0, 1, 2, 3, 8, 9, 256])).tolist() == [0, 1, 2, 4, 8, 16, 256]
    case = workload("mixed-50")
    assert "classes" in prepared("pad-buckets", case).note
    # Fewer bytes than padding to the largest: what is allowed here is too little for that.
    assert isinstance(prepared("pad-vmap", case, Limits(padding=20 << 20)), Skip)
    assert not isinstance(prepared("pad-buckets", case, Limits(padding=20 << 20)), Skip)


@pytest.mark.parametrize("name", ["raggeddsl", "numpy", "mkl-batch", "torch-loop"])
def test_a_way_accumulates_blocks(name):
    chosen = workload("blocks")
    way = prepared(name, chosen)
    right = reference(chosen, chosen.inputs())
    assert error(way.results(way.first()), right, chosen) <= right.tolerance
    assert error(way.results(way.call()), right, chosen) <= right.tolerance


def test_openblas_is_tried_in_a_process_of_its_own_first():
    chosen = workload("mixed-4")
    way = prepared("openblas-batch", chosen)
    right = reference(chosen, chosen.inputs())
    assert error(way.results(way.call()), right, chosen) <= right.tolerance


def test_a_trial_that_dies_is_noticed():
    from raggeddsl.bench.peers.openblas import survives

    assert not survives("no-such-workload")


@pytest.mark.parametrize("name", ["pad-vmap", "pad-map", "pad-buckets", "torch-bmm"])
def test_padding_is_skipped_where_it_takes_too_much_memory(name):
    skip = prepared(name, workload("mixed-50"), Limits(padding=1 << 20))
    assert isinstance(skip, Skip) and "GiB" in skip.reason


@pytest.mark.parametrize("name", ["pad-vmap", "pad-map", "pad-buckets", "torch-bmm"])
def test_padding_is_skipped_where_there_is_nothing_to_pad_to(name):
    assert isinstance(prepared(name, workload("blocks")), Skip)


@pytest.mark.parametrize("name", ["jit-loop", "jax-list", "raggeddsl:dispatch"])
def test_compiling_shape_by_shape_is_skipped_where_there_are_too_many(name):
    skip = prepared(name, workload("mixed-50"), Limits(shapes=20))
    assert isinstance(skip, Skip)
    enough = int(skip.reason.partition("--shape-limit ")[2].split()[0])
    assert not isinstance(prepared(name, workload("mixed-50"), Limits(shapes=enough)), Skip)
    assert isinstance(prepared(name, workload("mixed-50"), Limits(shapes=enough - 1)), Skip)
    assert not isinstance(prepared(name, workload("mixed-50"), Limits(shapes=20, force=True)), Skip)


@pytest.mark.parametrize("name", ["nump", "raggeddsl:", "raggeddsl:fast", "raggeddsl:xla:native", "jax"])
def test_an_unknown_peer_is_answered_with_those_there_are(name):
    with pytest.raises(ValueError, match=r"jit-loop.*dispatch"):
        peer(name)


def test_a_program_says_what_it_chose():
    said = facts(compiled(workload("mixed-5"), "fused", "xla"))
    assert said["kernel"] == "xla" and said["target"] == "fused"
    assert said["computed_flop_ratio"] >= 1
    assert said["peak_bytes"] > 0 and said["scratch_bytes"] == 0


def test_batches_are_grouped_by_shape_heaviest_first():
    from raggeddsl.bench.pairs import pairs
    from raggeddsl.bench.peers.blas import job

    chosen = pairs("repeated", np.array([[2, 2, 2], [9, 9, 9], [2, 2, 2], [0, 3, 3]]))
    ((_, groups),) = job(chosen, chosen.inputs()).steps
    assert groups.m.tolist() == [9, 2] and groups.size.tolist() == [1, 2]
    assert len(groups.c) == 3
    assert not (groups.a % 64).any()


@pytest.mark.parametrize("name", ["raggeddsl:donate", "raggeddsl:donate:xla"])
def test_a_donated_result_is_written_over(name):
    case = workload("mixed-3")
    way = prepared(name, case)
    old = way.first()
    assert error(way.results(old), reference(case, case.inputs()), case) < 1e-5
    new = way.call()
    assert old[case.out].data.is_deleted() and not new[case.out].data.is_deleted()
    assert error(way.results(new), reference(case, case.inputs()), case) < 1e-5


@pytest.mark.parametrize("case", ["mixed-3", "chain-3", "gram", "muon"], indirect=True)
@pytest.mark.parametrize("name", ["raggeddsl:grad", "raggeddsl:loss", "raggeddsl:grad:reference"])
def test_gradients_are_those_of_the_levels_backwards(name, case):
    way = prepared(name, case)
    right = reference(case, case.inputs())
    for value in (way.first(), way.call()):
        assert error(way.results(value), right, case) <= right.tolerance
        assert way.beside(value) <= right.tolerance


@pytest.mark.parametrize("name", ["raggeddsl:grad", "raggeddsl:loss"])
@pytest.mark.parametrize("workload_name", ["mixed-3", "chain-3"])
def test_a_gradient_is_credited_with_its_own_work(name, workload_name):
    case = workload(workload_name)
    way = prepared(name, case)
    way.first()
    work = way.work()
    assert work.flop == 3 * case.flop  # a product costs three: its own, and one for each factor
    assert work.bytes == (2 * case.bytes if name.endswith("grad") else case.bytes + case.input_bytes)


def test_a_wrong_gradient_is_noticed():
    way = prepared("raggeddsl:grad", workload("mixed-3"))
    results, gradient = way.first()
    assert way.beside((results, gradient)) < 1e-5
    spoilt = jax.tree.map(lambda data: 1.01 * data, gradient)
    assert way.beside((results, spoilt)) > 1e-4


@pytest.mark.parametrize("name", ["raggeddsl:grad:fast", "raggeddsl:xla:grad", "raggeddsl:loss:grad"])
def test_an_unknown_kind_of_gradient_is_answered_too(name):
    with pytest.raises(ValueError, match=r"raggeddsl:grad"):
        peer(name)
