"""Candidate sets: what is drawn is uniform, free, and goes by raw ids."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.config import DataConfig
from convncf.data.candidate_sampling import distinct, sample_candidates
from convncf.data.candidates import CandidateSets
from convncf.data.id_hashing import id_hashes, pair_bits, sequence
from convncf.data.interactions import Interactions
from convncf.data.split import Part, Split
from convncf.data.splitting import filter_and_split, ratio_split
from convncf.data.vocabulary import Vocabulary
from convncf.errors import DataError
from tests.wording import values_in
from tests.worlds import checkerboard, dataset_of

BOTH: tuple[Part, ...] = ("validation", "test")


def toy(seed: int = 1, ratios: tuple[float, float, float] = (0.8, 0.1, 0.1)) -> Split:
    return ratio_split(dataset_of().interactions, ratios, seed)


def by_name(sets: CandidateSets, data: Interactions) -> dict[tuple[str, str], list[str]]:
    """(raw user, raw answer) -> raw negatives, in order."""
    return {
        (data.users.id(int(sets.user[s])), data.items.id(int(sets.answer[s]))): [
            data.items.id(int(item)) for item in sets.of(s)
        ]
        for s in range(len(sets))
    }


# ---------------------------------------------------------------- drawn


@given(seed=st.integers(0, 2**31 - 1), n=st.integers(1, 60))
def test_a_drawn_set_is_distinct_free_and_as_large_as_can_be(seed: int, n: int) -> None:
    frame = checkerboard(6, 20, seed=seed % 50)
    frame["rating"] = np.where(np.arange(len(frame)) % 5 == 0, 1.0, 5.0)
    _, made = filter_and_split(dataset_of(frame), DataConfig(min_rating=4, ratios=(0.5, 0.2, 0.3)), seed)
    assert made.below is not None
    taken = made.interactions.matrix().toarray() | made.below.toarray()
    for part in BOTH:
        sets = sample_candidates(made, part, n, seed)
        pairs = list(zip(sets.user.tolist(), sets.answer.tolist(), strict=True))
        assert sorted(pairs) == sorted(map(tuple, np.argwhere(made.positives(part).toarray()).tolist()))
        for s, (user, _) in enumerate(pairs):
            chosen = sets.of(s).tolist()
            assert len(set(chosen)) == len(chosen) == min(n, int((~taken[user]).sum()))
            assert not taken[user, chosen].any()


@given(seed=st.integers(0, 2**31 - 1), n=st.integers(1, 30), shuffle=st.integers(0, 100))
def test_what_is_drawn_goes_by_raw_ids(seed: int, n: int, shuffle: int) -> None:
    frame = checkerboard(8, 20)
    one, other = (
        ratio_split(Interactions.from_frame(rows), (0.8, 0.1, 0.1), 1)
        for rows in (frame, frame.sample(frac=1, random_state=shuffle))
    )
    sets, again = (sample_candidates(made, "test", n, seed) for made in (one, other))
    assert by_name(sets, one.interactions) == by_name(again, other.interactions)
    assert sets.fingerprint(one.interactions) == again.fingerprint(other.interactions)


def test_a_set_does_not_depend_on_what_other_users_have() -> None:
    """Only the catalogue and the user's own items matter: without half of the users the others keep their sets."""
    rows = [("everyone", f"i{n}") for n in range(30)]
    rows += [(f"u{u}", f"i{(3 * u + 7 * k) % 30}") for u in range(8) for k in range(6)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id"])
    few = frame[frame["user_id"].isin(["everyone", "u1", "u5"])]
    part = {True: 2, False: 0}

    def made(rows: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
        data = Interactions.from_frame(rows)
        parts = np.array([part[item == "i2" or item == "i10"] for item in rows["item_id"]], np.int8)
        return by_name(sample_candidates(Split(data, parts, "by hand", 0, 0), "test", 5, 3), data)

    whole, half = made(frame), made(few)
    assert half == {pair: negatives for pair, negatives in whole.items() if pair in half}
    assert len([pair for pair in half if pair[0] != "everyone"]) > 0


def test_seed_part_and_pair_decide() -> None:
    made = toy()
    first = sample_candidates(made, "test", 10, 1)
    assert (first.negatives == sample_candidates(made, "test", 10, 1).negatives).all()
    assert (first.negatives != sample_candidates(made, "test", 10, 2).negatives).any()
    data = made.interactions
    both = Split(data, np.where(made.part == 1, 2, made.part).astype(np.int8), "by hand", 0, 0)
    alike = by_name(sample_candidates(both, "test", 10, 1), data)
    assert {pair: alike[pair] for pair in by_name(first, data)} == by_name(first, data), "other answers do not matter"
    as_validation = Split(data, np.where(made.part == 2, 1, made.part).astype(np.int8), "by hand", 0, 0)
    assert by_name(sample_candidates(as_validation, "validation", 10, 1), data) != alike


def test_a_longer_draw_begins_with_a_shorter_one() -> None:
    made = toy()
    few, many = (sample_candidates(made, "test", n, 1) for n in (5, 12))
    assert all(many.of(s)[:5].tolist() == few.of(s).tolist() for s in range(len(few)))


def test_drawn_negatives_are_uniform() -> None:
    """Of 20 free items 3 are drawn in 4,000 sets: each 600 times, Pearson's statistic 19, above 50 rarely."""
    ids = id_hashes(Vocabulary("user", tuple(map(str, range(4000)))))
    state = pair_bits(1, "test", ids, ids)
    drawn = distinct(state, np.full(4000, 20), np.full(4000, 3)).reshape(4000, 3)
    counts = np.bincount(drawn.ravel(), minlength=20)
    assert ((counts - 600) ** 2 / 600).sum() < 50
    subsets = Counter(tuple(sorted(row)) for row in drawn.tolist())
    assert len(subsets) > 1100, "of 1,140 subsets about 1,106 are met in 4,000 draws"


@given(
    limits=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=20),
    seed=st.integers(0, 2**31),
)
def test_distinct_numbers_end_however_much_is_asked(limits: list[tuple[int, int]], seed: int) -> None:
    below = np.array([limit for limit, _ in limits])
    sizes = np.minimum(below, [asked for _, asked in limits])
    state = np.arange(seed, seed + len(limits)).astype(np.uint64)
    numbers = sequence(state, 2000) >> np.uint64(1)
    drawn = np.split(distinct(state, below, sizes), np.cumsum(sizes)[:-1])
    for limit, size, own, chosen in zip(below, sizes, numbers, drawn, strict=True):
        first = dict.fromkeys(range(limit) if size == limit else (own % np.uint64(max(limit, 1))).tolist())
        assert chosen.tolist() == [*first][:size], "whatever the other sets ask for"


def test_how_many_were_drawn_is_said() -> None:
    made = toy()
    assert values_in(sample_candidates(made, "test", 7, 4).origin) == ["7", "4"]
    sets = sample_candidates(made, "validation", 999, 4)
    fewest, most = int(sets.sizes.min()), int(sets.sizes.max())
    assert 0 < fewest < most <= 39
    assert values_in(sets.origin) == [str(fewest), str(most), "4", "999", str(len(sets))]


def test_a_user_with_no_free_item_has_an_empty_set_and_it_is_said() -> None:
    frame = pd.DataFrame({"user_id": [*"aaab"], "item_id": [*"xyzx"]})
    made = Split(Interactions.from_frame(frame), np.array([0, 0, 2, 2], np.int8), "by hand", 0, 0)
    sets = sample_candidates(made, "test", 5, 1)
    assert by_name(sets, made.interactions).keys() == {("a", "z"), ("b", "x")}
    assert sets.sizes.tolist() == [0, 2]
    assert values_in(sets.origin)[-3:] == ["5", "2", "1"]


def test_what_cannot_be_drawn() -> None:
    made = toy(ratios=(0.9, 0.0, 0.1))
    sets = sample_candidates(made, "validation", 5, 1)
    assert (len(sets), sets.origin.startswith("none drawn")) == (0, True)
    assert sets.fingerprint(made.interactions).startswith("sha256:")
    with pytest.raises(DataError, match="0 negatives"):
        sample_candidates(made, "test", 0, 1)


def test_items_rated_low_are_drawn_only_where_unseen() -> None:
    rows = [("u", f"i{n}", 5.0) for n in range(6)] + [("u", f"low{n}", 1.0) for n in range(6)]
    rows += [("v", f"low{n}", 5.0) for n in range(6)] + [("v", f"i{n}", 1.0) for n in range(6)]
    data = dataset_of(pd.DataFrame(rows, columns=["user_id", "item_id", "rating"]))
    for how, size in (("hidden", 0), ("negatives", 0), ("unseen", 6)):
        config = DataConfig.model_validate({"min_rating": 4, "low_rated": how})
        made = filter_and_split(data, config, 1)[1]
        assert set(sample_candidates(made, "test", 99, 1).sizes.tolist()) == {size}, how


# ---------------------------------------------------------------- the fingerprint and the value


def test_the_fingerprint_sees_content_and_not_order() -> None:
    users, items = Vocabulary("user", ("u", "v")), Vocabulary("item", (*"abcd",))
    data = Interactions(users, items, np.array([0, 1], np.int32), np.array([0, 0], np.int32))

    def sets(*made: tuple[int, int, list[int]]) -> str:
        sizes = [len(negatives) for _, _, negatives in made]
        return CandidateSets(
            np.array([user for user, _, _ in made], np.int32),
            np.array([answer for _, answer, _ in made], np.int32),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            np.array([n for _, _, negatives in made for n in negatives], np.int32),
        ).fingerprint(data)

    one = sets((0, 0, [1, 2]), (1, 0, [3]))
    assert one == sets((1, 0, [3]), (0, 0, [2, 1]))
    others = [
        sets((0, 0, [1, 2]), (1, 0, [2])),
        sets((0, 0, [1, 2, 2]), (1, 0, [3])),
        sets((0, 0, [1]), (1, 0, [2, 3])),
        sets((1, 0, [1, 2]), (0, 0, [3])),
        sets((0, 3, [1, 2]), (1, 0, [3])),
        sets((0, 0, [1, 2])),
        sets((0, 0, [1, 2]), (1, 0, [])),
    ]
    assert len({one, *others}) == 8


@pytest.mark.parametrize(("offsets", "words"), [([0, 2], "end at 2"), ([0], "1 users, 1 positives")])
def test_sets_that_do_not_fit_together_are_refused(offsets: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        CandidateSets(np.zeros(1, np.int32), np.zeros(1, np.int32), np.array(offsets), np.zeros(3, np.int32))
