"""Leakage check: whether pretrained embeddings were trained on pairs that a run is validated or tested on."""

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


def check_leakage(config: RunConfig, fingerprint: str, parts: Split, store: RunStore) -> tuple[str, ...]:
    """What a report must warn of where a run starts from the embeddings at model.pre_model_path, a sentence each.

    Config, data's fingerprint and split are those of the run that starts from them. Raises PretrainingError where the
    run that they come from was trained on pairs of this one's test part: its figures would test nothing.
    """
    path = config.model.pretrained_from
    source = source_run(path, store)
    if source is None:
        return _unknown(path, "a bare file does not say what it was trained on", parts)
    try:
        source_config, inherited = source.config(), _inherited(source)
        if (source_config.data, source_config.seed, source.fingerprint) == (config.data, config.seed, fingerprint):
            return inherited  # the same split
        _, source_parts = data_of(source)
    except ConvNCFError as error:
        return _unknown(path, str(error).rstrip("."), parts)
    test = shared_pairs(source_parts, parts, parts.test)
    validation = shared_pairs(source_parts, parts, parts.validation)
    if test:
        raise PretrainingError(
            f"run {source.name!r} (model.pre_model_path) was trained on {test:,} of the {parts.test.nnz:,} test pairs "
            f"of this run: its split is {source_parts.method}, this one's {parts.method}. Its embeddings have "
            "seen what they would be tested on. Give a run of the same seed and split, or remove model.pre_model_path "
            "and set pretrain.epochs: MF-BPR is then trained in the same command."
        )
    if validation:
        warning = (
            f"The pretrained embeddings, of run {source.name!r}, were trained on {validation:,} of the "
            f"{parts.validation.nnz:,} validation pairs: the epoch was chosen on figures that are too good. "
            "No test pair was among them."
        )
        return (*inherited, warning)
    return inherited


def shared_pairs(source: Split, target: Split, held_out: csr_array) -> int:
    """How many pairs of `held_out` (U, I), in the indices of `target`, are among the training pairs of `source`.

    Pairs are the same where their raw ids are.
    """
    n_items = source.interactions.n_items
    users = _indices(target.interactions.users.ids, source.interactions.users.ids)  # (U,)
    items = _indices(target.interactions.items.ids, source.interactions.items.ids)  # (I,)
    pairs, train = held_out.tocoo(), source.train.tocoo()
    user, item = users[pairs.coords[0]], items[pairs.coords[1]]
    in_source = (user >= 0) & (item >= 0)
    keys = user[in_source] * n_items + item[in_source]
    return int(np.isin(keys, train.coords[0].astype(np.int64) * n_items + train.coords[1]).sum())


def _indices(ids: Sequence[str], among: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(n,) index of each id among others; -1 where it is none of them."""
    return np.asarray(pd.Index(among).get_indexer(pd.Index(ids)), np.int64)


def _inherited(source: Run) -> tuple[str, ...]:
    """The warnings of the run that the embeddings come from hold for a run that starts from them."""
    warnings = (source.report() or {}).get("warnings", ())
    return tuple(f"The pretrained embeddings are of run {source.name!r}, whose report says: {s}" for s in warnings)


def _unknown(path: str, reason: str, parts: Split) -> tuple[str, ...]:
    if not parts.test.nnz:
        return ()
    warning = (
        f"The pretrained embeddings are of unknown origin ({path}: {reason}): they may have seen the test part, and "
        "then these test figures are too good."
    )
    return (warning,)
