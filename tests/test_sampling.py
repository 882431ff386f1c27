"""Triples: negatives are exact, uniform and a function of (seed, epoch, position) alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from convncf.data.sampling import TripleSampler, splitmix
from convncf.errors import DataError

Bools = np.ndarray[tuple[int, int], np.dtype[np.bool_]]

MATRICES = (
    st.tuples(st.integers(1, 6), st.integers(2, 9))
    .flatmap(lambda shape: st.tuples(*[st.tuples(*[st.booleans()] * shape[1])] * shape[0]))
    .map(lambda rows: np.array(rows, np.bool_))
    .filter(lambda seen: bool(seen[~seen.all(axis=1)].any()))
)
"""What users have seen: somebody has something and not everything."""


def sampler(seen: Bools, seed: int = 1) -> TripleSampler:
    return TripleSampler(sparse.csr_array(seen), seed)


# ---------------------------------------------------------------- properties


@given(seen=MATRICES, seed=st.integers(0, 2**31), epoch=st.integers(0, 50), size=st.integers(1, 20))
def test_no_negative_is_ever_a_training_positive(seen: Bools, seed: int, epoch: int, size: int) -> None:
    for user, positive, negative in sampler(seen, seed).epoch(epoch, size):
        assert seen[user.numpy(), positive.numpy()].all()
        assert not seen[user.numpy(), negative.numpy()].any()
        assert user.dtype == positive.dtype == negative.dtype == torch.int64


@given(seen=MATRICES, epoch=st.integers(0, 50), size=st.integers(1, 20))
def test_an_epoch_holds_each_interaction_once(seen: Bools, epoch: int, size: int) -> None:
    triples = sampler(seen)
    batches = list(triples.epoch(epoch, size))
    assert len(batches) == triples.steps(size)
    assert all(len(user) == size for user, _, _ in batches[:-1])
    drawn = Counter((int(u), int(p)) for user, positive, _ in batches for u, p in zip(user, positive, strict=True))
    usable = seen & ~seen.all(axis=1, keepdims=True)
    assert drawn == Counter((int(u), int(i)) for u, i in np.argwhere(usable))
    assert triples.n_triples == usable.sum()


@given(seen=MATRICES, seed=st.integers(0, 2**31), epoch=st.integers(0, 50), size=st.integers(1, 20))
def test_by_user_each_triple_is_one_of_training_and_any_step_can_be_drawn_alone(
    seen: Bools, seed: int, epoch: int, size: int
) -> None:
    train = sparse.csr_array(seen)
    triples, again = TripleSampler(train, seed, by_user=True), TripleSampler(train, seed, by_user=True)
    batches = list(triples.epoch(epoch, size))
    assert sum(len(user) for user, _, _ in batches) == triples.n_triples == sampler(seen).n_triples
    for user, positive, negative in batches:
        assert seen[user.numpy(), positive.numpy()].all()
        assert not seen[user.numpy(), negative.numpy()].any()
    last = again.batch(epoch, len(batches) - 1, size)
    assert all(torch.equal(one, other) for one, other in zip(last, batches[-1], strict=True))


def test_by_user_a_user_with_one_item_is_drawn_as_often_as_one_with_many() -> None:
    seen = np.zeros((2, 1002), dtype=bool)
    seen[0, :999] = True
    seen[1, 1000] = True  # 1 of 1,000 interactions
    for by_user, low, high in ((False, 20, 20), (True, 9_500, 10_500)):
        triples = TripleSampler(sparse.csr_array(seen), 1, by_user=by_user)
        drawn = np.concatenate([triples.batch(epoch, 0, 1000)[0].numpy() for epoch in range(20)])
        assert low <= int((drawn == 1).sum()) <= high
    items = np.concatenate([triples.batch(epoch, 0, 1000)[1].numpy() for epoch in range(20)])
    counts = np.bincount(items, minlength=1002)[:999]
    assert counts.min() > 0  # each of the first user's items, about ten times
    assert counts.max() < 40


@given(seen=MATRICES)
def test_r_enumerates_the_items_not_seen_in_order(seen: Bools) -> None:
    # With r uniform, this makes every negative equally likely: no statistics needed.
    triples = sampler(seen)
    for user, row in enumerate(seen):
        unseen = np.flatnonzero(~row)
        r = torch.arange(len(unseen))
        assert triples.negatives(torch.full_like(r, user), r).tolist() == unseen.tolist()


@given(seen=MATRICES, sizes=st.tuples(st.integers(1, 20), st.integers(1, 20)), seed=st.integers(0, 100))
def test_the_batch_size_does_not_change_what_is_drawn(seen: Bools, sizes: tuple[int, int], seed: int) -> None:
    one, other = (
        [np.concatenate(part) for part in zip(*sampler(seen, seed).epoch(3, size), strict=True)] for size in sizes
    )
    assert all((a == b).all() for a, b in zip(one, other, strict=True))


@given(
    seen=MATRICES,
    hidden=st.integers(0, 2**54 - 1),
    epoch=st.integers(0, 50),
    size=st.integers(1, 20),
    n=st.integers(1, 5),
)
def test_no_negative_is_ever_barred(seen: Bools, hidden: int, epoch: int, size: int, n: int) -> None:
    more = np.array([hidden >> bit & 1 for bit in range(seen.size)], bool).reshape(seen.shape)
    excluded_as_negatives = seen | more
    if not seen[~excluded_as_negatives.all(axis=1)].any():
        return
    triples = TripleSampler(sparse.csr_array(seen), 1, excluded_as_negatives=sparse.csr_array(more), candidates=n)
    drawn: Counter[tuple[int, int]] = Counter()
    for user, positive, negative in triples.epoch(epoch, size):
        assert negative.shape == ((len(user),) if n == 1 else (len(user), n))
        assert negative.dtype == torch.int64
        assert not excluded_as_negatives[user.numpy()[:, None], negative.reshape(len(user), n).numpy()].any()
        assert seen[user.numpy(), positive.numpy()].all()
        drawn.update(zip(user.tolist(), positive.tolist(), strict=True))
    usable = seen & ~excluded_as_negatives.all(axis=1, keepdims=True)
    assert drawn == Counter((int(u), int(i)) for u, i in np.argwhere(usable))
    assert (
        triples.users_without_negatives.tolist()
        == np.flatnonzero(excluded_as_negatives.all(axis=1) & seen.any(axis=1)).tolist()
    )


@given(seen=MATRICES, n=st.integers(1, 5), sizes=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_the_batch_size_does_not_change_the_several_negatives(seen: Bools, n: int, sizes: tuple[int, int]) -> None:
    triples = TripleSampler(sparse.csr_array(seen), 1, candidates=n)
    one, other = (np.concatenate([negative for _, _, negative in triples.epoch(3, size)]) for size in sizes)
    assert (one == other).all()


@given(seen=MATRICES, epoch=st.integers(0, 50))
def test_training_barred_again_and_one_candidate_change_nothing(seen: Bools, epoch: int) -> None:
    train = sparse.csr_array(seen)
    plain, again = TripleSampler(train, 5), TripleSampler(train, 5, excluded_as_negatives=train, candidates=1)
    for one, other in zip(plain.epoch(epoch, 7), again.epoch(epoch, 7), strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------- known answers


SEEN = np.array(
    [
        [1, 0, 1, 0, 0, 1],
        [1, 1, 1, 1, 1, 1],  # has seen everything
        [0, 0, 0, 0, 0, 0],  # has nothing in training
        [1, 1, 1, 1, 1, 0],
    ],
    dtype=bool,
)


def test_who_has_seen_everything_is_left_out_and_counted() -> None:
    triples = sampler(SEEN)
    assert triples.users_without_negatives.tolist() == [1]
    assert triples.n_triples == 8
    users = np.concatenate([user for user, _, _ in triples.epoch(1, 3)])
    assert sorted(users.tolist()) == [0, 0, 0, 3, 3, 3, 3, 3]
    assert triples.steps(3) == 3


def test_the_only_negative_is_found_at_once() -> None:
    drawn = [(u, n) for user, _, neg in sampler(SEEN).epoch(1, 3) for u, n in zip(user, neg, strict=True)]
    assert {int(n) for u, n in drawn if u == 3} == {5}


def test_what_is_drawn_stays_what_it_was() -> None:
    """The first batch of a small world, as written down when triples had one negative and only training was barred."""
    seen = np.random.default_rng(0).random((5, 9)) < 0.4
    user, positive, negative = sampler(seen, 7).batch(1, 0, 6)
    assert (user.tolist(), positive.tolist()) == ([2, 0, 0, 0, 1, 3], [2, 1, 2, 3, 2, 8])
    assert negative.tolist() == [6, 7, 5, 4, 7, 3]


def test_who_has_everything_barred_is_left_out_and_counted() -> None:
    hidden = np.zeros_like(SEEN)
    hidden[3, 5] = hidden[2, :] = True  # user 3 loses the only negative; user 2 has no training anyway
    triples = TripleSampler(sparse.csr_array(SEEN), 1, excluded_as_negatives=sparse.csr_array(hidden))
    assert triples.users_without_negatives.tolist() == [1, 3]
    assert triples.n_triples == 3


def test_several_negatives_are_drawn_independently_and_uniformly() -> None:
    """Of five negatives, all 25 pairs are alike frequent: Pearson 24 on average, above 60 once in 20,000."""
    seen = np.zeros((4000, 6), dtype=bool)
    seen[:, 2] = True
    triples = TripleSampler(sparse.csr_array(seen), 3, candidates=3)
    negative = torch.cat([negative for _, _, negative in triples.epoch(1, 512)]).numpy()
    assert negative.shape == (4000, 3)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        counts = np.bincount(negative[:, one] * 6 + negative[:, other], minlength=36).reshape(6, 6)
        assert counts[2].sum() == counts[:, 2].sum() == 0
        free = np.delete(np.delete(counts, 2, 0), 2, 1)
        assert ((free - 160) ** 2 / 160).sum() < 60


def test_arguments_that_cannot_be_are_refused() -> None:
    train = sparse.csr_array(SEEN)
    with pytest.raises(DataError, match="0 negatives"):
        TripleSampler(train, 1, candidates=0)
    with pytest.raises(DataError, match=r"\(2, 6\), training \(4, 6\)"):
        TripleSampler(train, 1, excluded_as_negatives=sparse.csr_array(SEEN[:2]))


def test_any_order_of_calls_draws_the_same() -> None:
    seen = np.random.default_rng(0).random((40, 50)) < 0.3
    fresh = {(e, s): sampler(seen).batch(e, s, 64) for e in (1, 2) for s in range(3)}
    used = sampler(seen)
    for key in [(2, 1), (1, 2), (1, 0), (2, 0), (1, 1), (2, 2)]:  # as after a resume, and back and forth
        again = used.batch(*key, 64)
        assert all((a == b).all() for a, b in zip(again, fresh[key], strict=True))


def test_seed_and_epoch_change_what_is_drawn() -> None:
    seen = np.random.default_rng(0).random((40, 50)) < 0.3
    draws = [sampler(seen, seed).batch(epoch, 0, 64) for seed, epoch in [(1, 1), (2, 1), (1, 2)]]
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert any((a != b).any() for a, b in zip(draws[one], draws[other], strict=True))


def test_the_sampler_keeps_its_own_copy() -> None:
    train = sparse.csr_array(SEEN)
    triples = TripleSampler(train, 1)
    before = triples.batch(1, 0, 8)
    train.indices[:] = 0
    assert all((a == b).all() for a, b in zip(before, triples.batch(1, 0, 8), strict=True))


@pytest.mark.parametrize(
    ("seen", "reason"), [(np.ones((2, 3), bool), "seen all"), (np.zeros((2, 3), bool), "no training")]
)
def test_where_nothing_can_be_drawn_it_is_said_at_once(seen: Bools, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        sampler(seen)


@pytest.mark.parametrize("step", [-1, 3])
def test_a_step_outside_the_epoch_is_refused(step: int) -> None:
    with pytest.raises(IndexError, match="0 to 2"):
        sampler(SEEN).batch(1, step, 3)


# ---------------------------------------------------------------- the generator


def test_the_generator_is_splitmix64() -> None:
    """Its first numbers from 1234567, as the reference implementation prints them, through the same shifts."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    position = torch.arange(1, 5)
    assert [int(bits) % 2**64 for bits in splitmix(position, 1234567)] == expected


@pytest.mark.parametrize("epoch", [1, 2])
def test_negatives_are_uniform(epoch: int) -> None:
    """Pearson's statistic over 40 negatives of one user: 39 on average, above 85 once in 30,000 draws."""
    seen = np.zeros((2000, 41), dtype=bool)
    seen[:, 7] = True
    negative = torch.cat([negative for _, _, negative in sampler(seen, 3).epoch(epoch, 512)])
    counts = np.bincount(negative.numpy(), minlength=41)
    assert counts[7] == 0
    expected = 2000 / 40
    assert ((counts[np.arange(41) != 7] - expected) ** 2 / expected).sum() < 85
