"""What ItemKNN and EASE share: an item-item matrix that is computed in one go, and the items that each user has.

    score(u, i) = Σ_{j in training items of u} matrix[j, i]

Both are held as plain tensors, so that a saved model scores alone. They stay on the CPU, where the sums are added up
in one order whatever the number of threads: no score depends on the machine's load.

Shapes: U users, I items, n training interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


class ItemModel(nn.Module):
    """A model that is fitted to the training matrix, not trained; subclasses compute the matrix and add its rows up.

    `state_dict` and `load_state_dict` are those of any model, but the sizes of some tensors come with the data: before
    `fit` and before loading they are empty, and then every score is 0.
    """

    name: ClassVar[str]
    history_start: Tensor
    """(U + 1,) int64: the training items of user u are history_items[history_start[u]:history_start[u + 1]]."""
    history_items: Tensor
    """(n,) int64 item indices, ascending for each user."""

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.n_users = n_users
        self.n_items = n_items
        self.register_buffer("history_start", torch.zeros(n_users + 1, dtype=torch.int64))
        self.register_buffer("history_items", torch.zeros(0, dtype=torch.int64))

    def fit(self, train: csr_array) -> Self:
        """Compute the matrix from the training matrix, (U, I), where what is stored is a positive."""
        if train.shape != (self.n_users, self.n_items):
            raise ValueError(f"training matrix of shape {train.shape}, expected {(self.n_users, self.n_items)}")
        ones = csr_array(
            (np.ones(train.nnz), np.array(train.indices), np.array(train.indptr)), shape=train.shape, dtype=np.float64
        )
        ones.sum_duplicates()
        ones.data[:] = 1.0
        self._compute(ones)
        self.history_start = torch.from_numpy(ones.indptr.astype(np.int64))
        self.history_items = torch.from_numpy(ones.indices.astype(np.int64))
        return self

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs: (B,), (B,) -> (B,)."""
        return self.score_pairs(user, item)

    def score_items(self, user: int) -> Tensor:
        """Scores of every item, (I,) float32 on the CPU."""
        start = self.history_start.numpy()
        items = self.history_items.numpy()[start[user] : start[user + 1]]
        return torch.from_numpy(self._sum_of_rows(items).astype(np.float32))

    def score_pairs(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores of pairs, (B,), (B,) -> (B,) float32 on the CPU: the very numbers of `score_items`."""
        user, item = user.cpu(), item.cpu()
        scores = torch.zeros(len(user))
        for one in torch.unique(user).tolist():
            asked = user == one
            scores[asked] = self.score_items(one)[item[asked]]
        return scores

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take the tensors of a fitted model, whatever their sizes. Raises RuntimeError where they cannot be."""
        own = self.state_dict()
        if state_dict.keys() != own.keys():
            raise RuntimeError(f"holds {sorted(state_dict)}, a model {self.name} has {sorted(own)}")
        given = {name: tensor.detach().to("cpu", own[name].dtype) for name, tensor in state_dict.items()}
        self._refuse_misfits(given)
        for name, tensor in given.items():
            setattr(self, name, tensor if assign else tensor.clone())
        return nn.modules.module._IncompatibleKeys([], [])

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """Nothing: `to("cuda")`, `double()` and the like leave the model as it is, float32 on the CPU."""
        return self

    def _compute(self, train: csr_array) -> None:
        """Set the matrix from the training matrix, (U, I) float64 of ones."""
        raise NotImplementedError

    def _sum_of_rows(self, items: Int64s) -> Floats:
        """Σ of the matrix' rows of these items, (k,) -> (I,), added up in their order."""
        raise NotImplementedError

    def _refuse_misfits(self, given: Mapping[str, Tensor]) -> None:
        """Raises RuntimeError where tensors of the right names are not those of such users and items."""
        refuse_unless_rows("history", given["history_start"], given["history_items"], self.n_users, self.n_items)


def refuse_unless_rows(what: str, start: Tensor, items: Tensor, n_rows: int, n_items: int) -> None:
    """Raises RuntimeError unless start (n_rows + 1,) divides the item indices `items` into rows."""
    whole = len(start) == n_rows + 1 and int(start[0]) == 0 and int(start[-1]) == len(items)
    if not whole or bool((start.diff() < 0).any()):
        raise RuntimeError(f"{what}: {len(start)} offsets and {len(items)} items are not {n_rows} rows")
    if len(items) and not 0 <= int(items.min()) <= int(items.max()) < n_items:
        raise RuntimeError(f"{what}: items {int(items.min())} to {int(items.max())}, of {n_items}")
