"""What if: how a pair's score and rank move when the interaction map is edited, or user or item are others.

An edit goes to every item's map of this user, not to this pair's alone, so that the ranks before and after are among
items treated alike. The loaded model is never changed: edited embeddings go into a shallow copy of it, and masked maps
are scored beside it (masked.py).

Shapes: D embedding size, N items.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from convncf.data.splitting import Split
from convncf.inspection.edits import Edit
from convncf.inspection.embedded import EmbeddingModel, frozen, opened, refuse_unknown
from convncf.inspection.masked import masked_scores
from convncf.inspection.ranks import rank_of
from convncf.inspection.trace import Array
from convncf.models.convncf import ConvNCF
from convncf.models.pairwise import scoring
from convncf.ranking import ItemRank, Scorer, Scores

_MIXED: Final = "the score before is in bf16, the one after in fp32: their third digit may differ by rounding alone"


@dataclass(frozen=True, slots=True, eq=False)
class WhatIf:
    """A pair's interaction map and score before and after an edit."""

    user: int
    item: int
    edit: Edit
    map_before: Array
    """(D, D)."""
    map_after: Array
    """(D, D): edited, or that of the other user or item."""
    score_before: float
    score_after: float
    note: str
    """What to know about the two scores; mostly empty."""


@dataclass(frozen=True, slots=True, eq=False)
class RankWhatIf:
    """A pair's rank among the user's candidates before and after an edit, and the scores that were ranked."""

    user: int
    item: int
    edit: Edit
    score_before: float
    score_after: float
    before: ItemRank
    after: ItemRank
    """Of the same item, or of the other one where the edit names one."""
    left_out: str
    """What was left out before ranking, in words."""
    words: str
    """What was ranked after the edit."""


def edit_pair(model: Scorer, user: int, item: int, edit: Edit) -> WhatIf:
    """Map and score of one pair before and after an edit, at once; the rank is a call of its own, `rank_edit`.

    Raises IndexError for an index that the model does not know, of the pair or in the edit; TypeError for a model
    without embeddings.
    """
    known = _checked(model, user, item, edit)
    q = known.item_embedding.weight.detach()  # (N, D)
    before = _Sight(known, user, Edit(), q[item : item + 1])
    after = _Sight(known, user, edit, q[_looked_at(item, edit)][None])
    return WhatIf(
        user=user,
        item=item,
        edit=edit,
        map_before=before.map_of(0),
        map_after=after.map_of(0),
        score_before=float(before.scores()[0]),
        score_after=float(after.scores()[0]),
        note=_note(known, edit),
    )


def rank_edit(
    model: Scorer, split: Split, user: int, item: int, edit: Edit, scores: Scores | None = None
) -> RankWhatIf:
    """Ranks of one pair before and after an edit, as the test evaluation would rank it: all items are scored twice.

    `scores`, (n_items,), are the user's without the edit where they are at hand; then all are scored once.

    The edit goes to every item's map of this user. Another user in the edit lends its embedding, the candidates stay
    this user's; of another item it is the other one's own rank. Raises as `edit_pair`, and NonFiniteScoreError.
    """
    known = _checked(model, user, item, edit)
    other = _looked_at(item, edit)
    own = known.score_items(user).numpy() if scores is None else scores
    unedited = edit == Edit(item=edit.item)
    edited = own if unedited else _Sight(known, user, edit, known.item_embedding.weight.detach()).scores().numpy()
    return RankWhatIf(
        user=user,
        item=item,
        edit=edit,
        score_before=float(own[item]),
        score_after=float(edited[other]),
        before=rank_of(own, split, user, item),
        after=rank_of(edited, split, user, other),
        left_out=split.left_out_words(user, "test"),
        words=_ranked(edit, unedited),
    )


class _Sight:
    """Some items as a user sees them through an edit; `q` (N, D) are the items' embeddings."""

    def __init__(self, model: EmbeddingModel, user: int, edit: Edit, q: Tensor) -> None:
        size = q.shape[1]
        p = model.user_embedding.weight.detach()[user if edit.user is None else edit.user]  # (D,)
        self.model = model
        self.p = p * torch.from_numpy(edit.of_p(size)).to(p) if edit.zero_user else p
        self.q = q * torch.from_numpy(edit.of_q(size)).to(q) if edit.zero_item else q
        self.mask = torch.from_numpy(edit.mask(size)).to(p) if edit.masks else None  # (D, D)

    def map_of(self, item: int) -> Array:
        """(D, D)."""
        map_ = torch.outer(self.p, self.q[item])
        return frozen(map_ if self.mask is None else map_ * self.mask)

    def scores(self) -> Tensor:
        """(N,) float32 on the CPU."""
        if self.mask is None:
            return self._through_copy(self.p)
        if isinstance(self.model, ConvNCF):
            return masked_scores(self.model, self.p, self.q, self.mask)
        return self._through_copy(self.p * self.mask.diagonal())  # matrix factorisation reads nothing else

    def _through_copy(self, p: Tensor) -> Tensor:
        with scoring(self.model):  # the copy shares its layers, so it must be out of training before it is made
            edited = copy.copy(self.model)
            edited._modules = dict(self.model._modules)
            edited.user_embedding, edited.item_embedding = _table(p[None]), _table(self.q)
            edited.n_users, edited.n_items = 1, len(self.q)
            return edited.score_items(0)


def _table(vectors: Tensor) -> nn.Embedding:
    """(n, D) as an embedding that shares their memory."""
    return nn.Embedding(len(vectors), vectors.shape[1], _weight=vectors, _freeze=True)


def _checked(model: Scorer, user: int, item: int, edit: Edit) -> EmbeddingModel:
    known = opened(model, "interaction map to edit")
    refuse_unknown(known, user, item)
    refuse_unknown(known, user if edit.user is None else edit.user, _looked_at(item, edit))
    edit.refuse_outside(known.item_embedding.weight.shape[1])
    return known


def _looked_at(item: int, edit: Edit) -> int:
    return item if edit.item is None else edit.item


def _ranked(edit: Edit, unedited: bool) -> str:
    if unedited:
        return f"{edit.words}: no map is edited"
    whose = " of this user's candidates" if edit.user is not None else " of this user"
    return f"{edit.words}: so for every item's map{whose}, and the ranks are among these"


def _note(model: EmbeddingModel, edit: Edit) -> str:
    return _MIXED if edit.masks and getattr(model, "precision", "fp32") == "bf16" else ""
