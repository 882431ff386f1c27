"""Scorer: anything that scores all items for a user, by raw id: a fitted model, or a function of one's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convncf import inspection
from convncf.api.arguments import cut_off, index_of
from convncf.api.dataset import Dataset, Split
from convncf.api.pair import Pair
from convncf.errors import ConvNCFError, DataError, NonFiniteScoreError
from convncf.evaluation import ranking

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

Function = Callable[[str, Sequence[str]], Any]


class Scorer:
    """Something that scores all items of a split for a user. Users and items are given by raw id.

    `from_function` makes one of any model; `convncf.fit` and `convncf.load` give a FittedModel, which is one too. All
    of them go into `convncf.evaluate` and `convncf.compare`.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> longest = convncf.Scorer.from_function(lambda user_id, item_ids: [len(i) for i in item_ids], split)
        >>> longest.recommend("15", k=2)["item_id"].tolist()
        ['58559', '1721']
    """

    def __init__(self, model: ranking.Scorer, split: Split, name: str) -> None:
        self.model, self.split, self.name = model, split, name

    @staticmethod
    def from_function(function: Function, split: Split, name: str = "mine") -> Scorer:
        """A scorer of a function.

        Args:
            function: called with a user's id and the list of all item ids, n of them, always in one order; returns n
                finite numbers, the higher the better. It is called from one thread at a time.
            split: of these users and items.
            name: shown in reports and comparisons.

        Returns:
            A Scorer. It can be evaluated, compared and asked for lists, but not saved.

        Raises:
            ConvNCFError: `function` is not a function, or `split` not a split.

        Example:
            >>> import convncf
            >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
            >>> convncf.Scorer.from_function(lambda user_id, item_ids: [0.0] * len(item_ids), split, "flat")
            Scorer 'flat': a function of 659 users and 151 items
        """
        if not callable(function):
            raise ConvNCFError(
                f"a scorer is made of a function of (user_id, item_ids), and {function!r} is a "
                f"{type(function).__name__}. Give one, such as lambda user_id, item_ids: ..."
            )
        split = as_split(split, "Scorer.from_function")
        return Scorer(FunctionScorer(function, split), split, name)

    # ------------------------------------------------------------ by index, for the core

    @property
    def n_users(self) -> int:
        """Users of the split."""
        return self.model.n_users

    @property
    def n_items(self) -> int:
        """Items of the split."""
        return self.model.n_items

    @property
    def dataset(self) -> Dataset:
        """The dataset of the split: interactions, and the titles of the items."""
        return self.split.dataset

    def score_items(self, user: int) -> Tensor:
        """Scores of all items for a user, by index: -> (n_items,) on the CPU."""
        return self.model.score_items(user)

    # ------------------------------------------------------------ by raw id

    def score(self, user_id: str, item_ids: Iterable[str] | None = None) -> npt.NDArray[np.float32]:
        """Scores of some items for a user.

        Args:
            user_id: raw id.
            item_ids: n raw ids; all items of the split, in its order, unless given.

        Returns:
            (n,) the higher the better.

        Raises:
            UnknownIdError: an id is not in the split.
        """
        interactions = self.split.interactions
        scores = np.asarray(self.score_items(index_of(interactions.users, user_id)), np.float32)
        if item_ids is None:
            return scores
        if isinstance(item_ids, str):
            raise DataError(f"item_ids is the text {item_ids!r}, and a list of ids is needed: [{item_ids!r}].")
        return scores[[index_of(interactions.items, raw) for raw in item_ids]]

    def recommend(self, user_id: str, k: int = 10) -> pd.DataFrame:
        """The best items for a user among those that the test evaluation ranks, without training and validation items.

        Args:
            user_id: raw id.
            k: length of the list; it is shorter where fewer items are left.

        Returns:
            A DataFrame of rank, item_id, title and score. The rank is that of the evaluation: tied items
            have the worst of their ranks.

        Raises:
            UnknownIdError: the split has no such user; the message names the nearest ids.
            ConfigError: k is not a whole number from 1 to the number of items.
        """
        import pandas as pd

        user = index_of(self.split.interactions.users, user_id)
        top = inspection.recommend(self.model, self.split, user, cut_off(k, self.n_items))
        items = self.split.dataset.items
        return pd.DataFrame(
            {
                "rank": top.ranks,
                "item_id": [items.items.id(item) for item in top.items.tolist()],
                "title": [items.label(item) for item in top.items.tolist()],
                "score": top.scores,
            }
        )

    def inspect(self, user_id: str, item_id: str) -> Pair:
        """A user and an item: score, rank, and every array between them where the model has embeddings.

        Raises:
            UnknownIdError: an id is not in the split; the message names the nearest ids.
        """
        interactions = self.split.interactions
        user, item = index_of(interactions.users, user_id), index_of(interactions.items, item_id)
        return Pair(inspection.view_pair(self.model, self.split, user, item), self.split, self.name)

    def save(self, folder: str | Path) -> None:
        """Raises ConvNCFError: a function cannot be saved; a FittedModel can."""
        raise ConvNCFError(
            f"scorer {self.name!r} is a function of yours, and code is not saved. Keep its code, or its lists: "
            "convncf.evaluate takes a DataFrame of user_id, item_id and score too."
        )

    def __repr__(self) -> str:
        return f"Scorer {self.name!r}: a function of {self.n_users:,} users and {self.n_items:,} items"


def as_split(value: Any, function: str) -> Split:
    """A Split of this package. Raises ConvNCFError, saying how one is made."""
    if isinstance(value, Split):
        return value
    raise ConvNCFError(
        f"{function} needs a split, and got a {type(value).__name__}. Make one first: split = data.split(seed=1)."
    )


@dataclass(slots=True)
class FunctionScorer:
    """A function as the core's scorer: raw ids out, n_items finite scores in."""

    function: Function
    split: Split
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def n_users(self) -> int:
        """Users of the split."""
        return self.split.n_users

    @property
    def n_items(self) -> int:
        """Items of the split."""
        return self.split.n_items

    def score_items(self, user: int) -> Tensor:
        """(n_items,) what the function returns for a user. Raises ConvNCFError where that is not n_items numbers."""
        import torch

        interactions = self.split.interactions
        user_id = interactions.users.id(user)
        try:
            with self._lock:
                returned = self.function(user_id, list(interactions.items.ids))
            scores = np.asarray(returned, np.float32)
        except Exception as error:
            raise ConvNCFError(
                f"the function failed for user {user_id!r}: {type(error).__name__}: {error}. It is called with a "
                "user's id and the list of all item ids, and returns a number for each."
            ) from error
        if scores.shape != (self.n_items,):
            raise ConvNCFError(
                f"the function returned {_shape(scores)} for user {user_id!r} and {self.n_items:,} item ids. "
                "It has to return one number for each id."
            )
        if not np.isfinite(scores).all():
            index = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise NonFiniteScoreError(
                f"the function scored user {user_id!r} and item {interactions.items.id(index)!r} as {scores[index]}. "
                "Scores are finite numbers; give the worst items a low one."
            )
        return torch.from_numpy(scores)


def _shape(scores: npt.NDArray[Any]) -> str:
    return (
        f"{scores.size:,} number{'' if scores.size == 1 else 's'}"
        if scores.ndim == 1
        else f"an array of shape {scores.shape}"
    )
