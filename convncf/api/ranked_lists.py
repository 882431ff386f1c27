"""Ranked lists from any source, evaluated on a split: a DataFrame of user_id, item_id and rank or score -> a report.

Lists are ranked by the rule of the evaluation: what a user had in training (and validation) is excluded before ranking,
ties count against a positive, and an item that is not in a list comes after all that are: as a positive, a miss.
Shapes: n rows, I items.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convncf.api.arguments import column_of, frame_of, indices_of
from convncf.api.dataset import Split
from convncf.config import EvalConfig
from convncf.data.split import Part
from convncf.errors import DataError, did_you_mean
from convncf.evaluation import metrics
from convncf.evaluation.full_ranking import Ranks, users_with_positives
from convncf.evaluation.metrics import MISS
from convncf.evaluation.ranking import items_of, rank_positives
from convncf.evaluation.report import EXCLUDED, FULL, NO_OTHER_CANDIDATE, EvaluationReport

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


def report_of_lists(frame: pd.DataFrame, split: Split, part: Part, config: EvalConfig) -> EvaluationReport:
    """Every metric of `config` but AUC, which needs a full ranking, over the users who have a positive in `part`.

    Raises DataError where a column is missing, an id is missing or unknown, a pair occurs twice, or a value is no
    number.
    """
    frame = frame_of(frame, "the frame of lists")
    user = indices_of(column_of(frame, "user_id"), split.interactions.users)
    item = indices_of(column_of(frame, "item_id"), split.interactions.items)
    score = _scores(frame)
    _refuse_repeats(split, user, item)
    positives, excluded = split.positives(part), split.excluded(part)
    eligible = users_with_positives(positives)
    negatives = split.n_items - np.diff(excluded.indptr) - np.diff(positives.indptr)
    users = eligible[negatives[eligible] > 0]
    order = np.argsort(user, kind="stable")
    starts = np.searchsorted(user[order], np.arange(split.n_users + 1))
    ranks, indptr, without, n_excluded, shortest = [], [0], 0, 0, split.n_items
    for index in users.tolist():
        rows = order[starts[index] : starts[index + 1]]
        user_excluded, user_positives = items_of(excluded, index), items_of(positives, index)
        ranked = ~np.isin(item[rows], user_excluded)
        n_excluded += int((~ranked).sum())
        listed, values = item[rows[ranked]], score[rows[ranked]]
        without += not len(listed)
        shortest = min(shortest, len(listed))
        ranks.append(_ranks(listed, values, user_positives, user_excluded, split.n_items))
        indptr.append(indptr[-1] + len(user_positives))
    result = Ranks(
        users,
        np.asarray(indptr, np.int64),
        positives[users].indices.astype(np.int64),
        np.concatenate(ranks) if ranks else np.zeros(0, np.int64),
        (split.n_items - np.diff(excluded.indptr)[users]).astype(np.int64),
    )
    computed = [metric for metric in metrics.at(config.ks, monitor=config.monitor) if metric.k is not None]
    per_user = {str(metric): metrics.per_user(metric, result.ranks, result.indptr) for metric in computed}
    reasons = {
        f"no {part} item": split.n_users - eligible.size,
        NO_OTHER_CANDIDATE.format(part=part): eligible.size - users.size,
    }
    return EvaluationReport(
        protocol=FULL,
        part=part,
        metrics=MappingProxyType({name: float(values.mean()) for name, values in per_user.items() if values.size}),
        n_users=split.n_users,
        n_users_evaluated=users.size,
        not_evaluated=MappingProxyType({reason: int(n) for reason, n in reasons.items() if n}),
        excluded=EXCLUDED[part] + ("" if split.not_recommended is None else ", and those rated lower"),
        sample=None,
        notes=tuple(_notes(users.size, without, n_excluded, shortest, max(config.ks), part)),
        per_user=MappingProxyType(per_user),
        ranks=result,
    )


def _ranks(listed: Ints, values: npt.NDArray[np.float64], positives: Ints, excluded: Ints, n_items: int) -> Ints:
    """(m,) the rank of each positive under a list; MISS where the list does not hold it."""
    _, level = np.unique(values, return_inverse=True)  # as whole numbers, which distinguish any two floats
    scores = np.zeros(n_items)
    scores[listed] = level + 1.0  # what is not listed comes after
    ranks = rank_positives(scores, positives, excluded)
    return np.where(np.isin(positives, listed), ranks, MISS)


def _scores(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """(n,) the higher the better, from rank where there is one."""
    names = [name for name in ("rank", "score") if name in frame.columns]
    if not names:
        listed = ", ".join(map(repr, map(str, frame.columns)))
        hint = " ".join(
            suggestion
            for name in ("rank", "score")
            if (suggestion := did_you_mean(name, map(str, frame.columns))).startswith("Did")
        )
        raise DataError(f"no column 'rank' or 'score' among {listed}. {hint} Name one of the two.".replace("  ", " "))
    column = column_of(frame, names[0])
    if column.dtype.kind not in "iuf":
        raise DataError(f"column {names[0]!r} holds {column.dtype}, and numbers are needed. Convert it.")
    values = column.to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values) | ((values < 1) if names[0] == "rank" else np.zeros(len(values), bool)))
    if wrong.size:
        rule = "ranks are numbers from 1" if names[0] == "rank" else "scores are finite numbers"
        raise DataError(
            f"column {names[0]!r} holds {values[wrong[0]]:g} in row {int(wrong[0])}, and {rule}. Correct that row."
        )
    return -values if names[0] == "rank" else values


def _refuse_repeats(split: Split, user: Ints, item: Ints) -> None:
    pairs = user * split.n_items + item
    distinct, counts = np.unique(pairs, return_counts=True)
    if (counts > 1).any():
        user_index, item_index = divmod(int(distinct[counts.argmax()]), split.n_items)
        raise DataError(
            f"user {split.interactions.users.id(user_index)!r} has item {split.interactions.items.id(item_index)!r} "
            f"{int(counts.max())} times in the lists. Keep one row a pair."
        )


def _notes(n_users: int, without: int, excluded: int, shortest: int, k: int, part: Part) -> list[str]:
    """How many users have no list, how many rows were excluded, and where a list is shorter than K."""
    notes = ["AUC needs a full ranking, so lists have none."]
    if without:
        notes.append(f"{without:,} of {n_users:,} users have no list: their {part} items count as misses.")
    if excluded:
        notes.append(f"{excluded:,} rows are of items that are excluded before ranking, and were dropped.")
    if shortest < k:
        notes.append(
            f"The shortest list holds {shortest:,} items, fewer than K = {k}: what it does not hold is a miss."
        )
    return notes
