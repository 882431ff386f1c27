"""A ready split, as the data came divided; its validation part is drawn from training where it came without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convncf.data.draws import id_hashes, pair_bits
from convncf.data.interactions import Interactions
from convncf.data.parts import TEST, TRAIN, VALIDATION, Parts, Split, users_without
from convncf.errors import SplitError

if TYPE_CHECKING:
    from convncf.data.storage import Dataset

_METHOD = "ready, as the data came divided"


def ready_split(dataset: Dataset, seed: int) -> Split:
    """The parts that the data came with.

    Without a validation part, one random training item of each user who has more than one becomes it: a function of
    the seed and raw ids alone. Raises SplitError where the data came undivided or nothing is left for training.
    """
    interactions = dataset.interactions
    if dataset.part is None:
        raise SplitError(
            f"data.split=ready, but dataset {dataset.name!r} came undivided. Divide it here "
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
    return Split(interactions, part, method, *users_without(interactions, part), tuple(notes), "ready")


def _one_of_each_user(interactions: Interactions, part: Parts, seed: int) -> npt.NDArray[np.int64]:
    """Rows of the training items to take for validation, one of each user who has more than one."""
    rows = np.flatnonzero(part == TRAIN)
    user, item = interactions.user[rows], interactions.item[rows]
    bits = pair_bits(seed, "ready validation", id_hashes(interactions.users)[user], id_hashes(interactions.items)[item])
    order = np.lexsort((bits, user))
    last = np.append(user[order][1:] != user[order][:-1], True)
    several = np.bincount(user, minlength=interactions.n_users)[user[order]] > 1
    return rows[order[last & several]]
