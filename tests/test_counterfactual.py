"""What if: edits move score and rank as algebra says, for any mask, and never the model."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.errors import NonFiniteScoreError
from convncf.evaluation.ranking import rank_item
from convncf.inspection import Block, Counterfactual, rank_counterfactual, score_counterfactual, view_pair
from convncf.inspection.counterfactual import scores_under_mask
from convncf.models import ConvNCF, FusedConvNCF, MatrixFactorisation, Popularity
from convncf.workflow.loading import LoadedRun, load_run
from tests.test_trace import PLANS as FEW
from tests.test_trace import SIZES, factorisation, network
from tests.wording import values_in
from tests.worlds import finished_run, row

# with a fourth layer, patches of layer 2 no longer lie in the order in which layer 3 reads them
PLANS = [*FEW, pytest.param(16, [2, 2, 2, 2], [2, 2, 2, 2], id="four-layers")]
EDITS = [
    pytest.param(Counterfactual(), id="nothing"),
    pytest.param(Counterfactual(zero_user=frozenset({1, 6})), id="zero p"),
    pytest.param(Counterfactual(zero_item=frozenset({0})), id="zero q"),
    pytest.param(Counterfactual(keep="diagonal"), id="diagonal"),
    pytest.param(Counterfactual(keep="off-diagonal"), id="off-diagonal"),
    pytest.param(Counterfactual(block=Block(1, 4, 2, 7)), id="block"),
    pytest.param(Counterfactual(user=4), id="other user"),
    pytest.param(Counterfactual(item=5), id="other item"),
    pytest.param(
        Counterfactual(frozenset({2}), frozenset({3, 4}), "off-diagonal", Block(0, 2, 5, 7), user=0, item=1),
        id="all of it",
    ),
]


@pytest.fixture
def loaded(home: Path) -> LoadedRun:
    return load_run(finished_run(home))


@torch.no_grad()
def by_hand(model: Any, user: int, item: int, edit: Counterfactual) -> tuple[float, np.ndarray[Any, Any]]:
    """Score and map, made cell by cell and read by the reference."""
    p = model.user_embedding.weight[user if edit.user is None else edit.user].clone()
    q = model.item_embedding.weight[item].clone()
    size = len(p)
    cells = torch.outer(p, q)
    for i in range(size):
        for j in range(size):
            block = edit.block
            masked = block is not None and block.top <= i < block.bottom and block.left <= j < block.right
            off = (edit.keep == "diagonal" and i != j) or (edit.keep == "off-diagonal" and i == j)
            if masked or off or i in edit.zero_user or j in edit.zero_item:
                cells[i, j] = 0
    if isinstance(model, MatrixFactorisation):
        return float(cells.trace()), cells.numpy()
    g = model.feature_maps(cells[None, None])[-1].sum(dim=(2, 3))
    return float(model.output(g)[0, 0]), cells.numpy()


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("kind", [ConvNCF, FusedConvNCF])
@pytest.mark.parametrize(("size", "kernels", "strides"), PLANS)
def test_map_and_score_are_those_made_by_hand(
    kind: type[ConvNCF], size: int, kernels: list[int], strides: list[int], edit: Counterfactual
) -> None:
    model = network(size, kernels, strides, kind)
    found = score_counterfactual(model, 2, 3, edit)
    for score, map_, wanted in (
        (found.score_before, found.map_before, by_hand(model, 2, 3, Counterfactual())),
        (found.score_after, found.map_after, by_hand(model, 2, 3 if edit.item is None else edit.item, edit)),
    ):
        assert score == pytest.approx(wanted[0], abs=2e-6)
        np.testing.assert_array_equal(map_, wanted[1])
    assert found.note == ""


@pytest.mark.parametrize("edit", EDITS)
def test_matrix_factorisation_reads_the_diagonal_alone(edit: Counterfactual) -> None:
    torch.manual_seed(6)
    model = MatrixFactorisation({"embedding_size": 8}, SIZES)
    found = score_counterfactual(model, 2, 3, edit)
    assert found.score_after == pytest.approx(
        by_hand(model, 2, 3 if edit.item is None else edit.item, edit)[0], abs=1e-6
    )
    if edit == Counterfactual(keep="diagonal"):
        assert found.score_after == found.score_before
    if edit == Counterfactual(keep="off-diagonal"):
        assert found.score_after == 0


@given(seed=st.integers(0, 10_000), plan=st.sampled_from([plan.values for plan in PLANS]))
def test_any_mask_on_the_map_is_scored_as_the_reference_scores_it(seed: int, plan: Any) -> None:
    """Not of 0 and 1 alone: the algebra holds for any weights of the cells."""
    size, kernels, strides = plan
    model = network(size, kernels, strides, FusedConvNCF).eval()
    generator = np.random.default_rng(seed)
    mask = torch.from_numpy(generator.normal(size=(size, size)).astype(np.float32))
    p, q = model.user_embedding.weight[1].detach(), model.item_embedding.weight.detach()
    with torch.no_grad():
        maps = torch.einsum("i,bj,ij->bij", p, q, mask)[:, None]
        wanted = model.score_of(model.feature_maps(maps)[-1])
    torch.testing.assert_close(scores_under_mask(model, p, q, mask), wanted, rtol=1e-4, atol=1e-5)


def test_more_items_than_are_scored_at_a_time() -> None:
    torch.manual_seed(7)
    plan = {"embedding_size": 8, "cnn_channels": [1, 4, 4], "cnn_kernels": [4, 2], "cnn_strides": [4, 2]}
    model = FusedConvNCF(plan, type(SIZES)(3, 300)).eval()
    p, q = model.user_embedding.weight[1].detach(), model.item_embedding.weight.detach()
    found = scores_under_mask(model, p, q, torch.ones(8, 8))
    torch.testing.assert_close(found, model.score_items(1), rtol=1e-4, atol=1e-5)


def test_the_trace_start_keeps_its_score_on_the_diagonal_and_loses_it_off_it(loaded: LoadedRun) -> None:
    """score = p·q: the diagonal is all of it. Without it every item scores 0, and ties count against the pair."""
    model = network(initialisation="dot product", kind=FusedConvNCF)
    model.user_embedding, model.item_embedding = torch.nn.Embedding(30, 8), torch.nn.Embedding(40, 8)
    model.n_users, model.n_items = 30, 40
    user, item = 3, int(row(loaded.split.test, 3)[0])
    kept = rank_counterfactual(model, loaded.split, user, item, Counterfactual(keep="diagonal"))
    assert kept.score_after == pytest.approx(kept.score_before, abs=1e-5)
    assert kept.before == kept.after
    lost = rank_counterfactual(model, loaded.split, user, item, Counterfactual(keep="off-diagonal"))
    assert lost.score_after == 0
    positives = len(row(loaded.split.test, user))
    assert lost.after.rank == lost.after.candidates - (positives - 1)  # its fellow positives stand behind it, by index
    assert lost.after.tied == lost.after.candidates - 1
    cell = Counterfactual(block=Block(2, 3, 2, 3))  # one cell of the diagonal: p_2 q_2 is gone
    p, q = model.user_embedding.weight[user, 2].item(), model.item_embedding.weight[item, 2].item()
    assert score_counterfactual(model, user, item, cell).score_after == pytest.approx(
        kept.score_before - p * q, abs=1e-5
    )


@pytest.mark.parametrize("edit", EDITS)
def test_ranks_are_those_of_every_item_under_the_edit(loaded: LoadedRun, edit: Counterfactual) -> None:
    model, split, user, item = loaded.model, loaded.split, 3, 7
    found = rank_counterfactual(model, split, user, item, edit)
    view = view_pair(model, split, user, item)
    assert (found.before, found.score_before, found.excluded) == (view.rank, view.score, view.excluded)
    other = item if edit.item is None else edit.item
    scores = np.array([by_hand(model, user, one, edit)[0] for one in range(40)])
    gaps = np.abs(scores - scores[other])
    assert np.sort(gaps)[1] > 2e-6, "no tie that rounding would decide"
    wanted = rank_item(scores, other, row(split.test, user), row(split.excluded("test"), user))
    assert found.after.rank == wanted.rank
    assert found.after.candidates == wanted.candidates
    assert found.score_after == pytest.approx(scores[other], abs=1e-5)
    assert found.score_after == pytest.approx(score_counterfactual(model, user, item, edit).score_after, abs=1e-6)


def test_what_is_ranked_is_said(loaded: LoadedRun) -> None:
    def words(edit: Counterfactual) -> str:
        return rank_counterfactual(loaded.model, loaded.split, 3, 7, edit).words

    assert "no map is" in words(Counterfactual())
    assert "no map is" in words(Counterfactual(item=2))
    assert "the diagonal" in words(Counterfactual(keep="diagonal"))
    assert "every item's map" in words(Counterfactual(user=2))
    both = Counterfactual(zero_user=frozenset({7, 1, 3}), block=Block(0, 1, 2, 4))
    assert values_in(both.words) == ["1", "3", "7", "0", "0", "2", "3", "0"]


def test_nothing_left_of_the_maps_makes_all_items_equal(loaded: LoadedRun) -> None:
    every = frozenset(range(8))
    for edit in (
        Counterfactual(zero_user=every),
        Counterfactual(zero_item=every),
        Counterfactual(block=Block(0, 8, 0, 8)),
    ):
        after = rank_counterfactual(loaded.model, loaded.split, 3, 7, edit).after
        assert after.tied == after.candidates - 1


@pytest.mark.parametrize("edit", EDITS)
def test_the_model_is_never_changed(edit: Counterfactual) -> None:
    model = network(kind=FusedConvNCF).train()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tables = model.user_embedding, model.item_embedding
    score_counterfactual(model, 2, 3, edit)
    assert model.training
    assert all(module.training for module in model.modules())
    assert (model.user_embedding, model.item_embedding) == tables
    assert (model.n_users, model.n_items) == (SIZES.n_users, SIZES.n_items)
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_a_copy_is_made_out_of_training_since_it_shares_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would put them back into training while another thread scores with them."""
    model, seen = network(kind=FusedConvNCF).train(), []
    score_items = FusedConvNCF.score_items

    def watched(self: FusedConvNCF, user: int) -> torch.Tensor:
        seen.append(self.training)
        return score_items(self, user)

    monkeypatch.setattr(FusedConvNCF, "score_items", watched)
    score_counterfactual(model, 2, 3, Counterfactual(zero_user=frozenset({1})))
    assert seen == [False, False]


def test_threads_that_edit_one_model_do_not_meet(loaded: LoadedRun) -> None:
    edits = [edit for param in EDITS for edit in param.values if isinstance(edit, Counterfactual)]
    alone = [rank_counterfactual(loaded.model, loaded.split, 3, 7, edit).score_after for edit in edits]
    found: dict[int, list[float]] = {}

    def work(number: int) -> None:
        found[number] = [
            rank_counterfactual(loaded.model, loaded.split, 3, 7, edit).score_after
            for edit in edits[number:] + edits[:number]
        ]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: alone[number:] + alone[:number] for number in range(4)}


@pytest.mark.parametrize(
    ("edit", "error", "words"),
    [
        (Counterfactual(zero_user=frozenset({8})), IndexError, "dimension 8 of"),
        (Counterfactual(zero_item=frozenset({-1})), IndexError, "dimension -1 of q"),
        (Counterfactual(block=Block(0, 9, 0, 2)), IndexError, "rows 0:9, columns 0:2"),
        (Counterfactual(block=Block(3, 3, 0, 2)), IndexError, "at least one row"),
        (Counterfactual(user=7), IndexError, "user 7"),
        (Counterfactual(item=-1), IndexError, "item -1"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(edit: Counterfactual, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        score_counterfactual(network(), 2, 3, edit)


def test_what_cannot_be_edited_is_refused(loaded: LoadedRun) -> None:
    with pytest.raises(TypeError, match="Popularity"):
        rank_counterfactual(Popularity(30, 40), loaded.split, 0, 0, Counterfactual())
    with pytest.raises(ValueError, match="keep 'edges'"):
        Counterfactual(keep="edges")  # type: ignore[arg-type]
    model = factorisation()
    with pytest.raises(IndexError, match="user 7"):
        score_counterfactual(model, 7, 0, Counterfactual())


def test_scores_that_overflow_are_refused(loaded: LoadedRun) -> None:
    assert isinstance(loaded.model, ConvNCF)
    with torch.no_grad():
        loaded.model.output.bias.fill_(float("inf"))
    with pytest.raises(NonFiniteScoreError):
        rank_counterfactual(loaded.model, loaded.split, 3, 7, Counterfactual(keep="diagonal"))


def test_an_edit_is_a_value() -> None:
    assert hash(Counterfactual(zero_user=frozenset({1, 2}))) == hash(Counterfactual(zero_user=[2, 1]))  # type: ignore[arg-type]
    assert Counterfactual(zero_user=frozenset({1, 2})) == Counterfactual(zero_user=(2, 1))  # type: ignore[arg-type]
