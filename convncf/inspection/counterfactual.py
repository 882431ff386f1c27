"""Counterfactuals (what if): how a pair's score and rank change when its interaction map, user or item is changed.

A change of the map applies to every item's map of this user, not to this pair's alone, so that ranks before and after
are among items treated alike. The loaded model itself is never changed: changed embeddings go into a shallow copy of
it, and masked maps are scored with its layers.

Layer 1 is bilinear in p and q (models/tower.py), and stays so under a mask M on the map:

    out[c, a, b] = Σ_t G[b, t, a, c] q[b·k + t] + bias[c]
    G[b, t, a, c] = Σ_s W[c, s, t] p[a·k + s] M[a·k + s, b·k + t]

G still depends on the user alone; it only differs from column to column. So any mask costs what no mask costs, and
which windows it touches need not be known. Layer 2 is summed from the columns of layer 1 that it reads, column by
column, which keeps them in a processor's cache.

Shapes: N items, D embedding size; as in models/tower.py k and C kernel and channels of layer 1, A columns of its maps,
r kernel of layer 2, A' = A / r, W = r·C, C' channels of layer 2.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convncf.data.split import Split
from convncf.errors import RefusedValueError, UnknownIndexError
from convncf.evaluation.ranking import ItemRank, Scorer, Scores
from convncf.inspection.pair import rank_of
from convncf.inspection.trace import Array, frozen, model_with_map, refuse_unknown
from convncf.models import tower
from convncf.models.abilities import LayeredModel, MappedModel
from convncf.models.base import scoring
from convncf.runtime import threads

_ITEMS: Final = 128
"""Items scored at a time."""


def scores_under_mask(model: MappedModel, p: Tensor, q: Tensor, mask: Tensor) -> Tensor:
    """Scores of items under (p qᵀ) ∘ mask: (D,), (N, D), (D, D) -> (N,) float32 on the CPU; no gradient, no dropout.

    Where kernel and stride of a layer differ, or there is one layer alone, whole maps are computed, a chunk at a time.
    """
    scores = torch.empty(len(q))
    with scoring(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        score = _by_columns(model, p, mask) if _patches_are_disjoint(model) else _by_maps(model, p, mask)

        def work(chunk: int) -> None:
            with torch.no_grad():
                rows = slice(chunk * _ITEMS, (chunk + 1) * _ITEMS)
                vectors = q[rows]  # (n, D)
                # the last chunk is padded: with fewer rows a sum could round differently, and break a tie
                padded = torch.cat([vectors, vectors[-1:].expand(_ITEMS - len(vectors), -1)])
                scores[rows] = score(padded)[: len(vectors)].cpu()

        threads.share(work, -(-len(q) // _ITEMS))
    return scores


def _by_maps(model: MappedModel, p: Tensor, mask: Tensor) -> Callable[[Tensor], Tensor]:
    """The reference: (n, D) -> (n,)."""

    def score(q: Tensor) -> Tensor:
        maps = torch.einsum("i,bj,ij->bij", p, q, mask)[:, None]  # (n, 1, D, D)
        return model.map_scores(maps)

    return score


def _patches_are_disjoint(model: MappedModel) -> TypeGuard[LayeredModel]:
    """Whether no patch of a layer overlaps another, and there is a second layer."""
    layers = model.layers if isinstance(model, LayeredModel) else []
    return len(layers) > 1 and all(layer.kernel_size == layer.stride for layer in layers)


def _by_columns(model: LayeredModel, p: Tensor, mask: Tensor) -> Callable[[Tensor], Tensor]:
    """The same, (n, D) -> (n,), by the algebra at the head of this file."""
    shape = tower.geometry(p.shape[0], model.layers)
    k, r, side, rows, width = shape.k, shape.r, shape.side, shape.rows, shape.width
    first, *above = model.layers
    matrices = tower.matrices([layer.weight for layer in above], torch.float32)
    biases = [layer.bias for layer in above if layer.bias is not None]
    inverse = torch.argsort(shape.order).to(p.device)
    assert first.bias is not None
    assert len(biases) == len(above)
    segments, windows = p.view(side, k), mask.view(side, k, side, k)  # (A, s), (A, s, A, t)
    g = torch.einsum("cst,as,asbt->btac", first.weight[:, 0], segments, windows)  # (A, k, A, C)
    folded = torch.cat([g, first.bias.expand(side, 1, side, -1)], dim=1).flatten(2)  # (A, k+1, A'·W), a row is (a', s)
    weights_by_column = matrices[0].view(r, width, -1)  # (t, (s, C), C')

    def score(q: Tensor) -> Tensor:
        n = len(q)
        columns = F.pad(q.view(n, side, k), (0, 1), value=1.0).transpose(0, 1).contiguous()  # (A, n, k+1)
        patches = biases[0].repeat(rows, n * rows, 1)  # (b', (n, a'), C')
        for b in range(side):
            maps = torch.mm(columns[b], folded[b]).relu_()  # (n, A'·W)
            patches[b // r].addmm_(maps.view(n * rows, width), weights_by_column[b % r])
        maps = patches.relu_().view(rows, n, rows, -1).permute(1, 2, 0, 3).reshape(n, rows * rows, -1)  # (n, A'·A', C')
        pooled = tower.upper(maps[:, inverse], matrices[1:], biases[1:])  # (n, C of the last layer)
        return model.score_of(pooled[..., None, None])

    return score


Keep = Literal["all", "diagonal", "off-diagonal"]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the interaction map, counted as slices are: rows top:bottom, which are dimensions of p, and columns
    left:right, which are dimensions of q."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def words(self) -> str:
        """Such as "rows 0 to 15, columns 16 to 31"."""
        rows, columns = _range(self.top, self.bottom, "row"), _range(self.left, self.right, "column")
        return f"{rows}, {columns}"


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What is changed, all of it together: user and item first, then dimensions, then cells of the map.

    It applies to every item's map of the user; `item` alone says whose score and rank are given instead.
    """

    zero_user: frozenset[int] = frozenset()
    """Dimensions of p that are set to 0, from 0."""
    zero_item: frozenset[int] = frozenset()
    """Dimensions of every q that are set to 0."""
    keep: Keep = "all"
    """Which cells of the map keep their value; the others are 0."""
    block: Block | None = None
    """A block of the map that is set to 0."""
    user: int | None = None
    """Another user, whose embedding replaces this one's; the candidates stay this user's."""
    item: int | None = None
    """Another item, whose score and rank are given after the change."""

    def __post_init__(self) -> None:
        if self.keep not in ("all", "diagonal", "off-diagonal"):
            raise RefusedValueError(f"keep {self.keep!r} is not one of all, diagonal, off-diagonal.")
        for name in ("zero_user", "zero_item"):  # lists and tuples are accepted too
            object.__setattr__(self, name, frozenset(int(dimension) for dimension in getattr(self, name)))

    @property
    def masks(self) -> bool:
        """Whether cells of the map are masked, which changed embeddings cannot express."""
        return self.keep != "all" or self.block is not None

    def refuse_outside(self, size: int) -> None:
        """Raises IndexError where a dimension or a block is not within an embedding size."""
        for name, dimensions in (("p", self.zero_user), ("q", self.zero_item)):
            outside = sorted(dimension for dimension in dimensions if not 0 <= dimension < size)
            if outside:
                raise UnknownIndexError(f"dimension {outside[0]} of {name} does not exist: they are 0 to {size - 1}.")
        block = self.block
        if block and not (0 <= block.top < block.bottom <= size and 0 <= block.left < block.right <= size):
            raise UnknownIndexError(
                f"rows {block.top}:{block.bottom}, columns {block.left}:{block.right} are no block of a {size}×{size} "
                f"map: give at least one row and one column, ends after starts, from 0 to {size}."
            )

    def factors_of_p(self, size: int) -> Array:
        """What a p is multiplied by, (D,) of 0 and 1."""
        return _zero_at(self.zero_user, size)

    def factors_of_q(self, size: int) -> Array:
        """What every q is multiplied by, (D,) of 0 and 1."""
        return _zero_at(self.zero_item, size)

    def mask(self, size: int) -> Array:
        """What every map is multiplied by in addition, (D, D) of 0 and 1."""
        diagonal = np.eye(size, dtype=np.float32)
        cells = {"all": np.ones_like(diagonal), "diagonal": diagonal, "off-diagonal": 1 - diagonal}[self.keep]
        if self.block:
            cells[self.block.top : self.block.bottom, self.block.left : self.block.right] = 0
        return cells

    @property
    def words(self) -> str:
        """What is changed, such as "dimensions 3 and 7 of p are 0"; "nothing is changed" where nothing is."""
        changes = [
            f"the embedding of user {self.user} (by index) in place of this user's" if self.user is not None else "",
            _zeros(self.zero_user, "p"),
            _zeros(self.zero_item, "every q"),
            {"all": "", "diagonal": "only the diagonal is kept", "off-diagonal": "the diagonal is 0"}[self.keep],
            f"{self.block.words} are 0" if self.block else "",
            f"item {self.item} (by index) in place of this item" if self.item is not None else "",
        ]
        return "; ".join(change for change in changes if change) or "nothing is changed"


def _zero_at(dimensions: Collection[int], size: int) -> Array:
    factors = np.ones(size, dtype=np.float32)
    factors[sorted(dimensions)] = 0
    return factors


def _zeros(dimensions: Collection[int], name: str) -> str:
    listed = [str(dimension) for dimension in sorted(dimensions)]
    if not listed:
        return ""
    if len(listed) == 1:
        return f"dimension {listed[0]} of {name} is 0"
    return f"dimensions {', '.join(listed[:-1])} and {listed[-1]} of {name} are 0"


def _range(first: int, end: int, name: str) -> str:
    return f"{name} {first}" if end - first == 1 else f"{name}s {first} to {end - 1}"


_MIXED: Final = "the score before is in bf16, the one after in fp32: their third digit may differ by rounding alone"


@dataclass(frozen=True, slots=True, eq=False)
class CounterfactualScore:
    """A pair's interaction map and score before and after a change."""

    user: int
    item: int
    counterfactual: Counterfactual
    map_before: Array
    """(D, D)."""
    map_after: Array
    """(D, D): changed, or that of the other user or item."""
    score_before: float
    score_after: float
    note: str
    """What to know about the two scores; mostly empty."""


@dataclass(frozen=True, slots=True, eq=False)
class CounterfactualRank:
    """A pair's rank among the user's candidates before and after a change, and the scores that were ranked."""

    user: int
    item: int
    counterfactual: Counterfactual
    score_before: float
    score_after: float
    before: ItemRank
    after: ItemRank
    """Of the same item, or of the other one where the counterfactual names one."""
    excluded: str
    """What was excluded before ranking, in words."""
    words: str
    """What was ranked after the change."""


def score_counterfactual(model: Scorer, user: int, item: int, counterfactual: Counterfactual) -> CounterfactualScore:
    """Map and score of one pair before and after a change, without ranking; `rank_counterfactual` gives the rank.

    Raises IndexError for a user or item that the model does not have, TypeError for a model without an interaction
    map.
    """
    mapped = _checked(model, user, item, counterfactual)
    q = mapped.item_embedding.weight.detach()  # (N, D)
    before = _ChangedPairs(mapped, user, Counterfactual(), q[item : item + 1])
    after = _ChangedPairs(mapped, user, counterfactual, q[_item_after(item, counterfactual)][None])
    return CounterfactualScore(
        user=user,
        item=item,
        counterfactual=counterfactual,
        map_before=before.map_of(0),
        map_after=after.map_of(0),
        score_before=float(before.scores()[0]),
        score_after=float(after.scores()[0]),
        note=_note(mapped, counterfactual),
    )


def rank_counterfactual(
    model: Scorer, split: Split, user: int, item: int, counterfactual: Counterfactual, scores: Scores | None = None
) -> CounterfactualRank:
    """Ranks of one pair before and after a change, as the test evaluation would rank it: all items are scored twice.

    `scores`, (n_items,), are the user's without the change where they are computed already; then all are scored once.

    The change applies to every item's map of this user. Another user's embedding may replace this one's, the candidates
    stay this user's; with another item, the rank after is that item's. Raises as `score_counterfactual`, and
    NonFiniteScoreError.
    """
    mapped = _checked(model, user, item, counterfactual)
    item_after = _item_after(item, counterfactual)
    scores_before = mapped.score_items(user).numpy() if scores is None else scores
    maps_unchanged = counterfactual == Counterfactual(item=counterfactual.item)
    scores_after = scores_before
    if not maps_unchanged:
        scores_after = (
            _ChangedPairs(mapped, user, counterfactual, mapped.item_embedding.weight.detach()).scores().numpy()
        )
    return CounterfactualRank(
        user=user,
        item=item,
        counterfactual=counterfactual,
        score_before=float(scores_before[item]),
        score_after=float(scores_after[item_after]),
        before=rank_of(scores_before, split, user, item),
        after=rank_of(scores_after, split, user, item_after),
        excluded=split.excluded_in_words(user, "test"),
        words=_what_was_ranked(counterfactual, maps_unchanged),
    )


class _ChangedPairs:
    """Pairs of one user with N items under a counterfactual; `q` (N, D) are the items' embeddings."""

    def __init__(self, model: MappedModel, user: int, counterfactual: Counterfactual, q: Tensor) -> None:
        size = q.shape[1]
        p = model.user_embedding.weight.detach()[user if counterfactual.user is None else counterfactual.user]  # (D,)
        self.model = model
        self.p = p * torch.from_numpy(counterfactual.factors_of_p(size)).to(p) if counterfactual.zero_user else p
        self.q = q * torch.from_numpy(counterfactual.factors_of_q(size)).to(q) if counterfactual.zero_item else q
        self.mask = torch.from_numpy(counterfactual.mask(size)).to(p) if counterfactual.masks else None  # (D, D)

    def map_of(self, item: int) -> Array:
        """(D, D)."""
        map_ = torch.outer(self.p, self.q[item])
        return frozen(map_ if self.mask is None else map_ * self.mask)

    def scores(self) -> Tensor:
        """(N,) float32 on the CPU."""
        if self.mask is None:
            return self._scores_of_copy(self.p)
        masked_p = self.model.under_mask(self.p, self.mask)
        if masked_p is None:
            return scores_under_mask(self.model, self.p, self.q, self.mask)
        return self._scores_of_copy(masked_p)

    def _scores_of_copy(self, p: Tensor) -> Tensor:
        with scoring(self.model):  # the copy shares its layers, so it must be out of training before it is made
            changed = copy.copy(self.model)
            changed._modules = dict(self.model._modules)
            changed.user_embedding, changed.item_embedding = _table(p[None]), _table(self.q)
            changed.n_users, changed.n_items = 1, len(self.q)
            return changed.score_items(0)


def _table(vectors: Tensor) -> nn.Embedding:
    """(n, D) as an embedding that shares their memory."""
    return nn.Embedding(len(vectors), vectors.shape[1], _weight=vectors, _freeze=True)


def _checked(model: Scorer, user: int, item: int, counterfactual: Counterfactual) -> MappedModel:
    mapped = model_with_map(model, "interaction map to change")
    refuse_unknown(mapped, user, item)
    refuse_unknown(
        mapped, user if counterfactual.user is None else counterfactual.user, _item_after(item, counterfactual)
    )
    counterfactual.refuse_outside(mapped.item_embedding.weight.shape[1])
    return mapped


def _item_after(item: int, counterfactual: Counterfactual) -> int:
    return item if counterfactual.item is None else counterfactual.item


def _what_was_ranked(counterfactual: Counterfactual, maps_unchanged: bool) -> str:
    if maps_unchanged:
        return f"{counterfactual.words}: no map is changed"
    whose = " of this user's candidates" if counterfactual.user is not None else " of this user"
    return f"{counterfactual.words}: so for every item's map{whose}, and the ranks are among these"


def _note(model: MappedModel, counterfactual: Counterfactual) -> str:
    return _MIXED if counterfactual.masks and model.computed_in == "bf16" else ""
