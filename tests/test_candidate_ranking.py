"""Ranks within candidate sets: the rule with ties, copies and repeats, and independence of how the work is divided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.candidates import CandidateSets
from convncf.errors import NonFiniteScoreError, TrainingStopped
from convncf.evaluation import candidate_ranking
from convncf.evaluation.candidate_ranking import CandidateSetSummary, SetRanks, rank_in_sets
from convncf.runtime import threads as runtime_threads
from tests.wording import values_in


class Pairs:
    """Scores looked up, (n_users, n_items), pair by pair."""

    def __init__(self, scores: Any) -> None:
        self.scores = torch.as_tensor(np.asarray(scores, dtype=np.float32))
        self.n_users, self.n_items = self.scores.shape
        self.asked: list[list[tuple[int, int]]] = []

    def score_pairs(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        self.asked.append(list(zip(user.tolist(), item.tolist(), strict=True)))
        return self.scores[user, item]

    def score_items(self, user: int) -> torch.Tensor:
        raise AssertionError("a set does not need every item's score")


class Rows:
    """The same scores, from a scorer that can only score all items."""

    def __init__(self, scores: Any) -> None:
        self.scores = torch.as_tensor(np.asarray(scores, dtype=np.float32))
        self.n_users, self.n_items = self.scores.shape

    def score_items(self, user: int) -> torch.Tensor:
        return self.scores[user]


def sets_of(*sets: tuple[int, int, list[int]]) -> CandidateSets:
    """(user, answer, negatives) of each set."""
    return CandidateSets(
        np.array([user for user, _, _ in sets], dtype=np.int32),
        np.array([answer for _, answer, _ in sets], dtype=np.int32),
        np.cumsum([0, *(len(negatives) for _, _, negatives in sets)]),
        np.array([item for _, _, negatives in sets for item in negatives], dtype=np.int32),
        "made for a test",
    )


def found_in(found: SetRanks) -> dict[tuple[int, int], list[int]]:
    """(user, answer) -> its ranks, since a pair may have several sets."""
    by_pair: dict[tuple[int, int], list[int]] = {}
    for user in found.users.tolist():
        for item, rank in zip(*map(np.ndarray.tolist, found.of(user)), strict=True):
            by_pair.setdefault((user, item), []).append(rank)
    return by_pair


def test_a_rank_counts_the_negatives_that_score_the_same_or_higher() -> None:
    scores = [[5, 4, 3, 2, 1, 3]]
    assert found_in(rank_in_sets(Pairs(scores), sets_of((0, 0, [1, 2, 3])))) == {(0, 0): [1]}
    assert found_in(rank_in_sets(Pairs(scores), sets_of((0, 4, [1, 2, 3])))) == {(0, 4): [4]}
    assert found_in(rank_in_sets(Pairs(scores), sets_of((0, 2, [0, 3, 5])))) == {(0, 2): [3]}, "item 5 ties with it"


def test_one_score_for_everything_is_the_last_rank() -> None:
    found = rank_in_sets(Pairs(np.zeros((1, 100))), sets_of((0, 7, [*range(7), *range(8, 100)])))
    assert found.ranks.tolist() == found.candidates.tolist() == [100]


def test_a_copy_of_the_answer_ranks_it_one_lower_and_a_repeat_counts_twice() -> None:
    scores = [[5.0, 4.0, 3.0, 2.0]]
    found = rank_in_sets(Pairs(scores), sets_of((0, 1, [2, 3]), (0, 2, [2, 3]), (0, 3, [0, 0, 1])), users=None)
    assert found_in(found) == {(0, 1): [1], (0, 2): [2], (0, 3): [4]}
    assert found.candidates.tolist() == [3, 3, 4]


def test_a_copy_has_the_very_same_score_even_where_scoring_depends_on_the_place() -> None:
    class Restless(Pairs):
        """A sum in another order may end in other last bits: here each place adds its own."""

        def score_pairs(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
            return super().score_pairs(user, item) - 1e-3 * torch.arange(len(user))

    assert rank_in_sets(Restless([[1.0, 0.0]]), sets_of((0, 0, [0, 1, 0]))).ranks.tolist() == [3]


def test_each_pair_of_a_piece_is_scored_once() -> None:
    scorer = Pairs(np.zeros((2, 5)))
    rank_in_sets(scorer, sets_of((1, 0, [2, 3, 2]), (1, 4, [2, 0]), (0, 2, [3])))
    (asked,) = scorer.asked
    assert asked == [(0, 2), (0, 3), (1, 0), (1, 2), (1, 3), (1, 4)]


def test_a_set_without_negatives_is_won_and_no_set_is_no_user() -> None:
    found = rank_in_sets(Pairs([[0.0, 0.0]]), sets_of((0, 1, [])))
    assert (found.ranks.tolist(), found.candidates.tolist()) == ([1], [1])
    nothing = rank_in_sets(Pairs([[0.0, 0.0]]), sets_of())
    assert (nothing.users.size, nothing.indptr.tolist(), nothing.of(0)[0].size) == (0, [0], 0)
    assert values_in(CandidateSetSummary.of("x", nothing.candidates).words) == ["0", "0"]


def test_the_facts_of_sets_in_words() -> None:
    assert values_in(CandidateSetSummary.of("x", np.array([40])).words) == ["1", "39"]
    assert values_in(CandidateSetSummary.of("x", np.array([2, 2])).words) == ["2", "1"]
    assert values_in(CandidateSetSummary.of("x", np.array([40, 36, 1_001])).words) == ["3", "35", "1,000"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Any, list[tuple[int, int, list[int]]]]:
    n_users, n_items = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    scores = generator.integers(-2, 3, size=(n_users, n_items)).astype(np.float32)
    item = st.integers(0, n_items - 1)
    sets = st.lists(st.tuples(st.integers(0, n_users - 1), item, st.lists(item, max_size=8)), max_size=9)
    return scores, draw(sets)


@given(worlds(), st.randoms(use_true_random=False), st.sampled_from([1, 3, 5, 1000]))
def test_ranks_follow_the_rule_whatever_the_order_and_the_pieces(
    world: tuple[Any, list[tuple[int, int, list[int]]]], random: Any, pairs: int
) -> None:
    scores, sets = world
    expected: dict[tuple[int, int], list[int]] = {}
    for user, answer, negatives in sets:
        rank = 1 + sum(scores[user, other] >= scores[user, answer] for other in negatives)
        expected.setdefault((user, answer), []).append(int(rank))
    shuffled = random.sample(sets, len(sets))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidate_ranking, "PAIRS", pairs)
        for scorer in (Pairs(scores), Rows(scores)):
            found = rank_in_sets(scorer, sets_of(*shuffled))
            got = found_in(found)
            assert {pair: sorted(ranks) for pair, ranks in got.items()} == {p: sorted(r) for p, r in expected.items()}
            assert found.users.tolist() == sorted({user for user, _, _ in sets})
            assert sorted(found.candidates.tolist()) == sorted(len(negatives) + 1 for _, _, negatives in sets)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_streams_changes_neither_a_rank_nor_a_piece(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_ranking, "PAIRS", 50)
    generator = np.random.default_rng(3)
    scores = generator.integers(0, 9, (40, 30))
    sets = sets_of(*((u, int(generator.integers(30)), generator.integers(0, 30, 12).tolist()) for u in range(40)))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        scorer = Pairs(scores)
        found = rank_in_sets(scorer, sets)
    finally:
        torch.set_num_threads(before)
    assert found.ranks.tolist() == rank_in_sets(Rows(scores), sets).ranks.tolist()
    assert len(scorer.asked) == 14, "40 users of 13 pairs, three a piece"
    assert max(map(len, scorer.asked)) <= 50


def test_only_the_users_that_are_asked_for_are_scored() -> None:
    scorer = Pairs(np.zeros((3, 4)))
    found = rank_in_sets(scorer, sets_of((2, 1, [0]), (0, 3, [1]), (1, 3, [1])), users=[2, 0])
    assert found.users.tolist() == [0, 2]
    assert {user for asked in scorer.asked for user, _ in asked} == {0, 2}


def test_progress_counts_users_and_stop_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate_ranking, "PAIRS", 1)
    monkeypatch.setattr(runtime_threads, "width", lambda: 2)
    sets = sets_of(*((user, 0, [1]) for user in range(5)))
    told: list[tuple[int, int]] = []
    rank_in_sets(Pairs(np.zeros((5, 2))), sets, progress=lambda *both: told.append(both))
    assert told == [(2, 5), (4, 5), (5, 5)]
    scorer = Pairs(np.zeros((5, 2)))
    with pytest.raises(TrainingStopped, match="4 of 5"):
        rank_in_sets(scorer, sets, stop=lambda: len(scorer.asked) == 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_an_error_with_the_user(bad: float) -> None:
    scores = np.zeros((3, 4))
    scores[1, 2] = bad
    with pytest.raises(NonFiniteScoreError, match=r"user 1 .* item 2"):
        rank_in_sets(Pairs(scores), sets_of((0, 1, [2]), (1, 1, [2])))
    assert rank_in_sets(Pairs(scores), sets_of((1, 1, [3]))).ranks.tolist() == [2], "nobody asked for that pair"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0 to 0, .* 0 to 1"):
        rank_in_sets(Pairs([[0.0, 0.0]]), sets_of((0, 0, [1]), (1, 0, [1])))
    with pytest.raises(ValueError, match=r"answers .* 0 to 1"):
        rank_in_sets(Pairs([[0.0, 0.0]]), sets_of((0, 2, [1])))
    with pytest.raises(ValueError, match=r"negatives .* 0 to 1"):
        rank_in_sets(Pairs([[0.0, 0.0]]), sets_of((0, 0, [2])))

    class Short(Pairs):
        def score_pairs(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
            return super().score_pairs(user, item)[:1]

    with pytest.raises(ValueError, match=r"\(1,\) for 2"):
        rank_in_sets(Short([[0.0, 0.0]]), sets_of((0, 0, [1])))


def test_what_was_found_cannot_be_changed() -> None:
    found = rank_in_sets(Pairs([[0.0, 1.0]]), sets_of((0, 0, [1])))
    for array in (found.users, found.indptr, found.items, found.ranks, found.candidates):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
