"""Hold out part of the interactions: Dataset -> Split(train, validation, test).

Shapes: U users, I items, n interactions. Where times are equal, the order of the file decides.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convncf.config import DataConfig
from convncf.data.filtering import Filtered, apply_filters
from convncf.data.id_hashing import id_hashes, pair_bits
from convncf.data.interactions import Interactions, order_within
from convncf.data.split import (
    TEST,
    TRAIN,
    VALIDATION,
    Int64s,
    LowRated,
    Parts,
    Split,
    SplitKind,
    cold_notes,
    users_without,
)
from convncf.errors import SplitError
from convncf.runtime.random import rng

if TYPE_CHECKING:
    from convncf.data.dataset import Dataset

_METHOD = "predefined, as it came with the data"


def predefined_split(dataset: Dataset, seed: int) -> Split:
    """The parts that the data came with.

    Without a validation part, one random training item of each user who has more than one becomes it: a function of
    the seed and raw ids alone. Raises SplitError where the data came undivided or nothing is left for training.
    """
    interactions = dataset.interactions
    if dataset.part is None:
        raise SplitError(
            f"data.split=predefined, but dataset {dataset.name!r} came undivided. Divide it here "
            "(--set data.split=ratio or leave-one-out), or add its training and test files together."
        )
    part: Parts = dataset.part
    counts = np.bincount(part, minlength=3)
    if not counts[TRAIN]:
        raise SplitError(
            f"dataset {dataset.name!r} came divided, and no training interaction is there "
            f"({counts[VALIDATION]:,} validation, {counts[TEST]:,} test). Loosen the filters, "
            "or divide it anew (--set data.split=ratio)."
        )
    notes, method = [], _METHOD
    if not counts[VALIDATION]:
        drawn = _one_of_each_user(interactions, part, seed)
        part = part.copy()
        part[drawn] = VALIDATION
        part.setflags(write=False)
        method = f"{_METHOD}; validation drawn from training, seed {seed}"
        whose = "the 1 user who has" if len(drawn) == 1 else f"each of the {len(drawn):,} users who have"
        notes.append(
            f"the data came without a validation part: one random training item of {whose} more than one is taken"
            if len(drawn)
            else "there is no validation part: no user has a second training item to spare"
        )
    if not counts[TEST]:
        notes.append("there is no test part")
    return Split(interactions, part, method, *users_without(interactions, part), tuple(notes), "predefined")


def _one_of_each_user(interactions: Interactions, part: Parts, seed: int) -> npt.NDArray[np.int64]:
    """Rows of the training items to take for validation, one of each user who has more than one."""
    rows = np.flatnonzero(part == TRAIN)
    user, item = interactions.user[rows], interactions.item[rows]
    bits = pair_bits(seed, "ready validation", id_hashes(interactions.users)[user], id_hashes(interactions.items)[item])
    order = np.lexsort((bits, user))
    last = np.append(user[order][1:] != user[order][:-1], True)
    several = np.bincount(user, minlength=interactions.n_users)[user[order]] > 1
    return rows[order[last & several]]


Order = Literal["time", "random"]
_ONLY_UNDIVIDED = ("order", "across", "ratios")
_LOW: Final[dict[LowRated, str]] = {
    "hidden": "neither recommended to their rater nor drawn as negatives",
    "negatives": "not recommended to their rater, and drawn as any other negative",
    "unseen": "treated as if never rated",
}


def filter_and_split(dataset: Dataset, config: DataConfig, seed: int) -> tuple[Filtered, Split]:
    """What stays of a dataset under the filters, and how that is divided. Raises DataError and SplitError."""
    filtered = apply_filters(dataset, config)
    made = split(filtered.dataset, config, seed, filtered.below)
    told = () if len(filtered.steps) == 1 else (filtered.words(),)
    return filtered, replace(made, notes=told + made.notes)


def split(dataset: Dataset, config: DataConfig, seed: int, below: sparse.csr_array | None = None) -> Split:
    """Hold out by the config's method; a function of (data, config, seed) alone.

    The dataset is one after its filters, and `below` (U, I) what they found to be rated too low. Raises SplitError,
    before any work, where nothing can be held out, where times are needed and there are none, or where a predefined
    split is asked of data without one.
    """
    made = _divide(dataset, config, seed)
    low = (
        () if below is None else (f"{below.nnz:,} pairs rated lower than data.min_rating are {_LOW[config.low_rated]}",)
    )
    return replace(made, notes=made.notes + low + cold_notes(made), below=below, low_rated=config.low_rated)


def _divide(dataset: Dataset, config: DataConfig, seed: int) -> Split:
    interactions = dataset.interactions
    if config.split == "predefined" or (config.split == "auto" and dataset.part is not None):
        _refuse_without_effect(dataset.name, config)
        return predefined_split(dataset, seed)
    if config.split == "leave-one-out":
        return leave_one_out(interactions, "random" if config.order == "random" else "time", seed)
    order: Order = "time" if config.order == "time" else "random"
    return ratio_split(interactions, config.ratios, seed, order=order, across=config.across)


def ratio_split(
    interactions: Interactions,
    ratios: tuple[float, float, float],
    seed: int,
    *,
    order: Order = "random",
    across: Literal["user", "all"] = "user",
) -> Split:
    """Divide each user's interactions, or all together, at random or so that the latest are held out.

    Of n interactions, floor(n · ratio) go to validation and to test, but at least one to each part whose ratio is not
    zero; the rest is training, at least one. A user with fewer interactions than there are parts stays in training.
    A random draw goes by raw ids: the same data in another order of rows or indices is split the same.
    """
    total = sum(map(_exact, ratios))
    if min(ratios) < 0 or ratios[0] == 0:
        raise SplitError(f"ratios {list(ratios)}: none may be negative and the first (training) must be above 0.")
    key = _times(interactions, "a split by time") if order == "time" else _random_key(interactions, seed)
    n_parts = sum(ratio > 0 for ratio in ratios)
    group = interactions.user if across == "user" else np.zeros(len(interactions), np.int32)
    counts = np.bincount(group, minlength=interactions.n_users if across == "user" else 1)
    _refuse_nothing_to_hold_out(counts, n_parts, "ratio", across)

    enough = counts >= n_parts
    sizes = [_share(counts, _exact(ratio) / total) * enough for ratio in ratios[1:]]
    # Rounding a small part up to one may take the last training interaction: the larger part gives it back.
    lacking = enough & (counts - sizes[0] - sizes[1] < 1)
    validation_gives = lacking & (sizes[0] > sizes[1])
    sizes = [sizes[0] - validation_gives, sizes[1] - (lacking & ~validation_gives)]

    notes = [] if n_parts > 1 else ["every interaction is for training: there is no validation and no test part"]
    if n_parts == 2:
        notes.append(f"there is no {'validation' if ratios[1] == 0 else 'test'} part")
    words = ":".join(f"{ratio:g}" for ratio in ratios)
    whose = "per user" if across == "user" else "of all interactions"
    how = "by time" if order == "time" else f"at random, seed {seed}"
    return _assemble(interactions, "ratio", f"ratio {words} {whose} {how}", n_parts, (group, key, order), sizes, notes)


def leave_one_out(interactions: Interactions, order: Order = "time", seed: int = 0) -> Split:
    """One interaction of each user is for test, one for validation, the rest for training.

    By time these are the latest and the one before it; at random they are drawn by raw ids. A user with fewer than
    three interactions stays in training.
    """
    by_time = order == "time"
    key = _times(interactions, "leave-one-out") if by_time else _random_key(interactions, seed)
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    _refuse_nothing_to_hold_out(counts, 3, "leave-one-out", "user")
    one_each = (counts >= 3).astype(np.int64)
    method = "leave-one-out by time" if by_time else f"leave-one-out at random, seed {seed}"
    by = (interactions.user, key, order)
    return _assemble(interactions, "leave-one-out", method, 3, by, [one_each, one_each], [])


def _assemble(
    interactions: Interactions,
    kind: SplitKind,
    method: str,
    n_parts: int,
    by: tuple[npt.NDArray[np.int32], npt.NDArray[Any], Order],
    sizes: list[Int64s],
    notes: list[str],
) -> Split:
    """The last sizes[1][g] interactions of group g are test, the sizes[0][g] before them validation."""
    group, key, order = by
    in_order = order_within(group, key, len(sizes[0]))  # equal keys keep the file's order
    ordered = _latest_last(np.bincount(group, minlength=len(sizes[0])), *sizes)
    part: Parts = np.empty(len(group), np.int8)
    part[in_order] = ordered
    part.setflags(write=False)
    if order == "time":
        notes += _decided_by_the_file(group[in_order], key[in_order], ordered, len(sizes[0]))
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    n_short = int((counts < n_parts).sum()) if len(sizes[0]) == interactions.n_users else 0
    if n_short:
        whose = "users have" if n_short > 1 else "user has"
        stay = "stay" if n_short > 1 else "stays"
        notes.append(f"{n_short:,} {whose} fewer than {n_parts} interactions and {stay} in training")
    return Split(interactions, part, method, *users_without(interactions, part), tuple(notes), kind)


def _latest_last(counts: Int64s, n_validation: Int64s, n_test: Int64s) -> Parts:
    """(n,) the part of each interaction, group after group, of (g,) numbers in all, for validation and for test."""
    in_turn = np.stack([counts - n_validation - n_test, n_validation, n_test], axis=1)  # (g, 3)
    return np.repeat(np.tile(np.array([TRAIN, VALIDATION, TEST], np.int8), len(counts)), in_turn.ravel())


def _decided_by_the_file(group: npt.NDArray[Any], key: npt.NDArray[Any], part: Parts, n_groups: int) -> list[str]:
    """A note where neighbours in time have equal times and are in different parts; all (n,) in the order of time."""
    tied = (group[1:] == group[:-1]) & (key[1:] == key[:-1]) & (part[1:] != part[:-1])
    n = len(np.unique(group[1:][tied]))
    if not n:
        return []
    if n_groups == 1:
        return ["equal times lie on both sides of a border between parts: there, the order of the file decides"]
    whose = "users have" if n > 1 else "user has"
    return [f"{n:,} {whose} equal times among the latest: there, the order of the file decides"]


def _times(interactions: Interactions, what: str) -> Int64s:
    if interactions.timestamp is None:
        raise SplitError(
            f"{what} holds out the latest interactions, and this data has no times. Use the ratio split "
            "(--set data.split=ratio), hold out at random (--set data.order=random), or read the file with its "
            "time column."
        )
    return interactions.timestamp


def _random_key(interactions: Interactions, seed: int) -> npt.NDArray[np.float64]:
    """(n,) a random number for each pair, given out in the order of raw ids."""
    key = np.empty(len(interactions))
    key[interactions.canonical_order] = rng(seed, "split").random(len(interactions))
    return key


def _refuse_nothing_to_hold_out(counts: Int64s, needed: int, kind: SplitKind, across: Literal["user", "all"]) -> None:
    """Refuse where no group has an interaction for each part; with settings under which the data can be divided."""
    most, n = int(counts.max(initial=0)), int(counts.sum())
    if most >= needed:
        return
    settings = ["data.split=ratio"] if kind == "leave-one-out" else []
    together = across == "user" and most < 2 <= n  # no user could give one up
    settings += ["data.across=all"] if together else []
    to_divide = n if together else most
    if to_divide < needed:
        settings.append("data.ratios=[0.9,0,0.1]" if to_divide >= 2 else "data.ratios=[1,0,0]")
    who = "no user has" if across == "user" else "the data lacks"
    raise SplitError(
        f"{who} the {needed} interactions that {needed} parts need: the most is {most}. "
        f"Use data with longer histories, or {' '.join(f'--set {setting}' for setting in settings)}."
    )


def _refuse_without_effect(name: str, config: DataConfig) -> None:
    """A setting of other splits beside a predefined one would be ignored."""
    defaults = DataConfig()
    asked = [key for key in _ONLY_UNDIVIDED if getattr(config, key) != getattr(defaults, key)]
    if asked and config.split == "auto":
        raise SplitError(
            f"data.{asked[0]} would be ignored: dataset {name!r} came divided, and data.split=auto takes it so. "
            "Set data.split=ratio to divide it anew, or leave that setting out."
        )


def _exact(ratio: float) -> Fraction:
    """0.1 as 1/10: floor(30 · 0.1) must not depend on how a float rounds."""
    return Fraction(ratio).limit_denominator(10**6)


def _share(counts: Int64s, ratio: Fraction) -> Int64s:
    if ratio == 0:
        return np.zeros_like(counts)
    return np.maximum(counts * ratio.numerator // ratio.denominator, 1)
