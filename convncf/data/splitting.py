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
from convncf.runtime.arrays import read_only
from convncf.runtime.random import rng

if TYPE_CHECKING:
    from convncf.data.dataset import Dataset

_METHOD = "predefined, from the files of the data"


def predefined_split(dataset: Dataset, seed: int) -> Split:
    """The parts of the predefined split.

    Without a validation part, one random training item of each user who has more than one becomes it: a function of
    the seed and raw ids alone. Raises SplitError where there is no predefined split or nothing is left for training.
    """
    interactions = dataset.interactions
    if dataset.part is None:
        raise SplitError(
            f"data.split=predefined, but dataset {dataset.name!r} has no predefined split. Choose another "
            "(--set data.split=ratio or leave-one-out), or add its training and test files together."
        )
    part: Parts = dataset.part
    counts = np.bincount(part, minlength=3)
    if not counts[TRAIN]:
        raise SplitError(
            f"dataset {dataset.name!r} has a predefined split without a training interaction "
            f"({counts[VALIDATION]:,} validation, {counts[TEST]:,} test). Relax the filters, "
            "or choose another split (--set data.split=ratio)."
        )
    notes, method = [], _METHOD
    if not counts[VALIDATION]:
        rows = _one_of_each_user(interactions, part, seed)
        part = part.copy()
        part[rows] = VALIDATION
        read_only(part)
        method = f"{_METHOD}; validation sampled from training, seed {seed}"
        users = "the 1 user who has" if len(rows) == 1 else f"each of the {len(rows):,} users who have"
        notes.append(
            f"the predefined split has no validation part: one random training item of {users} more than one is used"
            if len(rows)
            else "there is no validation part: no user has a second training item"
        )
    if not counts[TEST]:
        notes.append("there is no test part")
    return Split(interactions, part, method, *users_without(interactions, part), tuple(notes), "predefined")


def _one_of_each_user(interactions: Interactions, part: Parts, seed: int) -> npt.NDArray[np.int64]:
    """Rows of the training items to use for validation, one of each user who has more than one."""
    rows = np.flatnonzero(part == TRAIN)
    user, item = interactions.user[rows], interactions.item[rows]
    bits = pair_bits(seed, "ready validation", id_hashes(interactions.users)[user], id_hashes(interactions.items)[item])
    order = np.lexsort((bits, user))
    last = np.append(user[order][1:] != user[order][:-1], True)
    several = np.bincount(user, minlength=interactions.n_users)[user[order]] > 1
    return rows[order[last & several]]


Order = Literal["time", "random"]
_NOT_FOR_PREDEFINED = ("order", "across", "ratios")
_LOW: Final[dict[LowRated, str]] = {
    "hidden": "neither recommended to their rater nor sampled as negatives",
    "negatives": "not recommended to their rater, and sampled as any other negative",
    "unseen": "treated as if never rated",
}


def filter_and_split(dataset: Dataset, config: DataConfig, seed: int) -> tuple[Filtered, Split]:
    """A dataset after its filters, and its split. Raises DataError and SplitError."""
    filtered = apply_filters(dataset, config)
    new_split = split(filtered.dataset, config, seed, filtered.below)
    filter_notes = () if len(filtered.steps) == 1 else (filtered.sentence(),)
    return filtered, replace(new_split, notes=filter_notes + new_split.notes)


def split(dataset: Dataset, config: DataConfig, seed: int, below: sparse.csr_array | None = None) -> Split:
    """Hold out by the config's method; a function of (data, config, seed) alone.

    The dataset is filtered already, and `below` (U, I) holds the pairs rated too low. Raises SplitError, before any
    work, where nothing can be held out, where times are needed and missing, or where a predefined split is set for data
    without one.
    """
    new_split = _split(dataset, config, seed)
    low_notes = (
        () if below is None else (f"{below.nnz:,} pairs rated lower than data.min_rating are {_LOW[config.low_rated]}",)
    )
    return replace(
        new_split, notes=new_split.notes + low_notes + cold_notes(new_split), below=below, low_rated=config.low_rated
    )


def _split(dataset: Dataset, config: DataConfig, seed: int) -> Split:
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
    """Split each user's interactions, or all together, at random or so that the latest are held out.

    Of n interactions, floor(n · ratio) go to validation and to test, but at least one to each part whose ratio is not
    zero; the rest is training, at least one. A user with fewer interactions than there are parts stays in training.
    A random split goes by raw ids: the same data in another order of rows or indices is split the same.
    """
    total = sum(map(_exact, ratios))
    if min(ratios) < 0 or ratios[0] == 0:
        raise SplitError(f"ratios {list(ratios)}: none may be negative and the first (training) must be above 0.")
    key = _times(interactions, "a split by time") if order == "time" else _random_key(interactions, seed)
    n_parts = sum(ratio > 0 for ratio in ratios)
    group = interactions.user if across == "user" else np.zeros(len(interactions), np.int32)
    counts = np.bincount(group, minlength=interactions.n_users if across == "user" else 1)
    _refuse_nothing_to_hold_out(counts, n_parts, "ratio", across)

    can_hold_out = counts >= n_parts
    sizes = [_share(counts, _exact(ratio) / total) * can_hold_out for ratio in ratios[1:]]
    # Rounding a small part up to one may use the last training interaction: the larger part returns it.
    without_training = can_hold_out & (counts - sizes[0] - sizes[1] < 1)
    validation_gives = without_training & (sizes[0] > sizes[1])
    sizes = [sizes[0] - validation_gives, sizes[1] - (without_training & ~validation_gives)]

    notes = [] if n_parts > 1 else ["every interaction is for training: there is no validation and no test part"]
    if n_parts == 2:
        notes.append(f"there is no {'validation' if ratios[1] == 0 else 'test'} part")
    ratio_text = ":".join(f"{ratio:g}" for ratio in ratios)
    scope = "per user" if across == "user" else "of all interactions"
    order_text = "by time" if order == "time" else f"at random, seed {seed}"
    return _assemble(
        interactions, "ratio", f"ratio {ratio_text} {scope} {order_text}", n_parts, (group, key, order), sizes, notes
    )


def leave_one_out(interactions: Interactions, order: Order = "time", seed: int = 0) -> Split:
    """One interaction of each user is for test, one for validation, the rest for training.

    By time these are the latest and the one before it; at random they are chosen by raw ids. A user with fewer than
    three interactions stays in training.
    """
    by_time = order == "time"
    key = _times(interactions, "leave-one-out") if by_time else _random_key(interactions, seed)
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    _refuse_nothing_to_hold_out(counts, 3, "leave-one-out", "user")
    one_each = (counts >= 3).astype(np.int64)
    method = "leave-one-out by time" if by_time else f"leave-one-out at random, seed {seed}"
    ordering = (interactions.user, key, order)
    return _assemble(interactions, "leave-one-out", method, 3, ordering, [one_each, one_each], [])


def _assemble(
    interactions: Interactions,
    kind: SplitKind,
    method: str,
    n_parts: int,
    ordering: tuple[npt.NDArray[np.int32], npt.NDArray[Any], Order],
    sizes: list[Int64s],
    notes: list[str],
) -> Split:
    """The last sizes[1][g] interactions of group g are test, the sizes[0][g] before them validation."""
    group, key, order = ordering
    in_order = order_within(group, key, len(sizes[0]))  # equal keys keep the file's order
    ordered_parts = _parts_in_order(np.bincount(group, minlength=len(sizes[0])), *sizes)
    part: Parts = np.empty(len(group), np.int8)
    part[in_order] = ordered_parts
    read_only(part)
    if order == "time":
        notes += _tie_notes(group[in_order], key[in_order], ordered_parts, len(sizes[0]))
    counts = np.bincount(interactions.user, minlength=interactions.n_users)
    n_short = int((counts < n_parts).sum()) if len(sizes[0]) == interactions.n_users else 0
    if n_short:
        users = "users have" if n_short > 1 else "user has"
        stay = "stay" if n_short > 1 else "stays"
        notes.append(f"{n_short:,} {users} fewer than {n_parts} interactions and {stay} in training")
    return Split(interactions, part, method, *users_without(interactions, part), tuple(notes), kind)


def _parts_in_order(counts: Int64s, n_validation: Int64s, n_test: Int64s) -> Parts:
    """(n,) the part of each interaction, group after group, of (g,) counts of all, validation and test."""
    sizes = np.stack([counts - n_validation - n_test, n_validation, n_test], axis=1)  # (g, 3)
    return np.repeat(np.tile(np.array([TRAIN, VALIDATION, TEST], np.int8), len(counts)), sizes.ravel())


def _tie_notes(group: npt.NDArray[Any], key: npt.NDArray[Any], part: Parts, n_groups: int) -> list[str]:
    """A note where neighbours in time have equal times and are in different parts; all (n,) in the order of time."""
    tied = (group[1:] == group[:-1]) & (key[1:] == key[:-1]) & (part[1:] != part[:-1])
    n = len(np.unique(group[1:][tied]))
    if not n:
        return []
    if n_groups == 1:
        return ["equal times are on both sides of a border between parts: there the order of the file decides"]
    users = "users have" if n > 1 else "user has"
    return [f"{n:,} {users} equal times among the latest: there the order of the file decides"]


def _times(interactions: Interactions, what: str) -> Int64s:
    if interactions.timestamp is None:
        raise SplitError(
            f"{what} holds out the latest interactions, and this dataset has no times. Use the ratio split "
            "(--set data.split=ratio), hold out at random (--set data.order=random), or read the file with its "
            "time column."
        )
    return interactions.timestamp


def _random_key(interactions: Interactions, seed: int) -> npt.NDArray[np.float64]:
    """(n,) a random number for each pair, assigned in the order of raw ids."""
    key = np.empty(len(interactions))
    key[interactions.canonical_order] = rng(seed, "split").random(len(interactions))
    return key


def _refuse_nothing_to_hold_out(counts: Int64s, needed: int, kind: SplitKind, across: Literal["user", "all"]) -> None:
    """Refuse where no group has an interaction for each part; the message names settings that can be used."""
    most, n = int(counts.max(initial=0)), int(counts.sum())
    if most >= needed:
        return
    settings = ["data.split=ratio"] if kind == "leave-one-out" else []
    would_split_all = across == "user" and most < 2 <= n  # no user has two
    settings += ["data.across=all"] if would_split_all else []
    n_available = n if would_split_all else most
    if n_available < needed:
        settings.append("data.ratios=[0.9,0,0.1]" if n_available >= 2 else "data.ratios=[1,0,0]")
    lacking = "no user has" if across == "user" else "the dataset lacks"
    raise SplitError(
        f"{lacking} the {needed} interactions that {needed} parts need: the most is {most}. "
        f"Use data with longer histories, or {' '.join(f'--set {setting}' for setting in settings)}."
    )


def _refuse_without_effect(name: str, config: DataConfig) -> None:
    """A setting of other splits beside a predefined one would be ignored."""
    defaults = DataConfig()
    ignored = [key for key in _NOT_FOR_PREDEFINED if getattr(config, key) != getattr(defaults, key)]
    if ignored and config.split == "auto":
        raise SplitError(
            f"data.{ignored[0]} would be ignored: dataset {name!r} has a predefined split, which data.split=auto uses. "
            "Set data.split=ratio to split it again, or remove that setting."
        )


def _exact(ratio: float) -> Fraction:
    """0.1 as 1/10: floor(30 · 0.1) must not depend on how a float rounds."""
    return Fraction(ratio).limit_denominator(10**6)


def _share(counts: Int64s, ratio: Fraction) -> Int64s:
    if ratio == 0:
        return np.zeros_like(counts)
    return np.maximum(counts * ratio.numerator // ratio.denominator, 1)
