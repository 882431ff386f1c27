"""Origins: what pretrained embeddings were trained on, held against the parts that a run is chosen and judged on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from convncf.data.split import Split
from convncf.errors import ConvNCFError, PretrainingError
from convncf.models.run_config import RunConfig
from convncf.runs import Run, RunStore
from convncf.workflow.loading import data_of, source_run


def check_origin(config: RunConfig, fingerprint: str, parts: Split, store: RunStore) -> tuple[str, ...]:
    """What a report must say of the embeddings at model.pre_model_path, a sentence each.

    Config, data's fingerprint and split are those of the run that begins from them. Raises PretrainingError where
    the run that they are of was trained on pairs of this one's test part: its figures would be no test of anything.
    """
    path = config.model.pretrained_from
    source = source_run(path, store)
    if source is None:
        return _unknown(path, "a bare file tells nothing of its training", parts)
    try:
        before, inherited = source.config(), _inherited(source)
        if (before.data, before.seed, source.fingerprint) == (config.data, config.seed, fingerprint):
            return inherited  # the same split
        _, theirs = data_of(source)
    except ConvNCFError as error:
        return _unknown(path, str(error).rstrip("."), parts)
    test, validation = seen_pairs(theirs, parts, parts.test), seen_pairs(theirs, parts, parts.validation)
    if test:
        raise PretrainingError(
            f"run {source.name!r} (model.pre_model_path) was trained on {test:,} of the {parts.test.nnz:,} test pairs "
            f"of this run: its split is {theirs.method}, this one's {parts.method}. Its embeddings know answers that "
            f"are asked for here. Give a run of the same seed and split, or leave model.pre_model_path out and set "
            f"pretrain.epochs: MF-BPR is then trained in the same command."
        )
    if validation:
        words = (
            f"The pretrained embeddings, of run {source.name!r}, were trained on {validation:,} of the "
            f"{parts.validation.nnz:,} validation pairs: the epoch was chosen on figures that are too good. "
            "No test pair was among them."
        )
        return (*inherited, words)
    return inherited


def seen_pairs(theirs: Split, ours: Split, held_out: csr_array) -> int:
    """How many pairs of `held_out` (U, I), in the indices of `ours`, are among the training pairs of `theirs`.

    Pairs are the same where their raw ids are.
    """
    there = theirs.interactions
    users = _indices(ours.interactions.users.ids, there.users.ids)  # (U,)
    items = _indices(ours.interactions.items.ids, there.items.ids)  # (I,)
    asked, train = held_out.tocoo(), theirs.train.tocoo()
    user, item = users[asked.coords[0]], items[asked.coords[1]]
    known = (user >= 0) & (item >= 0)
    pairs = user[known] * len(there.items) + item[known]
    return int(np.isin(pairs, train.coords[0].astype(np.int64) * len(there.items) + train.coords[1]).sum())


def _indices(ids: Sequence[str], among: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(n,) where each id stands among others; -1 where it does not."""
    return np.asarray(pd.Index(among).get_indexer(pd.Index(ids)), np.int64)


def _inherited(source: Run) -> tuple[str, ...]:
    """What holds for the figures of the run behind the embeddings holds for those that begin from it."""
    said = (source.report() or {}).get("warnings", ())
    return tuple(f"The pretrained embeddings are of run {source.name!r}, of which its report says: {s}" for s in said)


def _unknown(path: str, why: str, parts: Split) -> tuple[str, ...]:
    if not parts.test.nnz:
        return ()
    words = (
        f"The pretrained embeddings are of unknown origin ({path}: {why}): they may have seen the test part, and then "
        "these test figures are too good."
    )
    return (words,)
